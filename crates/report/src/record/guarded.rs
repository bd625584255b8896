//! What a guard saw of a program that it watched from outside.

use super::{number, size};
use serde::{Deserialize, Serialize};
use tidegate_memory::ByteCount;

/// What a guard saw of a program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guarded {
    /// Where memory was allocated, those lines first that held the most at the peak.
    pub lines: Vec<LineHeld>,
    /// Which variables held it, the largest first.
    pub variables: Vec<VariableHeld>,
    /// What the interpreter and its libraries held before the program began.
    #[serde(with = "size")]
    pub base: ByteCount,
    /// What of the peak no line and no interpreter explains.
    #[serde(with = "size")]
    pub unexplained: ByteCount,
    /// What lines are charged with beyond the peak: memory that was asked for and not touched.
    #[serde(with = "size")]
    pub untouched: ByteCount,
    /// Lines whose memory only grew.
    pub leaks: Vec<Leak>,
    /// When which function allocated, in the order of time.
    pub phases: Vec<Phase>,
    /// What would make it fit, the cheapest first.
    pub advice: Vec<String>,
    /// What could not be seen, and why.
    pub notes: Vec<String>,
    /// Processes that were seen.
    pub processes: u64,
    /// Allocations that were refused because of the limit.
    pub refused: u64,
    /// Times that freed memory was given back.
    pub trims: u64,
    /// Times that Python's collector was run.
    pub collections: u64,
    /// Who would have ended the program past the limit, such as a cgroup.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub wall: String,
}

/// A line and the memory that it allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineHeld {
    /// The file; empty where no line of Python ran.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The function.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub function: String,
    /// What the line called, such as `read_csv`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub through: String,
    /// In whose threads, where not in its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub threads: String,
    /// Its text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What of it lived at the peak.
    #[serde(with = "size")]
    pub bytes: ByteCount,
    /// What of it lived at the end.
    #[serde(with = "size")]
    pub at_end: ByteCount,
    /// All that it ever allocated.
    #[serde(with = "size")]
    pub total: ByteCount,
    /// What the rules of `tidegate check` say of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<LineRule>,
}

/// A rule of `tidegate check` that explains a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LineRule {
    /// Its code, such as `TG001`.
    pub code: String,
    /// What is the matter, in one sentence.
    pub message: String,
    /// What to do, in one line.
    pub fix: String,
}

/// A variable and the memory that it holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VariableHeld {
    /// Its name; empty for what functions of packages hold.
    pub name: String,
    /// The file of its frame or module.
    pub file: String,
    /// The function, `<module>` for a module.
    pub function: String,
    /// The line that its frame was at.
    pub line: u32,
    /// Its type.
    pub kind: String,
    /// What it holds that no variable before it does.
    #[serde(with = "size")]
    pub bytes: ByteCount,
    /// Its shape or length.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shape: String,
    /// The type of its values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dtype: String,
    /// Where its largest part was allocated, as `file:line`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub allocated: String,
    /// Variables that hold parts of it too.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shared_with: String,
    /// Whether it is used again.
    pub used: Used,
    /// The line after which `del` would free it, where it is not used again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_after: Option<u32>,
    /// Why nobody knows whether it is used again.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Columns of a data frame, the largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnHeld>,
}

/// Whether a variable is used again after the line that its frame was at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Used {
    /// It may be.
    Again,
    /// It is not.
    NoMore,
    /// Nobody knows.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A column of a data frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnHeld {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub dtype: String,
    /// What it holds.
    #[serde(with = "size")]
    pub bytes: ByteCount,
}

/// A line whose memory only grew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Leak {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// By how much it grew while it was watched.
    #[serde(with = "size")]
    pub grown: ByteCount,
    /// What one allocation of it holds on average: what each turn of a loop leaves, if it allocates once.
    #[serde(with = "size")]
    pub each: ByteCount,
    /// By how much it grew in a second.
    #[serde(with = "number")]
    pub bytes_per_second: f64,
}

/// A stretch of time in which one function allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phase {
    /// The function.
    pub function: String,
    /// Its beginning, in milliseconds since the start.
    pub from_ms: u64,
    /// Its end.
    pub to_ms: u64,
    /// The most that was in use in it.
    #[serde(with = "size")]
    pub peak: ByteCount,
}
