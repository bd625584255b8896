//! A worker between two tasks.

use super::{End, Fence, Running, WorkerOptions, connection::Connection, process::Process};
use crate::{
    WorkerError,
    protocol::{Hello, Kind, Released, Reply, Request, Task, TaskId},
};
use std::os::fd::{AsRawFd, RawFd};
use tidegate_memory::{ByteCount, Limit, Meter, Resident};

/// A worker that has no task. [`Worker::run`] gives it one, and [`Running::end`] gives the worker back.
///
/// Dropping it ends the process: its socket is closed, it is waited for as long as [`super::Patience::exit`] says, then
/// killed, and reaped in any case.
///
/// ```no_run
/// use tidegate_memory::{ByteCount, Limit};
/// use tidegate_worker::{Event, Worker, WorkerOptions, protocol::Task};
///
/// let limit = Limit::Bytes(ByteCount::mib(512));
/// let worker = Worker::start(&WorkerOptions::new("/usr/bin/tidegate", &["worker"], limit))?;
/// let mut running = worker.run(&Task::of_sql("SELECT count(*) FROM 'access.log'"))?;
/// for event in &mut running {
///     match event? {
///         Event::Schema(_bytes) | Event::Rows(_bytes) => {} // the Arrow IPC stream, in pieces
///         Event::Progress(_progress) => {}
///         Event::Finished(_) | Event::Failed(_) => {} // the last
///     }
/// }
/// let mut worker = running.end()?;
/// let _given_back = worker.release()?.given_back();
/// # Ok::<(), tidegate_worker::WorkerError>(())
/// ```
#[derive(Debug)]
pub struct Worker {
    pub(super) connection: Connection,
    hello: Hello,
    fence: Fence,
    limit: Limit,
    next: TaskId,
    /// It was told to give memory back, and its answer was not taken yet.
    releasing: bool,
}

impl Worker {
    /// Starts a worker and waits until it says hello.
    ///
    /// # Errors
    /// [`WorkerError::Start`] if there is no such program, [`WorkerError::Lost`] if it ended at once, with what it said,
    /// [`WorkerError::Version`] and [`WorkerError::Garbage`] if it is another program, [`WorkerError::Silent`] if it hangs.
    pub fn start(options: &WorkerOptions) -> Result<Self, WorkerError> {
        let started = Process::start(options)?;
        let mut connection = Connection::new(&started, options);
        let fence = started.fence;
        let Some(frame) = connection.receive(Some(options.patience.hello))? else {
            return Err(connection.silent("say hello", options.patience.hello));
        };
        match Reply::of_frame(frame) {
            Ok(Reply::Hello(hello)) => {
                let (limit, next) = (options.limit, TaskId::FIRST);
                Ok(Self { connection, hello, fence, limit, next, releasing: false })
            }
            Ok(other) => {
                Err(connection.useless(WorkerError::Unexpected { kind: other.kind(), when: "in place of a hello" }))
            }
            Err(error) => Err(connection.useless(error)),
        }
    }

    /// Returns what the worker said of itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Returns the id of its process.
    pub fn pid(&self) -> u32 {
        self.connection.process.id()
    }

    /// Returns what it shows the kernel; nothing of one that has ended.
    pub fn resident(&self) -> Option<ByteCount> {
        Meter::of(self.pid()).and_then(|meter| meter.read()).map(Resident::total).ok()
    }

    /// Returns whether its process has not ended, as far as is known.
    pub fn is_alive(&self) -> bool {
        self.connection.process.is_alive()
    }

    /// Returns what the kernel holds around it.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Begins a task.
    ///
    /// # Errors
    /// If the task asks for more than the worker has, or cannot be said in a message, or the worker is gone. The worker ends
    /// with any of them; [`Worker::check`] tells the first two beforehand.
    pub fn run(mut self, task: &Task) -> Result<Running, WorkerError> {
        self.check(task)?;
        if self.releasing {
            self.released()?;
        }
        let id = self.next;
        self.next = id.next();
        self.connection.send(&Request::Start(id, Box::new(task.clone())))?;
        Ok(Running::new(self, id))
    }

    /// Tells whether a task can be given to this worker.
    ///
    /// # Errors
    /// [`WorkerError::LimitAbove`], [`WorkerError::TooLarge`] or [`WorkerError::Content`].
    pub fn check(&self, task: &Task) -> Result<(), WorkerError> {
        if let (Some(task), Limit::Bytes(worker)) = (task.limit, self.limit)
            && task > worker
        {
            return Err(WorkerError::LimitAbove { task, worker });
        }
        Request::Start(self.next, Box::new(task.clone())).to_frame()?.encode().map(drop)
    }

    /// Lets the worker give back what memory it can, and returns what it says it gave.
    ///
    /// # Errors
    /// If the worker is gone, or does not answer. It is of no use then.
    pub fn release(&mut self) -> Result<Released, WorkerError> {
        self.begin_release()?;
        self.released()
    }

    /// Lets the worker give back what memory it can, and does not wait for it: [`Worker::run`] does.
    ///
    /// # Errors
    /// If the worker is gone. It is of no use then.
    pub fn begin_release(&mut self) -> Result<(), WorkerError> {
        if self.releasing {
            return Ok(());
        }
        self.connection.send(&Request::Release)?;
        self.releasing = true;
        Ok(())
    }

    /// Waits for what the worker says that it gave back.
    fn released(&mut self) -> Result<Released, WorkerError> {
        self.releasing = false;
        let patience = self.connection.patience.answer;
        let Some(frame) = self.connection.receive(Some(patience))? else {
            return Err(self.connection.silent("release its memory", patience));
        };
        match Reply::of_frame(frame) {
            Ok(Reply::Released(released)) => Ok(released),
            Ok(other) => Err(self.unexpected(other.kind(), "in place of what was released")),
            Err(error) => Err(self.connection.useless(error)),
        }
    }

    /// Ends the worker in an orderly way and returns how it ended. It is killed if it does not.
    pub fn end(mut self) -> End {
        self.connection.end()
    }

    pub(super) fn unexpected(&self, kind: Kind, when: &'static str) -> WorkerError {
        self.connection.useless(WorkerError::Unexpected { kind, when })
    }
}

/// The client's end of the socket. Whoever forks has to close it in the child, or the worker outlives this process with it.
impl AsRawFd for Worker {
    fn as_raw_fd(&self) -> RawFd {
        self.connection.as_raw_fd()
    }
}
