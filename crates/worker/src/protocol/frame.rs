//! Messages as they come off a stream, piece by piece.

use super::header::{HEADER, Header, Kind, PREAMBLE, TaskId, check_preamble};
use crate::WorkerError;
use std::io::{ErrorKind, Read};

/// A message before it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// The task it is about.
    pub task: Option<TaskId>,
    /// JSON, or raw bytes of rows.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Returns header and payload as one piece, so that they go out together.
    ///
    /// # Errors
    /// [`WorkerError::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>, WorkerError> {
        let length = self.kind.check(self.payload.len())?;
        let header = Header { kind: self.kind, task: self.task, length };
        Ok([&header.encode(), self.payload.as_slice()].concat())
    }
}

/// What one look at a stream gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A message.
    Frame(Frame),
    /// Nothing more for now: the stream's read timed out. What came so far is kept.
    Idle,
    /// The other side closed its end, between two messages.
    End,
}

/// Reads the preamble of the other side, then its messages. Remembers what it has of a message that is not whole yet, so a
/// stream with a timeout loses nothing.
#[derive(Debug)]
pub struct FrameReader {
    expects: Expects,
    /// As long as what is expected. Never longer than the longest message.
    buffer: Vec<u8>,
    filled: usize,
}

#[derive(Clone, Copy, Debug)]
enum Expects {
    Preamble,
    Header,
    Payload(Header),
}

enum Filled {
    Whole,
    Idle,
    End,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self { expects: Expects::Preamble, buffer: vec![0; PREAMBLE], filled: 0 }
    }
}

impl FrameReader {
    /// Reads up to the end of the next message.
    ///
    /// # Errors
    /// If what came is not this protocol, or the stream cannot be read. The reader is of no use after that: where the next
    /// message begins is not known.
    pub fn step(&mut self, stream: &mut impl Read) -> Result<Step, WorkerError> {
        loop {
            match self.fill(stream)? {
                Filled::Whole => {}
                Filled::Idle => return Ok(Step::Idle),
                Filled::End if self.filled == 0 && !matches!(self.expects, Expects::Payload(_)) => {
                    return Ok(Step::End);
                }
                Filled::End => return Err(WorkerError::Truncated),
            }
            let expects = self.expects;
            match expects {
                Expects::Preamble => {
                    check_preamble(self.fixed())?;
                    self.expect(Expects::Header, HEADER);
                }
                Expects::Header => {
                    let header = Header::decode(self.fixed())?;
                    self.expect(Expects::Payload(header), header.size());
                }
                Expects::Payload(header) => {
                    let payload = self.expect(Expects::Header, HEADER);
                    return Ok(Step::Frame(Frame { kind: header.kind, task: header.task, payload }));
                }
            }
        }
    }

    /// Turns to what comes next, and returns what came.
    fn expect(&mut self, expects: Expects, length: usize) -> Vec<u8> {
        self.expects = expects;
        self.filled = 0;
        // Zeroed pages come from the system as they are touched: no time is spent on zeroing.
        std::mem::replace(&mut self.buffer, vec![0; length])
    }

    /// Returns the buffer, which is of this length.
    fn fixed<const N: usize>(&self) -> [u8; N] {
        self.buffer.first_chunk().copied().unwrap_or([0; N])
    }

    fn fill(&mut self, stream: &mut impl Read) -> Result<Filled, WorkerError> {
        while let Some(rest) = self.buffer.get_mut(self.filled..).filter(|rest| !rest.is_empty()) {
            match stream.read(rest) {
                Ok(0) => return Ok(Filled::End),
                Ok(read) => self.filled += read,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(Filled::Idle),
                    // The other side went away without having read all that was sent to it.
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => return Ok(Filled::End),
                    _ => return Err(WorkerError::system("read from the socket of a worker", error)),
                },
            }
        }
        Ok(Filled::Whole)
    }
}
