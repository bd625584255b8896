//! The sending end of a stream: whole messages, whichever thread sends them.

use super::preamble;
use crate::WorkerError;
use std::{
    io::Write,
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
}
