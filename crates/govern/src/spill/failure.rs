//! What can go wrong with spilled state.

use datafusion::common::DataFusionError;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tidegate_memory::ByteCount;

/// Spilled state could not be written or not be trusted. It ends the task: no answer is given without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpillFailure {
    /// The folder takes no file or no more bytes. Make room or choose another folder; a retry passes then.
    #[error("failed to spill to `{}`: {message}", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
        /// What it said in words.
        message: String,
        /// Bytes on disk when it happened.
        current: ByteCount,
    },
    /// More had to be spilled than is allowed. Allow more; a retry passes then.
    #[error("spill limit of {limit} reached")]
    Quota {
        /// The most that may be on disk at a time.
        limit: ByteCount,
        /// Bytes on disk when it happened.
        current: ByteCount,
    },
    /// The system cannot read what it wrote. Look at the disk; a retry passes on another one.
    #[error("failed to read {name}: {message}")]
    Read {
        /// The file.
        name: SpillName,
        /// What the system said.
        kind: io::ErrorKind,
        /// What it said in words.
        message: String,
    },
    /// What was read is not what was written. Look at the disk and at the memory; a retry may pass.
    #[error(
        "{name} was damaged after it was written ({damage} at byte {at}): the disk or the memory of this machine is at \
         fault, and no answer is given from it"
    )]
    Damaged {
        /// The file.
        name: SpillName,
        /// Where the damaged block begins.
        at: u64,
        /// What is wrong with it.
        damage: Damage,
    },
}

/// How people can tell one spill file from another, as it has no name on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpillName {
    /// The folder whose disk holds the file.
    pub folder: Arc<Path>,
    /// What was spilled, in the words of the operator that did it.
    pub purpose: Box<str>,
    /// The number of the file in its task, from 1.
    pub number: u64,
}

impl fmt::Display for SpillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spill file {} ({}) in `{}`", self.number, self.purpose, self.folder.display())
    }
}

/// What is wrong with a block that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Its length is none that is ever written, or reaches beyond the end.
    Length,
    /// Its checksum does not fit, or it belongs to another file.
    Checksum,
    /// It belongs to another place of the file.
    Order,
    /// The file ends before it does.
    Missing,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "impossible length",
            Self::Checksum => "wrong checksum",
            Self::Order => "block of another place",
            Self::Missing => "missing bytes",
        })
    }
}

impl From<SpillFailure> for DataFusionError {
    fn from(failure: SpillFailure) -> Self {
        Self::External(Box::new(failure))
    }
}

impl From<SpillFailure> for io::Error {
    fn from(failure: SpillFailure) -> Self {
        let kind = match &failure {
            SpillFailure::Write { kind, .. } | SpillFailure::Read { kind, .. } => *kind,
            SpillFailure::Quota { .. } => io::ErrorKind::QuotaExceeded,
            SpillFailure::Damaged { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, failure)
    }
}
