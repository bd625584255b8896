//! What can go wrong with a saved profile of a machine.

use std::{io, path::PathBuf};

/// A saved profile could not be written or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file could not be written. A retry passes when the cause is gone.
    #[error("write the profile `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be read. A retry passes when the cause is gone.
    #[error("read the profile `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no profile, or a part of it is lost. Save it again on the machine it is of.
    #[error("`{path}` is no whole profile of a machine: {source}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The profile was saved by another version of this program. Save it again with this one.
    #[error("the profile `{path}` has version {version}, this program reads {known}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it names.
        version: u32,
        /// The version that can be read.
        known: u32,
    },
}

impl ProfileError {
    /// Returns what to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Write { .. } => "give a file in a folder that may be written",
            Self::Read { .. } => "save one on the other machine by `tidegate doctor --save FILE`",
            Self::Damaged { .. } => "save it again on the other machine by `tidegate doctor --save FILE`",
            Self::Version { .. } => "save it again with the same version of tidegate on both machines",
        }
    }
}
