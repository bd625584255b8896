//! The sending end of a stream: whole messages, whichever thread sends them.

use super::preamble;
use crate::WorkerError;
use std::{
    io::{self, Write},
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

/// Sends messages. The lock is held while one is written, so that no other comes in between; it protects nothing in memory.
#[derive(Debug)]
pub(crate) struct Outbox {
    stream: Arc<UnixStream>,
    turn: Mutex<()>,
}

/// The right to send, until it is dropped.
pub(crate) struct Turn<'a> {
    stream: &'a UnixStream,
    _turn: MutexGuard<'a, ()>,
}

impl Outbox {
    pub(crate) fn new(stream: Arc<UnixStream>) -> Self {
        Self { stream, turn: Mutex::new(()) }
    }

    /// Waits for the turn.
    pub(crate) fn turn(&self) -> Turn<'_> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        Turn { stream: &self.stream, _turn: turn }
    }

    /// Returns nothing while another thread sends.
    pub(crate) fn turn_now(&self) -> Option<Turn<'_>> {
        let turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Turn { stream: &self.stream, _turn: turn })
    }
}

impl Turn<'_> {
    /// Sends the preamble, with which a side begins.
    pub(crate) fn preamble(&self) -> Result<(), WorkerError> {
        self.bytes(&preamble())
    }

    /// Sends a whole message.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), WorkerError> {
        let mut stream = self.stream;
        stream.write_all(bytes).map_err(|error| WorkerError::system("write to the socket of a worker", error))
    }

    /// Sends a whole message if the socket takes it without waiting; returns whether it did. Short messages are taken whole or
    /// not at all; of a long one, of which a part was taken, the rest is waited for.
    ///
    /// The thread that reads from this end may find it empty meanwhile, in place of waiting: it has to try again.
    pub(crate) fn bytes_now(&self, bytes: &[u8]) -> Result<bool, WorkerError> {
        let mut stream = self.stream;
        let error = |source| WorkerError::system("write to the socket of a worker", source);
        stream.set_nonblocking(true).map_err(error)?;
        let sent = stream.write(bytes);
        stream.set_nonblocking(false).map_err(error)?;
        match sent {
            Ok(sent) => self.bytes(bytes.get(sent..).unwrap_or_default()).map(|()| true),
            Err(source) if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(false),
            Err(source) => Err(error(source)),
        }
    }
}
