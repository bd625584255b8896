//! What is said about a machine.

use serde::Serialize;
use std::fmt;

/// How much a finding matters to a job that needs memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Hurts some jobs.
    Caution,
    /// Ends jobs that would pass elsewhere.
    Harm,
}

/// What a finding is about; one word that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Memory that the host, or the cgroup, has.
    Memory,
    /// The cgroup's limits of memory.
    Cgroup,
    /// Swap space.
    Swap,
    /// Whether the kernel promises more than it has.
    Overcommit,
    /// The limit of address space.
    AddressSpace,
    /// The limit of private writable memory.
    Data,
    /// The stack of the first thread.
    Stack,
    /// Open files.
    OpenFiles,
    /// Processes and threads.
    Processes,
    /// Core files.
    CoreFile,
    /// Folders for temporary files.
    Temp,
    /// Memory shared between processes.
    SharedMemory,
    /// Stalls of memory, cores and disks.
    Stalls,
    /// Large pages.
    HugePages,
    /// The size of a page.
    PageSize,
    /// Processor cores.
    Cores,
}

/// Something on a machine that will hurt a job that needs memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// How much it matters.
    pub severity: Severity,
    /// What is so, and what follows.
    pub sentence: String,
    /// What to do about it.
    pub fix: String,
}

impl Severity {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Caution => "caution",
            Self::Harm => "harm",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  fix: {}", self.severity.word(), self.sentence, self.fix)
    }
}
