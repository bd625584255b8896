//! What can end a task, in the words of the person who started it.

use crate::input;
use std::{
    io,
    path::{Path, PathBuf},
};
use tidegate_formats::FormatError;
use tidegate_govern::{MemoryLimitError, SpillFailure};
use tidegate_memory::ByteCount;

/// A place in the query, for a caret under it. Counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The line of the SQL text.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
}

/// What ended a task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No file fits a path of the query. Look at the path; a retry passes when the file is there.
    #[error("no file matches `{pattern}`")]
    NoInput {
        /// The path as written.
        pattern: String,
        /// Names near to it that exist.
        near: Vec<String>,
    },
    /// A file could not be opened or read. A retry passes when the cause is gone.
    #[error("{action} `{path}`: {source}")]
    File {
        /// What was tried, such as "read".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The format of a file is unknown or its columns are. Force one in the query.
    #[error("`{path}`: {source}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        source: FormatError,
    },
    /// The query cannot be understood: syntax, names, types. Change it.
    #[error("{message}")]
    Query {
        /// What is wrong, in one line.
        message: String,
        /// Where, if that is known.
        place: Option<Hint>,
        /// What to do.
        help: Option<String>,
    },
    /// The task needed more memory than its limit.
    #[error(transparent)]
    MemoryLimit(#[from] MemoryLimitError),
    /// The disk that takes what is spilled or written is full. A retry passes with room.
    #[error("no room left on the disk of `{path}`: {needed}")]
    DiskFull {
        /// The folder or file that was written.
        path: PathBuf,
        /// How much was needed, in words.
        needed: String,
        /// Whether it was spilled state that did not fit, which can go to another folder.
        spilling: bool,
    },
    /// More had to be spilled than is allowed. A retry passes with a higher spill limit, or a higher memory limit.
    #[error("spill limit of {limit} reached: {needed}")]
    SpillLimit {
        /// The most that may be on disk at a time.
        limit: ByteCount,
        /// How much was needed, in words.
        needed: String,
    },
    /// What was spilled cannot be read back as it was written. Look at the disk and the memory of the machine.
    #[error(transparent)]
    Spill(SpillFailure),
    /// Options contradict each other. Change them.
    #[error("{0}")]
    Usage(String),
    /// The limit is below what the tool itself needs.
    #[error("limit of {} is below the working minimum of {}", limit.as_limit(), minimum.as_limit())]
    LimitTooSmall {
        /// The limit asked for.
        limit: ByteCount,
        /// The least that works.
        minimum: ByteCount,
    },
    /// The query failed while it ran. The text is the engine's.
    #[error("{0}")]
    Run(String),
    /// Whoever read the output went away. Not a failure.
    #[error("the reader of the output went away")]
    BrokenPipe,
}

impl EngineError {
    /// Returns a query error without a place.
    pub fn query(message: impl Into<String>) -> Self {
        Self::Query { message: message.into(), place: None, help: None }
    }

    /// Returns a query error with advice.
    pub fn query_with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Query { message: message.into(), place: None, help: Some(help.into()) }
    }

    /// Returns the error of a query that needs what `pattern` names more than once, where it is gone after the first time.
    pub(crate) fn read_twice(pattern: &str) -> Self {
        Self::query_with_help(
            format!("{} can be read once", stream(pattern)),
            "keep what comes in a file, and name the file; or name the input once in the query",
        )
    }

    /// Returns the error of a forecast that takes too long.
    pub(crate) fn slow_forecast() -> Self {
        let message = "a sample of half a MB of each table took longer than 2 s, so that nothing is known of the whole";
        Self::query_with_help(
            message,
            "if this machine is busy, try again; if it is not, look for a join without a condition that bounds it",
        )
    }

    /// Returns the error of a worker's task that reads the standard input.
    pub(crate) fn no_standard_input() -> Self {
        Self::query_with_help("a worker has no standard input to read", "keep what comes in a file, and name the file")
    }

    /// Returns the error of a forecast over what is gone once it is read.
    pub(crate) fn not_forecast(pattern: &str) -> Self {
        Self::query_with_help(
            format!("{} can be read once, and a forecast reads it", stream(pattern)),
            "keep what comes in a file, and name the file",
        )
    }

    /// Returns the error of a file operation.
    pub fn file(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { action, path: path.into(), source }
    }

    /// Returns the same error anew: one that travelled through the query engine arrives behind a shared reference.
    pub(crate) fn restated(&self) -> Self {
        match self {
            Self::File { action, path, source } => {
                Self::file(action, path, io::Error::new(source.kind(), source.to_string()))
            }
            Self::DiskFull { path, needed, spilling } => {
                Self::DiskFull { path: path.clone(), needed: needed.clone(), spilling: *spilling }
            }
            Self::Query { message, place, help } => {
                Self::Query { message: message.clone(), place: *place, help: help.clone() }
            }
            other => Self::Run(other.to_string()),
        }
    }

    /// Returns the exit code of the command: 1 data or query failure, 2 usage, 3 memory limit.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::NoInput { .. }
            | Self::File { .. }
            | Self::Format { .. }
            | Self::Query { .. }
            | Self::DiskFull { .. }
            | Self::SpillLimit { .. }
            | Self::Spill(_)
            | Self::Run(_) => 1,
            Self::Usage(_) | Self::LimitTooSmall { .. } => 2,
            Self::MemoryLimit(_) => 3,
        }
    }

    /// Returns the next step for the person, if there is one to give.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoInput { near, .. } if !near.is_empty() => Some(format!("did you mean {}?", quoted_list(near))),
            Self::NoInput { pattern, .. } => missing_help(pattern),
            Self::Query { help, .. } => help.clone(),
            Self::MemoryLimit(error) => Some(error.help()),
            Self::Format { path, source: FormatError::Unknown(_) } => {
                Some(format!("name the format in place of the path: logs('{path}'), json('{path}') or csv('{path}')"))
            }
            Self::LimitTooSmall { minimum, .. } => Some(format!(
                "the program's own pages, the baseline and the reserve for spilling take about 45 MB; \
                 use --limit {}MiB or more",
                minimum.bytes() >> 20
            )),
            Self::DiskFull { spilling: true, .. } => {
                Some("free some room, or spill to another folder with --spill-dir".into())
            }
            Self::SpillLimit { .. } => Some("raise --spill-limit, or --limit so that less is spilled".into()),
            Self::Spill(_) => Some(
                "look for errors of the disk and of the memory (dmesg, smartctl, memtest86+), then run again; \
                 --spill-dir spills to another disk"
                    .into(),
            ),
            Self::DiskFull { spilling: false, .. } => Some("free some room, or write to another place".into()),
            _ => None,
        }
    }
}

fn stream(pattern: &str) -> String {
    if input::is_standard_input(pattern) { "the standard input".into() } else { format!("the pipe `{pattern}`") }
}

fn missing_help(pattern: &str) -> Option<String> {
    if Path::new(pattern).is_dir() {
        return Some("the folder holds no file that could be read; folders in it and hidden files are left out".into());
    }
    let is_glob = pattern.contains(['*', '?', '[']);
    is_glob.then(|| "`*` and `?` stand for parts of one name, `**` for any folders".into())
}

fn quoted_list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}
