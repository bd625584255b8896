//! The client's end of one worker: what is received and sent, and the orderly or disorderly end.

use super::{
    End, Loss,
    options::{Patience, WorkerOptions},
    process::{Process, Reason, Started},
};
use crate::{
    WorkerError,
    protocol::{Frame, FrameReader, Outbox, Request, Step},
};
use std::{
    io::ErrorKind,
    net::Shutdown,
    os::{
        fd::{AsRawFd, RawFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    time::Duration,
};
use tidegate_memory::Limit;

/// A worker's process and its socket. When it is dropped, the socket is closed, which is the worker's sign to end; it is
/// waited for, then killed, and reaped in any case.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) process: Arc<Process>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) patience: Patience,
    stream: Arc<UnixStream>,
    reader: FrameReader,
    timeout: Option<Duration>,
    limit: Limit,
}

impl Connection {
    pub(super) fn new(started: &Started, options: &WorkerOptions) -> Self {
        let stream = &started.stream;
        Self {
            process: Arc::clone(&started.process),
            outbox: Arc::new(Outbox::new(Arc::clone(stream))),
            patience: options.patience,
            stream: Arc::clone(stream),
            reader: FrameReader::default(),
            timeout: None,
            limit: options.limit,
        }
    }

    /// Waits for the next message; `None` is that none came in this time.
    pub(super) fn receive(&mut self, within: Option<Duration>) -> Result<Option<Frame>, WorkerError> {
        let within = within.map(at_least_some);
        if within != self.timeout {
            let set = self.stream.set_read_timeout(within);
            set.map_err(|error| WorkerError::system("set up a worker's socket", error))?;
            self.timeout = within;
        }
        match self.reader.step(&mut self.stream.as_ref()) {
            Ok(Step::Frame(frame)) => Ok(Some(frame)),
            Ok(Step::Idle) => Ok(None),
            // In the middle of a message or not: what counts is how the worker ended.
            Ok(Step::End) | Err(WorkerError::Truncated) => Err(self.lost()),
            Err(error) => Err(self.useless(error)),
        }
    }

    /// Sends a request. Part of it may be sent when that fails, so that the worker is of no use; mostly it is gone, and how
    /// that came is the better error.
    pub(super) fn send(&mut self, request: &Request) -> Result<(), WorkerError> {
        let bytes = request.to_frame()?.encode()?;
        let sent = self.outbox.turn().bytes(&bytes);
        match sent {
            Err(WorkerError::System { source, .. }) if source.kind() == ErrorKind::WouldBlock => {
                Err(self.silent("take a request", self.patience.answer))
            }
            Err(WorkerError::System { .. }) => Err(self.lost()),
            result => result,
        }
    }

    /// Gives a worker up that did not do something in time.
    pub(super) fn silent(&self, what: &'static str, waited: Duration) -> WorkerError {
        self.process.kill(Reason::Silent(what, waited));
        self.lost()
    }

    /// Gives a worker up that does not keep to the protocol.
    pub(super) fn useless(&self, error: WorkerError) -> WorkerError {
        self.process.kill(Reason::Useless);
        error
    }

    /// Tells how a worker came to its end whose socket is closed.
    pub(super) fn lost(&self) -> WorkerError {
        let end = self.process.end_within(self.patience.exit);
        let pid = self.process.id();
        match self.process.killed() {
            Some(Reason::Silent(what, waited)) => WorkerError::Silent { pid, what, waited },
            Some(Reason::Useless) | None => {
                let last_words = self.process.last_words();
                WorkerError::Lost(Box::new(Loss { pid, end, limit: self.limit, last_words }))
            }
        }
    }

    /// Asks the worker to end, and waits for it.
    pub(super) fn end(&mut self) -> End {
        // One that is gone already is asked for nothing.
        let _ = self.send(&Request::Exit);
        let _ = self.stream.shutdown(Shutdown::Write);
        self.process.end_within(self.patience.exit)
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Also what the worker is just writing fails by this, so that it does not wait for anybody to read it.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.process.end_within(self.patience.exit);
    }
}

/// A timeout of nothing means none to the system.
fn at_least_some(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}
