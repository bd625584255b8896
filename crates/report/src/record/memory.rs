//! Where the memory of a run was.

use super::{Sample, size};
use serde::{Deserialize, Serialize};
use tidegate_memory::ByteCount;

/// Where the memory of a run was: over time, at the peak, by operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The most that was anonymous: heap and stacks.
    #[serde(with = "size")]
    pub anonymous_peak: Option<ByteCount>,
    /// What there was at the peak; `None` where nobody looked.
    pub at_peak: Option<AtPeak>,
    /// The operators of the plan, parents before their children.
    pub operators: Vec<Operator>,
    /// Samples, oldest first, ten in a second at most.
    pub timeline: Vec<Sample>,
}

/// What there was when anonymous memory was at its peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AtPeak {
    /// Rows on their way out of the plan.
    #[serde(with = "size")]
    pub output: ByteCount,
    /// The planner, the runtime, and whatever else is no operator.
    #[serde(with = "size")]
    pub planning_and_runtime: ByteCount,
    /// Freed pages that the allocator kept, and its own tables.
    #[serde(with = "size")]
    pub allocator: ByteCount,
    /// Anonymous memory outside of the heap: stacks, relocations.
    #[serde(with = "size")]
    pub program: ByteCount,
    /// All that has an owner: this, and what operators held. The rest of the anonymous peak has none.
    #[serde(with = "size")]
    pub owned: ByteCount,
}

/// One operator of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operator {
    /// How many operators are above it.
    pub depth: usize,
    /// Its name, such as `SortExec`.
    pub name: String,
    /// What it does, as in `EXPLAIN`.
    pub details: String,
    /// In how many partitions it ran.
    pub partitions: usize,
    /// Rows that came out of it, where it counts them.
    pub rows: Option<u64>,
    /// What it was expected to hold. In older records a list of two numbers.
    pub forecast: Bounds,
    /// The most that it held.
    #[serde(with = "size")]
    pub peak: ByteCount,
    /// What it held when the whole was at its peak.
    #[serde(with = "size")]
    pub at_peak: ByteCount,
    /// What it spilled.
    #[serde(with = "size")]
    pub spilled: ByteCount,
}

/// What is expected: at least, and at most where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// The least.
    #[serde(with = "size")]
    pub least: ByteCount,
    /// The most; `None` if nothing bounds it.
    #[serde(with = "size")]
    pub most: Option<ByteCount>,
}
