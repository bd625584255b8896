//! What a task file says.

use super::Template;
use crate::release::ReleasePolicy;
use std::path::PathBuf;
use tidegate_memory::ByteCount;

/// A value and its line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// The line where it stands.
    pub line: usize,
}

/// A task file that was read and checked.
#[derive(Clone, Debug)]
pub struct TaskFile {
    /// The file as the person named it.
    pub path: PathBuf,
    /// Its folder, absolute: what inputs and outputs are relative to, and where commands run.
    pub folder: PathBuf,
    /// The most memory of all units that run at a time.
    pub limit: ByteCount,
    /// The folder of outputs, absolute.
    pub output: PathBuf,
    /// The most units at a time.
    pub parallel: usize,
    /// How memory is given back between units.
    pub release: ReleasePolicy,
    /// How often a unit that failed is tried again.
    pub retries: u32,
    /// The tasks, as they stand in the file.
    pub tasks: Vec<Task>,
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// The line where it begins.
    pub line: usize,
    /// Files, folders and globs, relative to the task file's folder; none if it reads no files.
    pub inputs: Vec<Placed<String>>,
    /// How inputs become units.
    pub each: Each,
    /// What is done.
    pub work: Work,
    /// The line where the text of `sql` begins, or `command`.
    pub work_line: usize,
    /// Whether lines of `sql` are lines of the file.
    pub has_lines: bool,
    /// The format of the output; commands write what they like.
    pub format: Option<Format>,
    /// Where the output goes; a command may have none.
    pub output: Option<Placed<Template>>,
    /// The limit of one unit.
    pub limit: Option<ByteCount>,
    /// Tasks that must have ended well before.
    pub after: Vec<Placed<String>>,
}

/// How inputs become units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// One unit for each file.
    File,
    /// One unit for all files.
    All,
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A query; `{input}` and `{output:task}` stand for paths in quotes.
    Sql(String),
    /// A program and its arguments, without a shell; `{input}`, `{output}` and `{output:task}` stand for paths.
    Command(Vec<String>),
}

/// The format of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// A JSON object on each line.
    Ndjson,
    /// Arrow IPC.
    Arrow,
    /// Parquet.
    Parquet,
}

impl Format {
    /// The names, as task files write them.
    pub const NAMES: [&str; 4] = ["csv", "ndjson", "arrow", "parquet"];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// Returns the format of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Csv, Self::Ndjson, Self::Arrow, Self::Parquet].into_iter().find(|format| format.name() == name)
    }

    /// Returns the format that files with this extension have.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jsonl" => Some(Self::Ndjson),
            "ipc" | "feather" => Some(Self::Arrow),
            name => Self::of_name(name),
        }
    }
}
