//! Samples of a run over time.

use super::size;
use serde::{Deserialize, Serialize};
use tidegate_memory::{ByteCount, pressure};

/// One look at a run. In older records a sample is a list of the first two numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Milliseconds since the start of the run.
    pub ms: u64,
    /// What was resident, program pages included.
    #[serde(with = "size")]
    pub resident: ByteCount,
    /// What of it was anonymous: heap and stacks.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<ByteCount>,
    /// Live bytes in the ledger.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub live: Option<ByteCount>,
    /// Bytes spilled since the start.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub spilled: Option<ByteCount>,
    /// Rows read since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How tight memory was.
    pub pressure: Pressure,
    /// What each operator held, in the order of [`Memory::operators`](super::Memory::operators); may be shorter.
    #[serde(with = "size", skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<ByteCount>,
}

/// How tight memory was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressure {
    /// Everybody may grow.
    Calm,
    /// Operators that can spill are refused growth.
    Rising,
    /// Scans pause.
    High,
    /// Nobody may grow.
    Critical,
    /// The record does not say.
    #[default]
    #[serde(other)]
    Unknown,
}

impl From<pressure::Pressure> for Pressure {
    fn from(of: pressure::Pressure) -> Self {
        match of {
            pressure::Pressure::Calm => Self::Calm,
            pressure::Pressure::Rising => Self::Rising,
            pressure::Pressure::High => Self::High,
            pressure::Pressure::Critical => Self::Critical,
        }
    }
}
