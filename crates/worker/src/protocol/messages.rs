//! Messages: requests of the client, replies of the worker. Those that are not rows are JSON.

use super::{Frame, Kind, Task, TaskId, plain};
use crate::WorkerError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{error::Error, fmt};
use tidegate_memory::{ByteCount, pressure::Pressure};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Begin a task. One at a time: the next may come after the last message of the one before.
    Start(TaskId, Box<Task>),
    /// End a task. One that is over already is meant no longer, and nothing is answered.
    Cancel(TaskId),
    /// Give memory back, and say how much. Comes between tasks.
    Release,
    /// End.
    Exit,
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Once and first.
    Hello(Hello),
    /// The first bytes of the Arrow IPC stream, which hold its schema.
    Schema(Vec<u8>),
    /// The next bytes of the Arrow IPC stream, cut anywhere.
    Rows(Vec<u8>),
    /// How far the task is.
    Progress(Progress),
    /// The last of a task that is done.
    Finished(Finished),
    /// The last of a task that failed or was cancelled.
    Failed(Failure),
    /// The answer to [`Request::Release`].
    Released(Released),
}

/// Who the worker is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of tidegate.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// Resident memory before the first task.
    #[serde(with = "plain::bytes")]
    pub baseline: ByteCount,
}

/// How far a task is, and what it uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Rows read.
    pub rows: u64,
    /// Input read.
    #[serde(with = "plain::bytes")]
    pub bytes: ByteCount,
    /// Input there is, as far as known.
    #[serde(with = "plain::bytes")]
    pub total_bytes: ByteCount,
    /// Rows of the result.
    pub rows_out: u64,
    /// Lines that could not be read.
    pub rejects: u64,
    /// What the kernel counts.
    #[serde(with = "plain::bytes")]
    pub resident: ByteCount,
    /// What of it is anonymous: heap and stacks.
    #[serde(with = "plain::bytes")]
    pub anonymous: ByteCount,
    /// What the ledger counts.
    #[serde(with = "plain::bytes")]
    pub live: ByteCount,
    /// What was spilled.
    #[serde(with = "plain::bytes")]
    pub spilled: ByteCount,
    /// How tight memory is.
    #[serde(with = "plain::pressure")]
    pub pressure: Pressure,
}

/// A task that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The record of the run.
    pub record: Value,
}

/// A task that is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code of a command that ends by it: 1 data or query failure, 2 usage, 3 memory limit, 4 rejects, 130
    /// cancelled.
    pub exit_code: u8,
    /// What failed, for programs.
    pub kind: FailureKind,
    /// What failed, for people, in one line.
    pub message: String,
    /// The next step for the person.
    #[serde(default)]
    pub help: Option<String>,
    /// Where in the SQL.
    #[serde(default)]
    pub place: Option<Place>,
    /// The record of the run, as far as there is one.
    #[serde(default)]
    pub record: Option<Value>,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The query cannot be understood: syntax, names, types.
    Query,
    /// The task contradicts itself, or its limit is below what works.
    Usage,
    /// Input is missing, or cannot be read.
    Input,
    /// The task needs more memory than its limit.
    MemoryLimit,
    /// Disk is full, or the spill limit is reached, or what was spilled came back damaged.
    Disk,
    /// More lines could not be read than are allowed.
    Rejects,
    /// The client cancelled it.
    Cancelled,
    /// It failed while it ran.
    Run,
    /// Something that this version has no word for.
    #[serde(other)]
    Other,
}

/// A place in the SQL, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
}

/// What was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// Resident memory before.
    #[serde(with = "plain::bytes")]
    pub before: ByteCount,
    /// Resident memory after.
    #[serde(with = "plain::bytes")]
    pub after: ByteCount,
}

impl Failure {
    /// Returns the failure of a task that the client cancelled.
    pub fn cancelled() -> Self {
        Self {
            exit_code: 130,
            kind: FailureKind::Cancelled,
            message: "the task was cancelled".into(),
            help: None,
            place: None,
            record: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.message)
    }
}

