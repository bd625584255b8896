//! The rows of a task as one stream of bytes, for readers of Arrow IPC.

use super::{Event, Outcome, Running};
use crate::protocol::Progress;
use std::io::{self, Cursor, Read};

/// Reads the Arrow IPC stream of a task. Progress and outcome are remembered as they come by.
///
/// A task that fails is a read error that holds the [`crate::protocol::Failure`], a worker that is lost one that holds the
/// [`crate::WorkerError`].
#[derive(Debug)]
pub struct RowReader {
    running: Running,
    piece: Cursor<Vec<u8>>,
    progress: Option<Progress>,
    outcome: Option<Outcome>,
}

impl RowReader {
    /// Reads the rows of this task.
    pub fn new(running: Running) -> Self {
        Self { running, piece: Cursor::default(), progress: None, outcome: None }
    }

    /// Returns how far the task was when it last said so.
    pub fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// Returns how the task ended, once all rows are read.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Returns the task, without what was read of it.
    pub fn into_running(self) -> Running {
        self.running
    }
}

impl Read for RowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.piece.read(buffer) {
                Ok(0) if !buffer.is_empty() => {}
                read => return read,
            }
            match self.running.next().transpose()? {
                Some(Event::Schema(bytes) | Event::Rows(bytes)) => self.piece = Cursor::new(bytes),
                Some(Event::Progress(progress)) => self.progress = Some(progress),
                Some(Event::Finished(finished)) => self.outcome = Some(Outcome::Finished(finished)),
                Some(Event::Failed(failure)) => self.outcome = Some(Outcome::Failed(failure)),
                None => break,
            }
        }
        match &self.outcome {
            Some(Outcome::Finished(_)) => Ok(0),
            Some(Outcome::Failed(failure)) => Err(io::Error::other(failure.clone())),
            // Said once already. A reader that goes on must not take this for the end of the rows.
            None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the worker is lost")),
        }
    }
}
