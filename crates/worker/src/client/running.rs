//! A worker at a task.

use super::{
    Worker,
    process::{Process, Reason},
};
use crate::{
    WorkerError,
    protocol::{Failure, Finished, Frame, Outbox, Progress, Reply, Request, TaskId},
};
use std::{
    os::fd::{AsRawFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// What a task answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first bytes of the Arrow IPC stream.
    Schema(Vec<u8>),
    /// The next bytes of the Arrow IPC stream, cut anywhere.
    Rows(Vec<u8>),
    /// How far it is.
    Progress(Progress),
    /// It is done. The last.
    Finished(Finished),
    /// It failed, or was cancelled. The last.
    Failed(Failure),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Finished(Finished),
    /// It failed, or was cancelled.
    Failed(Failure),
}

/// What one look gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Poll {
    /// An event.
    Event(Event),
    /// Nothing, in the time that was given.
    Nothing,
    /// The last event was seen before.
    Over,
}

/// A task at work. Iterates its events, and waits for them; what is not read makes the worker wait.
///
/// Dropping it ends the worker, and so the task. [`Running::end`] keeps the worker.
#[derive(Debug)]
pub struct Running {
    worker: Worker,
    task: TaskId,
    stage: Stage,
    canceller: Canceller,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Going,
    Over,
    /// The worker is of no use.
    Broken,
}

/// Cancels a task, from any thread.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    process: Arc<Process>,
    outbox: Arc<Outbox>,
    patience: Duration,
    task: TaskId,
    cancelled: AtomicBool,
}

impl Running {
    pub(super) fn new(worker: Worker, task: TaskId) -> Self {
        let connection = &worker.connection;
        let canceller = Canceller(Arc::new(Shared {
            process: Arc::clone(&connection.process),
            outbox: Arc::clone(&connection.outbox),
            patience: connection.patience.cancel,
            task,
            cancelled: AtomicBool::new(false),
        }));
        Self { worker, task, stage: Stage::Going, canceller }
    }

    /// Returns what cancels the task.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Returns the id of the worker's process.
    pub fn pid(&self) -> u32 {
        self.worker.pid()
    }

    /// Waits for the next event no longer than this, so that a signal can be looked after in between.
    ///
    /// # Errors
    /// If the worker is gone, or does not keep to the protocol. It is of no use then.
    pub fn poll(&mut self, within: Duration) -> Result<Poll, WorkerError> {
        let event = self.receive(Some(within))?;
        Ok(match event {
            Some(event) => Poll::Event(event),
            None if self.stage == Stage::Going => Poll::Nothing,
            None => Poll::Over,
        })
    }

    /// Ends the task, if it has not ended, and returns the worker for the next one. What it still answers is thrown away.
    ///
    /// # Errors
    /// If the worker is gone, or the task does not end.
    pub fn end(mut self) -> Result<Worker, WorkerError> {
        if self.stage == Stage::Going {
            self.canceller.cancel();
        }
        for event in &mut self {
            drop(event?);
        }
        match self.stage {
            Stage::Going | Stage::Broken => Err(self.worker.connection.lost()),
            Stage::Over => Ok(self.worker),
        }
    }

    /// Returns nothing if the task is over, or no event came in time.
    fn receive(&mut self, within: Option<Duration>) -> Result<Option<Event>, WorkerError> {
        if self.stage != Stage::Going {
            return Ok(None);
        }
        let received = self.worker.connection.receive(within);
        let event = received.and_then(|frame| frame.map(|frame| self.event(frame)).transpose());
        match &event {
            Ok(Some(Event::Finished(_) | Event::Failed(_))) => {
                self.stage = Stage::Over;
                self.worker.connection.process.task_over(self.task);
            }
            Ok(_) => {}
            Err(_) => self.stage = Stage::Broken,
        }
        event
    }

    fn event(&self, frame: Frame) -> Result<Event, WorkerError> {
        if frame.task != Some(self.task) {
            return Err(self.worker.unexpected(frame.kind, "for another task"));
        }
        match Reply::of_frame(frame) {
            Ok(Reply::Schema(bytes)) => Ok(Event::Schema(bytes)),
            Ok(Reply::Rows(bytes)) => Ok(Event::Rows(bytes)),
            Ok(Reply::Progress(progress)) => Ok(Event::Progress(progress)),
            Ok(Reply::Finished(finished)) => Ok(Event::Finished(finished)),
            Ok(Reply::Failed(failure)) => Ok(Event::Failed(failure)),
            Ok(other @ (Reply::Hello(_) | Reply::Released(_))) => {
                Err(self.worker.unexpected(other.kind(), "in the middle of a task"))
            }
            Err(error) => Err(self.worker.connection.useless(error)),
        }
    }
}

impl Iterator for Running {
    type Item = Result<Event, WorkerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let silence = self.worker.connection.patience.silence;
        match self.receive(silence) {
            Ok(None) => match silence.filter(|_| self.stage == Stage::Going) {
                Some(waited) => {
                    self.stage = Stage::Broken;
                    Some(Err(self.worker.connection.silent("say how far it is", waited)))
                }
                None => None,
            },
            event => event.transpose(),
        }
    }
}

impl Canceller {
    /// Asks the worker to end the task. Whoever reads the task's events goes on, and soon gets the last; if none comes in the
    /// time that [`super::Patience::cancel`] gives, the worker is killed. A task that is over is left in peace.
    pub fn cancel(&self) {
        let shared = &self.0;
        if shared.cancelled.swap(true, Relaxed) {
            return;
        }
        let sent = Request::Cancel(shared.task).to_frame().and_then(|frame| frame.encode());
        // If it cannot be sent, the worker is gone, or takes nothing; both end below.
        let _ = sent.and_then(|bytes| shared.outbox.turn().bytes(&bytes));
        // Holds the process alone: the socket is closed when its owner closes it.
        let (process, task, patience) = (Arc::clone(&shared.process), shared.task, shared.patience);
        let watch = move || {
            if !process.over_within(task, patience) {
                process.kill(Reason::Silent("end its task", patience));
            }
        };
        if thread::Builder::new().name("tidegate-cancel".into()).spawn(watch).is_err() {
            shared.process.kill(Reason::Silent("end its task", Duration::ZERO));
        }
    }

    /// Returns whether the task was cancelled by this or a copy of it.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Relaxed)
    }
}

/// The client's end of the socket, as of [`Worker`].
impl AsRawFd for Running {
    fn as_raw_fd(&self) -> RawFd {
        self.worker.as_raw_fd()
    }
}
