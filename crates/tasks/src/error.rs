//! What keeps task files, the loop or the history from working, in the words of the person who started it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// What goes wrong around tasks. A unit that fails is no error of the loop: it is told in the loop's summary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TasksError {
    /// The task file cannot be run as it is. Correct it; a retry does not help.
    #[error("{}", first(path, problems))]
    File {
        /// The task file.
        path: PathBuf,
        /// All that is wrong, in the order of lines. Never empty.
        problems: Vec<Problem>,
    },
    /// A file or a folder cannot be used. A retry passes when the cause is gone.
    #[error("{action} `{path}`: {source}")]
    Io {
        /// What was tried, such as "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another loop works on the same outputs. A retry passes when it has ended.
    #[error("`{folder}` belongs to another task loop that runs ({holder})")]
    InUse {
        /// The folder of the outputs.
        folder: PathBuf,
        /// Who has it, as far as that is known.
        holder: String,
    },
    /// Another process keeps the database locked. A retry passes when it is done.
    #[error("`{path}` is locked by another process")]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// A newer Tidegate wrote the database. Use that one, or another file.
    #[error("`{path}` was written by a newer version (format {version})")]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        version: i64,
    },
    /// The file is something else than the database that it should be. It was left alone; use another file.
    #[error("`{path}` is not {name} of Tidegate, and was left alone")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        name: &'static str,
    },
    /// The disk of the database is full. A retry passes with room.
    #[error("no room left on the disk of `{path}`")]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// SQLite cannot work with the file. Set it aside.
    #[error("use `{path}`: {source}")]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No run has this id.
    #[error("no run `{id}` in the history")]
    NoRun {
        /// What was asked for.
        id: String,
    },
    /// Several runs have ids that begin so. Give more of the id.
    #[error("`{id}` is the beginning of {count} ids")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// How many runs fit.
        count: usize,
    },
}

/// A mistake in a task file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl TasksError {
    /// Returns the error of a file operation.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// Returns the exit code of the command: 1 for what a retry may pass, 2 for what was asked wrongly.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::File { .. } | Self::NoRun { .. } | Self::Ambiguous { .. } => 2,
            Self::Io { .. }
            | Self::InUse { .. }
            | Self::Locked { .. }
            | Self::Newer { .. }
            | Self::Foreign { .. }
            | Self::DiskFull { .. }
            | Self::Database { .. } => 1,
        }
    }

    /// Returns the next step for the person, if there is one to give.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::File { problems, .. } => problems.first()?.help.clone(),
            Self::Io { .. } => None,
            Self::InUse { .. } => Some("wait until it has ended, or write to another `output` folder".into()),
            Self::Locked { .. } => Some("end the process that holds it, and run again".into()),
            Self::Newer { .. } => Some("use the newer version, or name another file".into()),
            Self::Foreign { .. } => Some("name another file, or one that is not there yet".into()),
            Self::DiskFull { .. } => Some("free some room, and run again: what is done stays done".into()),
            Self::Database { path, .. } => Some(format!("move `{}` away, and run again", path.display())),
            Self::NoRun { .. } => Some("`tidegate runs` lists the runs that are kept; `last` is the newest".into()),
            Self::Ambiguous { .. } => Some("give more of the id, or `last` for the newest run".into()),
        }
    }
}

fn first(path: &Path, problems: &[Problem]) -> String {
    let Some(problem) = problems.first() else { return format!("`{}` cannot be used", path.display()) };
    let more = match problems.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("`{}`, {problem}{more}", path.display())
}
