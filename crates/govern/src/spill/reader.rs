//! Reading a spill file: no byte is handed on before its block is checked.

use super::{
    block::{BLOCK, HEADER, Stamp, open},
    cache::Behind,
    failure::{Damage, SpillFailure},
    file::Shared,
};
use bytes::{Buf, Bytes};
use datafusion::common::Result;
use futures::Stream;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Bytes read at a time: two whole blocks.
const CHUNK: usize = 2 * BLOCK;

/// Hands on the payload of one block after the other.
pub(super) struct Reader {
    shared: Arc<Shared>,
    /// What was read and not handed on; it begins with the block of `stamp`, which is at `offset` in the file.
    chunk: Bytes,
    stamp: Stamp,
    offset: u64,
    /// Present if this is the first reading.
    behind: Option<Behind>,
    has_ended: bool,
}

impl Reader {
    pub fn new(shared: Arc<Shared>) -> Self {
        let behind = shared.begin_reading().then(Behind::default);
        Self { stamp: shared.first(), chunk: Bytes::new(), offset: 0, behind, has_ended: false, shared }
    }

    /// Returns what the next block holds, or `None` after the last one.
    fn next_payload(&mut self) -> Result<Option<Bytes>, SpillFailure> {
        if let Some(payload) = self.take()? {
            return Ok(Some(payload));
        }
        if self.offset == self.shared.size() {
            self.shared.check_end(self.offset)?;
            return Ok(None);
        }
        if let Some(behind) = &mut self.behind {
            self.shared.passed(behind, self.offset);
        }
        self.chunk = self.shared.read(CHUNK, self.offset)?;
        // A whole block fits into what was read, unless its length says that it ends beyond what was written.
        match self.take()? {
            Some(payload) => Ok(Some(payload)),
            None => Err(self.shared.damaged(self.offset, Damage::Length)),
        }
    }

    /// Takes the next block out of what was read, if that holds all of it.
    fn take(&mut self) -> Result<Option<Bytes>, SpillFailure> {
        let opened = open(self.stamp, &self.chunk).map_err(|damage| self.shared.damaged(self.offset, damage))?;
        let Some(length) = opened else { return Ok(None) };
        let mut block = self.chunk.split_to(HEADER + length);
        block.advance(HEADER);
        self.stamp = self.stamp.next();
        self.offset += (HEADER + length) as u64;
        Ok(Some(block))
    }
}

impl Stream for Reader {
    type Item = Result<Bytes>;

    /// Never pending: a reader that has caught up with its writer ends, and DataFusion asks only for what was flushed.
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let reader = self.get_mut();
        if reader.has_ended {
            return Poll::Ready(None);
        }
        let next = reader.next_payload();
        reader.has_ended = !matches!(next, Ok(Some(_)));
        Poll::Ready(next.map_err(Into::into).transpose())
    }
}