impl Error for Failure {}

impl Released {
    /// Returns what was given back.
    pub fn given_back(self) -> ByteCount {
        self.before - self.after
    }
}

impl Request {
    /// Returns the message.
    ///
    /// # Errors
    /// [`WorkerError::Content`] if a path of the task is not UTF-8.
    pub fn to_frame(&self) -> Result<Frame, WorkerError> {
        Ok(match self {
            Self::Start(task, what) => {
                Frame { kind: Kind::Start, task: Some(*task), payload: json(Kind::Start, what.as_ref())? }
            }
            Self::Cancel(task) => Frame { kind: Kind::Cancel, task: Some(*task), payload: Vec::new() },
            Self::Release => Frame { kind: Kind::Release, task: None, payload: Vec::new() },
            Self::Exit => Frame { kind: Kind::Exit, task: None, payload: Vec::new() },
        })
    }

    /// Understands a message.
    ///
    /// # Errors
    /// If it is none of a client's, or its content is wrong.
    pub fn of_frame(frame: &Frame) -> Result<Self, WorkerError> {
        match (frame.kind, frame.task) {
            (Kind::Start, Some(task)) => Ok(Self::Start(task, Box::new(of_json(frame)?))),
            (Kind::Cancel, Some(task)) => Ok(Self::Cancel(task)),
            (Kind::Release, _) => Ok(Self::Release),
            (Kind::Exit, _) => Ok(Self::Exit),
            (kind, _) => Err(WorkerError::Unexpected { kind, when: "from a client" }),
        }
    }
}

impl Reply {
    /// Returns the message. Those about a task name it.
    ///
    /// # Errors
    /// [`WorkerError::Content`], which is not expected.
    pub fn into_frame(self, task: Option<TaskId>) -> Result<Frame, WorkerError> {
        let kind = self.kind();
        let payload = match self {
            Self::Schema(bytes) | Self::Rows(bytes) => bytes,
            Self::Hello(hello) => json(kind, &hello)?,
            Self::Progress(progress) => json(kind, &progress)?,
            Self::Finished(finished) => json(kind, &finished)?,
            Self::Failed(failure) => json(kind, &failure)?,
            Self::Released(released) => json(kind, &released)?,
        };
        Ok(Frame { kind, task: task.filter(|_| kind.names_task()), payload })
    }

    /// Understands a message.
    ///
    /// # Errors
    /// If it is none of a worker's, or its content is wrong.
    pub fn of_frame(frame: Frame) -> Result<Self, WorkerError> {
        Ok(match frame.kind {
            Kind::Hello => Self::Hello(of_json(&frame)?),
            Kind::Schema => Self::Schema(frame.payload),
            Kind::Rows => Self::Rows(frame.payload),
            Kind::Progress => Self::Progress(of_json(&frame)?),
            Kind::Finished => Self::Finished(of_json(&frame)?),
            Kind::Failed => Self::Failed(of_json(&frame)?),
            Kind::Released => Self::Released(of_json(&frame)?),
            kind @ (Kind::Start | Kind::Cancel | Kind::Release | Kind::Exit) => {
                return Err(WorkerError::Unexpected { kind, when: "from a worker" });
            }
        })
    }

    /// Returns what it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Schema(_) => Kind::Schema,
            Self::Rows(_) => Kind::Rows,
            Self::Progress(_) => Kind::Progress,
            Self::Finished(_) => Kind::Finished,
            Self::Failed(_) => Kind::Failed,
            Self::Released(_) => Kind::Released,
        }
    }
}

fn json(kind: Kind, content: &impl Serialize) -> Result<Vec<u8>, WorkerError> {
    serde_json::to_vec(content).map_err(|source| WorkerError::Content { kind, source })
}

fn of_json<T: DeserializeOwned>(frame: &Frame) -> Result<T, WorkerError> {
    serde_json::from_slice(&frame.payload).map_err(|source| WorkerError::Content { kind: frame.kind, source })
}
