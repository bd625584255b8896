//! What an operator is expected to hold, before it runs.
//!
//! *Model.* Operators that pass rows on hold a batch or two in each partition. Those that collect hold their input, as far as
//! the budget lets them before they spill. The size of an input is what DataFusion derives from the sampled size of the files;
//! a selectivity that nobody knows makes it a range, from a batch to all of it.

use datafusion::{
    common::stats::Precision,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties,
        statistics::{StatisticsArgs, StatisticsContext},
    },
};
use std::fmt;
use tidegate_memory::ByteCount;

/// What is expected: at least, and at most where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub least: ByteCount,
    /// The most; `None` if nothing bounds it but the input, whose size is not known.
    pub most: Option<ByteCount>,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) if most == self.least => write!(f, "{most}"),
            Some(most) => write!(f, "{} to {most}", self.least),
            None => write!(f, "{} or more", self.least),
        }
    }
}

/// Batches that an operator which passes rows on may have in hand: one that comes, one that it builds, one that goes.
const IN_HAND: usize = 3;

/// Returns what an operator is expected to hold, in a plan whose operators may reserve `capacity` together and whose batches
/// take `batch_bytes`.
pub(crate) fn of_operator(node: &dyn ExecutionPlan, capacity: Option<ByteCount>, batch_bytes: usize) -> Bounds {
    let passing = ByteCount::from(batch_bytes * node.output_partitioning().partition_count());
    if !collects(node) {
        return Bounds { least: passing, most: Some(ByteCount::new(passing.bytes() * IN_HAND as u64)) };
    }
    // Rows are held as they came, and a second time while they are sorted, grown or written out.
    let twice = collected(node).map(|bytes| ByteCount::new(bytes.bytes().saturating_mul(2)));
    let most = match (twice, capacity) {
        (Some(twice), Some(capacity)) => Some(twice.min(capacity)),
        (None, Some(capacity)) => Some(capacity),
        (twice, None) => twice,
    };
    Bounds { least: passing.min(most.unwrap_or(passing)), most: most.map(|most| most.max(passing)) }
}

/// Returns whether an operator holds its input, or one of its inputs, before it passes the first row on.
fn collects(node: &dyn ExecutionPlan) -> bool {
    match node.name() {
        "SortExec" => node.fetch().is_none(),
        "AggregateExec" | "HashJoinExec" | "CrossJoinExec" | "NestedLoopJoinExec" | "WindowAggExec"
        | "RepartitionExec" | "DistinctOnExec" => true,
        name => name.starts_with("Spilling"),
    }
}

/// Returns the bytes of the inputs that are held: of a join the left one, of all others all.
fn collected(node: &dyn ExecutionPlan) -> Option<ByteCount> {
    let statistics = StatisticsContext::new();
    let children = node.children();
    let held = if node.name().ends_with("JoinExec") { 1 } else { children.len() };
    let sizes = children.into_iter().take(held).map(|child| {
        match statistics.compute(child.as_ref(), &StatisticsArgs::new()).ok()?.total_byte_size {
            Precision::Exact(bytes) | Precision::Inexact(bytes) => Some(ByteCount::from(bytes)),
            Precision::Absent => None,
        }
    });
    sizes.sum()
}
