//! How a worker is started and how long it is waited for.

use std::{ffi::OsString, fs::File, path::PathBuf, sync::Arc, time::Duration};
use tidegate_memory::Limit;

/// How a worker is started.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The program, by its path.
    pub program: PathBuf,
    /// Its arguments; those of `tidegate` begin with `worker`.
    pub args: Vec<OsString>,
    /// Variables of its environment, beside those of this process.
    pub env: Vec<(OsString, OsString)>,
    /// The worker's limit, the most that a task of it may have. The worker finds it as `TIDEGATE_LIMIT`.
    pub limit: Limit,
    /// Whether the kernel is asked to hold the limit, too.
    pub cgroup: Cgroup,
    /// Where its standard output goes. It carries no rows.
    pub stdout: Stream,
    /// Where its standard error goes.
    pub stderr: Stream,
    /// How long it is waited for.
    pub patience: Patience,
}

/// Whether a cgroup of the limit's size is put around a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cgroup {
    /// Where one may be made; if not, [`crate::Worker::fence`] says why.
    #[default]
    Auto,
    /// Not even there.
    Off,
}

/// Where a stream of a worker goes.
#[derive(Clone, Debug)]
pub enum Stream {
    /// Nowhere.
    Null,
    /// Where that of this process goes.
    Inherit,
    /// Into a file.
    File(Arc<File>),
    /// Its last 4 KiB are kept, and are in the error if the worker is lost.
    Kept,
}

/// How long a worker is waited for before it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For its first message.
    pub hello: Duration,
    /// For the end of a task after it was cancelled.
    pub cancel: Duration,
    /// For giving memory back, and for taking a request from its socket.
    pub answer: Duration,
    /// For its exit.
    pub exit: Duration,
    /// For a sign of life while a task runs and its reader waits. `None` waits for ever.
    pub silence: Option<Duration>,
}

impl WorkerOptions {
    /// Returns the usual options for a program with these arguments and this limit.
    pub fn new(program: impl Into<PathBuf>, args: &[&str], limit: Limit) -> Self {
        Self {
            program: program.into(),
            args: args.iter().map(OsString::from).collect(),
            env: Vec::new(),
            limit,
            cgroup: Cgroup::Auto,
            stdout: Stream::Null,
            stderr: Stream::Kept,
            patience: Patience::default(),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(30),
            cancel: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            exit: Duration::from_secs(2),
            silence: None,
        }
    }
}
