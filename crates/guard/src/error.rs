//! What keeps a program from being guarded.

use std::{io, path::PathBuf};

/// What keeps a program from being guarded. How the program itself ends is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The program could not be started. Correct its name; a retry does not help.
    #[error("start `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no process of this number, or it is another person's. Name another.
    #[error("no process {0} can be watched")]
    NoProcess(u32),
    /// A file or a folder of the guard cannot be used. A retry passes when the cause is gone.
    #[error("{action} `{path}`: {source}")]
    Io {
        /// What was tried, such as "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The limit is too small for any program. Name a larger one.
    #[error("the limit of {0} is too small; the smallest is 16 MiB")]
    LimitTooSmall(tidegate_memory::ByteCount),
    /// No thread could be started to wait for the program. A retry may pass.
    #[error("start a thread: {0}")]
    Thread(io::Error),
}

impl GuardError {
    /// Returns the exit code of a command that ends with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Start { .. } | Self::NoProcess(_) | Self::LimitTooSmall(_) => 2,
            Self::Io { .. } | Self::Thread(_) => 1,
        }
    }

    /// Returns what to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Start { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Some("is it installed, and in the PATH?".into()),
                io::ErrorKind::PermissionDenied => Some("is it a program? chmod +x makes it one".into()),
                _ => None,
            },
            Self::NoProcess(_) => Some("`ps` lists processes; those of others need their rights".into()),
            Self::LimitTooSmall(_) => Some("an interpreter alone takes about 10 MB; name 64MB or more".into()),
            Self::Io { .. } | Self::Thread(_) => None,
        }
    }
}
