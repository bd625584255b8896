//! What can go wrong between a client and its worker.

use crate::{client::Loss, protocol::Kind};
use std::{io, path::PathBuf, time::Duration};
use tidegate_memory::ByteCount;

/// What ended the talk with a worker. But for [`WorkerError::LimitAbove`] and [`WorkerError::TooLarge`], which are found
/// before anything is sent, the worker is of no more use; a retry needs another one.
///
/// That a task failed is none of these: it is an answer of the worker ([`crate::protocol::Failure`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The program could not be started. Look at its path and its rights; a retry passes when the cause is gone.
    #[error("start the worker `{program}`: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something that a worker needs: a socket, a thread, a write. A retry passes when the cause is gone.
    #[error("{action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The other side speaks another version. Use a client and a worker of one release; a retry cannot pass.
    #[error("the other side speaks version {theirs} of the worker protocol, this one {ours}")]
    Version {
        /// The version of this side.
        ours: u32,
        /// The version of the other.
        theirs: u32,
    },
    /// What came is not this protocol. The program is another one, or it writes to its standard input.
    #[error("what the other side sent is no message of the worker protocol: {what}")]
    Garbage {
        /// What was seen in place of a message.
        what: String,
    },
    /// The stream ended in the middle of a message.
    #[error("the stream ended in the middle of a message")]
    Truncated,
    /// A message is longer than its kind may be. Nothing was sent, or nothing of it was read.
    #[error("a message `{kind}` of {bytes} is too long, {most} are allowed")]
    TooLarge {
        /// The kind of the message.
        kind: Kind,
        /// Its length.
        bytes: ByteCount,
        /// The longest that is allowed.
        most: ByteCount,
    },
    /// A message does not say what its kind should, or cannot be said: a path that is not UTF-8.
    #[error("a message `{kind}`: {source}")]
    Content {
        /// The kind of the message.
        kind: Kind,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A message came when it makes no sense, or for another task.
    #[error("a message `{kind}` came {when}")]
    Unexpected {
        /// The kind of the message.
        kind: Kind,
        /// When it came.
        when: &'static str,
    },
    /// A task asks for more than its worker was started with. Lower it, or start a worker that has it.
    #[error("a task's limit of {} is above its worker's of {}", task.as_limit(), worker.as_limit())]
    LimitAbove {
        /// The limit of the task.
        task: ByteCount,
        /// The limit of the worker.
        worker: ByteCount,
    },
    /// The worker did not answer in time and was killed. A retry may pass where the machine was busy.
    #[error("worker {pid} did not {what} within {} s and was killed", waited.as_secs_f64())]
    Silent {
        /// The process.
        pid: u32,
        /// What it was to do.
        what: &'static str,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The worker ended in the middle of something: killed, crashed, or gone. A retry passes where the cause was not the task.
    #[error(transparent)]
    Lost(Box<Loss>),
}

impl WorkerError {
    /// Returns the error of a call to the system.
    pub(crate) fn system(action: &'static str, source: io::Error) -> Self {
        Self::System { action, source }
    }

    /// Returns the exit code of a command that ends by this: 1 failure, 2 usage, 3 memory limit.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::LimitAbove { .. } => 2,
            Self::Lost(loss) if loss.out_of_memory() => 3,
            Self::Start { .. }
            | Self::System { .. }
            | Self::Version { .. }
            | Self::Garbage { .. }
            | Self::Truncated
            | Self::TooLarge { .. }
            | Self::Content { .. }
            | Self::Unexpected { .. }
            | Self::Silent { .. }
            | Self::Lost(_) => 1,
        }
    }

    /// Returns the next step for the person, if there is one to give.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Version { .. } => Some("install the program and the package that starts it from one release".into()),
            Self::Start { .. } => Some("name the tidegate program by its full path".into()),
            Self::LimitAbove { .. } => Some("lower the task's limit, or raise the worker's".into()),
            Self::Lost(loss) => loss.help(),
            _ => None,
        }
    }
}

impl From<WorkerError> for io::Error {
    /// Keeps the kind, so that a writer of rows can tell a client that went away.
    fn from(error: WorkerError) -> Self {
        let kind = match &error {
            WorkerError::System { source, .. } => source.kind(),
            WorkerError::Truncated => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
