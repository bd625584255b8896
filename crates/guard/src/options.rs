//! What is asked of the guard.

use std::{ffi::OsString, path::PathBuf, time::Duration};
use tidegate_memory::{ByteCount, Limit};

/// What is asked of the guard.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The folder to start it in; `None` for this one.
    pub folder: Option<PathBuf>,
    /// Variables that it gets besides those that are there.
    pub environment: Vec<(OsString, OsString)>,
    /// The most memory that it and all that it starts may have in use.
    pub limit: Limit,
    /// Above this peak, the exit code of a program that ends well is 3.
    pub fail_above: Option<ByteCount>,
    /// How often whoever watches is told how it goes; `None` for never.
    pub every: Option<Duration>,
    /// Whether pyarrow keeps an allocator of its own, whose blocks are not seen.
    pub arrow_pool: ArrowPool,
    /// Bytes between two samples, on average.
    pub interval: ByteCount,
    /// What happens to signals.
    pub signals: Signals,
}

/// Which allocator pyarrow uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArrowPool {
    /// That of the system, which is sampled, limited and trimmed.
    #[default]
    System,
    /// The one that the program chose.
    Kept,
}

/// What happens to signals that the guard gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signals {
    /// They are passed on to the program. Those that come from the keyboard have reached it already.
    #[default]
    PassedOn,
    /// They are somebody else's business.
    NotTaken,
}

impl Options {
    /// Returns those of a command, without a limit.
    pub fn of(command: Vec<OsString>) -> Self {
        Self {
            command,
            folder: None,
            environment: Vec::new(),
            limit: Limit::Unlimited,
            fail_above: None,
            every: None,
            arrow_pool: ArrowPool::System,
            interval: ByteCount::new(512 << 10),
            signals: Signals::PassedOn,
        }
    }
}

/// How it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Since the start.
    pub elapsed: Duration,
    /// What the tree has in use.
    pub in_use: ByteCount,
    /// The most that it had.
    pub peak: ByteCount,
    /// The limit.
    pub limit: Limit,
    /// Processes of the tree.
    pub processes: usize,
}

/// Is told how it goes.
pub trait Observer {
    /// Is told, every [`Options::every`]. The guard waits for it.
    fn progress(&mut self, progress: &Progress);
}

/// An observer who does not care.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn progress(&mut self, _progress: &Progress) {}
}
