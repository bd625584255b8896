//! What was expected of a run before it began.

use super::{number, size};
use serde::{Deserialize, Serialize};
use tidegate_memory::ByteCount;

/// What was expected before the run: an interval, and its reasons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Forecast {
    /// The expected peak.
    #[serde(with = "size")]
    pub expected: ByteCount,
    /// The peak that 95 % of runs stay below; `None` if nothing bounds it.
    #[serde(with = "size")]
    pub bound: Option<ByteCount>,
    /// The least that the run can do with.
    #[serde(with = "size")]
    pub least: ByteCount,
    /// The mode that was chosen.
    pub mode: Mode,
    /// Why the run was refused, or why this mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was expected to be spilled.
    #[serde(with = "size")]
    pub spill_bytes: ByteCount,
    /// The expected time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What was expected at first sight of the data, if all is held in memory, before anything was learned; `None` where nobody
    /// looked at the data.
    #[serde(with = "size")]
    pub first_sight: Option<ByteCount>,
    /// How many earlier runs it rests on.
    pub runs: u64,
    /// How long it took to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<f64>,
    /// Memory = C x data size: where C comes from.
    pub table: Vec<ForecastRow>,
}

/// One part of the expected memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForecastRow {
    /// A column or an operator.
    pub name: String,
    /// Bytes of a row there.
    #[serde(with = "number")]
    pub bytes_per_row: f64,
    /// Rows that are held.
    pub rows: u64,
    /// How many times they are held: what C is made of.
    #[serde(with = "number")]
    pub factor: f64,
    /// The product.
    #[serde(with = "size")]
    pub bytes: ByteCount,
    /// How it was derived.
    pub derived: String,
}

/// How a run goes about its memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All state is held in memory.
    InMemory,
    /// Rows pass through; there is little state.
    Streaming,
    /// State goes to disk.
    Spilling,
    /// It cannot hold, and does not start.
    Refused,
    /// The record does not say.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Mode {
    /// Returns the name, as in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InMemory => "in_memory",
            Self::Streaming => "streaming",
            Self::Spilling => "spilling",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}
