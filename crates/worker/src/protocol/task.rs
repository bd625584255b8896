//! What a worker is given to do.

use super::plain;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use tidegate_memory::{ByteCount, Limit};

/// A task. Paths must be UTF-8, as the SQL is that names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The query. `'-'` is no table in a worker: its standard input is the socket.
    pub sql: String,
    /// Tables that the query may name beside its paths, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TaskTable>,
    /// The folder that relative paths start from; `None` is the one the worker was started in.
    #[serde(default)]
    pub folder: Option<PathBuf>,
    /// The task's limit, at most the worker's; `None` is the worker's.
    #[serde(default, with = "plain::some_bytes")]
    pub limit: Option<ByteCount>,
    /// Threads that execute; `None` is the cores of the machine.
    #[serde(default)]
    pub threads: Option<u16>,
    /// The folder for spilled state; `None` is the usual one.
    #[serde(default)]
    pub spill_folder: Option<PathBuf>,
    /// The most spilled state on disk at a time.
    #[serde(default = "unlimited", with = "plain::limit")]
    pub spill_limit: Limit,
    /// The file for lines that could not be read.
    #[serde(default)]
    pub rejects: Option<PathBuf>,
    /// How many lines may be rejects, as people write it: `1%` or a number.
    #[serde(default)]
    pub max_rejects: Option<String>,
    /// Where the rows go.
    #[serde(default)]
    pub output: Output,
    /// Where it is remembered what is in large files.
    #[serde(default)]
    pub cache: Cache,
    /// Where it is told what happens while the task runs.
    #[serde(default)]
    pub events: Option<Events>,
    /// What becomes of the memory that the task has freed.
    #[serde(default)]
    pub freed: Freed,
}

/// A table by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTable {
    /// A file or a stream of Arrow IPC data; the path may be that of a pipe, which is read once.
    pub path: PathBuf,
}

/// Where it is told what happens while a task runs, and in which words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The log, a file to which lines are appended.
    pub log: PathBuf,
    /// The run that the task is a part of.
    pub run: String,
    /// The task's name in it.
    pub unit: String,
    /// The share of the limit, in percent, that is told of when the peak passes it.
    pub above: u8,
}

/// What becomes of the memory that a task has freed, when it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freed {
    /// It goes back to the kernel at once.
    #[default]
    GivenBack,
    /// The worker keeps it for its next task, until it is told to release it.
    Kept,
}

/// Where the rows go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// To the client, as an Arrow IPC stream.
    #[default]
    Stream,
    /// To a file, which appears when it is whole.
    File {
        /// The file.
        path: PathBuf,
        /// The name of the format, such as `parquet`; `None` goes by the extension.
        #[serde(default)]
        format: Option<String>,
    },
}

/// Where it is remembered what is in large files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// In the person's own cache folder.
    #[default]
    Usual,
    /// In this folder.
    Folder(PathBuf),
    /// Nowhere.
    Nowhere,
}

impl Task {
    /// Returns a task with nothing asked for beside the query.
    pub fn of_sql(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            tables: BTreeMap::new(),
            folder: None,
            limit: None,
            threads: None,
            spill_folder: None,
            spill_limit: Limit::Unlimited,
            rejects: None,
            max_rejects: None,
            output: Output::Stream,
            cache: Cache::Usual,
            events: None,
            freed: Freed::GivenBack,
        }
    }
}

fn unlimited() -> Limit {
    Limit::Unlimited
}
