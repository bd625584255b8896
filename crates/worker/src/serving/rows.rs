//! Rows on their way to the client.

use super::Replies;
use crate::{
    WorkerError,
    protocol::{HEADER, Header, Kind, TaskId},
};
use std::io;

/// Bytes that go out in one message. More would be more memory on both sides, and no faster: the socket holds less.
const MESSAGE: usize = 256 << 10;

/// Takes the bytes of an Arrow IPC stream, cuts them into messages and waits while the client does not read.
///
/// Flush it after the schema, so that the client has it before the first row is computed, and at the end; and after each
/// batch, if rows are few and far between. What was not flushed when it is dropped is not sent.
#[derive(Debug)]
pub struct RowWriter {
    replies: Replies,
    task: TaskId,
    /// `Schema` for the first message.
    kind: Kind,
    /// Begins with room for the header, so that both go out at once.
    buffer: Vec<u8>,
}

impl RowWriter {
    pub(super) fn new(replies: Replies, task: TaskId) -> Self {
        Self { replies, task, kind: Kind::Schema, buffer: vec![0; HEADER] }
    }

    fn send(&mut self) -> Result<(), WorkerError> {
        let length = self.kind.check(self.buffer.len() - HEADER)?;
        if length == 0 {
            return Ok(());
        }
        let header = Header { kind: self.kind, task: Some(self.task), length };
        if let Some(place) = self.buffer.first_chunk_mut() {
            *place = header.encode();
        }
        self.replies.rows_message(&self.buffer)?;
        self.buffer.truncate(HEADER);
        self.kind = Kind::Rows;
        Ok(())
    }
}

impl io::Write for RowWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() - HEADER >= MESSAGE {
            self.send()?;
        }
        let room = MESSAGE - (self.buffer.len() - HEADER);
        let (taken, _) = bytes.split_at(room.min(bytes.len()));
        self.buffer.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send().map_err(io::Error::from)
    }
}
