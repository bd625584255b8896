//! The record as a whole.

use super::{Ended, Environment, Event, Forecast, Guarded, Memory, number, size};
use serde::{Deserialize, Serialize};
use std::ops::Not;
use tidegate_memory::ByteCount;

/// The version of the record that this program writes. Records without one were written before there were versions.
pub const VERSION: u32 = 1;

/// The record of one run.
///
/// ```
/// use tidegate_report::record::{How, RunRecord};
/// let text = r#"{ "sql": "SELECT 1", "peak": 48000000, "a field of tomorrow": true }"#;
/// let record: RunRecord = serde_json::from_str(text)?;
/// assert_eq!((record.text.as_str(), record.ended.how), ("SELECT 1", How::Unknown));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// The version of the record, [`VERSION`].
    pub version: u32,
    /// What tells the run from all others.
    pub id: String,
    /// What was run.
    pub kind: Kind,
    /// The query, or the command line.
    #[serde(alias = "sql")]
    pub text: String,
    /// When it started, in milliseconds since 1970 in UTC.
    pub started_ms: Option<u64>,
    /// How long it took.
    #[serde(with = "number")]
    pub seconds: f64,
    /// How it ended.
    pub ended: Ended,
    /// The limit; `None` for no limit.
    #[serde(with = "size")]
    pub limit: Option<ByteCount>,
    /// The most spilled state on disk at a time; `None` for as much as there is.
    #[serde(with = "size")]
    pub spill_limit: Option<ByteCount>,
    /// Threads that worked.
    pub threads: usize,
    /// The files that were read.
    pub inputs: Vec<Input>,
    /// What was expected, if anything was.
    pub forecast: Option<Forecast>,
    /// The kernel's own peak of resident memory (`VmHWM`).
    #[serde(with = "size")]
    pub peak: Option<ByteCount>,
    /// What was resident before the run.
    #[serde(with = "size")]
    pub resident_before: Option<ByteCount>,
    /// What was resident after the run, when memory had been given back, if that was asked for.
    #[serde(with = "size")]
    pub resident_after: Option<ByteCount>,
    /// Whether what the run freed was kept for the next one of the same process.
    #[serde(skip_serializing_if = "Not::not")]
    pub kept: bool,
    /// Rows of the result.
    pub rows_out: u64,
    /// Bytes read.
    #[serde(with = "size")]
    pub bytes_in: ByteCount,
    /// What became of each line.
    pub lines: Lines,
    /// What could not be read.
    pub rejects: Rejects,
    /// What was written to disk for lack of memory.
    pub spilled: Spilled,
    /// How often the query was planned again, narrower.
    pub replans: Vec<Replan>,
    /// Where the memory was.
    pub memory: Memory,
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// Where it ran.
    pub environment: Environment,
    /// What a guard saw of it, if it ran under one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guarded>,
}

/// What was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A query.
    #[default]
    Query,
    /// A command, watched from outside.
    Command,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

impl Kind {
    /// Returns the name, as in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Command => "command",
            Self::Other => "other",
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Input {
    /// Its path.
    pub path: String,
    /// Its size.
    #[serde(with = "size")]
    pub bytes: ByteCount,
}

/// What became of each line: lines = rows + rejects + blank + passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lines {
    /// Lines that are rows.
    pub rows: u64,
    /// Lines that could not be read.
    pub rejects: u64,
    /// Lines with nothing on them.
    pub blank: u64,
    /// Lines that a filter passed over unread.
    pub passed_over: u64,
}

impl Lines {
    /// Returns the number of all lines.
    pub const fn total(&self) -> u64 {
        self.rows.saturating_add(self.rejects).saturating_add(self.blank).saturating_add(self.passed_over)
    }
}

/// What could not be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rejects {
    /// How many lines.
    pub count: u64,
    /// How many are allowed, where that was set.
    pub allowed: Option<AllowedRejects>,
    /// Some of them.
    pub samples: Vec<RejectSample>,
}

/// How many rejects are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowedRejects {
    /// This share of the lines in percent.
    Percent(#[serde(with = "number")] f64),
    /// This many lines.
    Lines(u64),
}

/// One line that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RejectSample {
    /// The file.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<u64>,
    /// The place of its first byte in the file, where it is known.
    pub offset: Option<u64>,
    /// Why it could not be read.
    pub reason: String,
    /// Its beginning, of at most 200 bytes.
    pub raw: String,
}

/// What was written to disk for lack of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spilled {
    /// Bytes written.
    #[serde(with = "size")]
    pub bytes: ByteCount,
    /// Files written.
    pub files: u64,
    /// The most on disk at a time.
    #[serde(with = "size")]
    pub largest_on_disk: ByteCount,
}

/// A plan that was given up for a narrower one: the new one, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replan {
    /// What the plan before ended with.
    pub reason: String,
    /// Partitions of the new plan.
    pub partitions: usize,
    /// Rows in a batch of it.
    pub batch_rows: usize,
    /// Whether it may use hash joins.
    pub hash_joins: bool,
}
