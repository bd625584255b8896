//! Why a check cannot be made at all. What is wrong with one file is a finding of that file.

use std::{io, path::PathBuf};

/// Why a check cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A path that was named is not there or cannot be read. A retry passes when the cause is gone.
    #[error("read `{path}`: {source}")]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The section `[tool.tidegate.check]` of a `pyproject.toml` is wrong; the text says where.
    #[error("`{path}`: {message}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No rule has this code; `--explain` without a code lists them.
    #[error("no rule `{code}`")]
    UnknownRule {
        /// What was asked for.
        code: String,
    },
    /// A run cannot be joined: its record is no JSON, or it was not guarded.
    #[error("`{name}` is no record of a guarded run: {message}")]
    Run {
        /// The file, or what the run is called.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A file that was to be fixed could not be written; it is as it was.
    #[error("write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CheckError {
    /// Returns the exit code of a command that ends with it: not that of findings.
    pub fn exit_code(&self) -> u8 {
        2
    }

    /// Returns what to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::UnknownRule { .. } => Some("`tidegate check --explain` lists the rules"),
            Self::Config { .. } => Some("the section is [tool.tidegate.check]"),
            Self::Run { .. } => Some("`tidegate guard` keeps records of runs; `tidegate runs` lists them"),
            Self::Read { .. } | Self::Write { .. } => None,
        }
    }
}
