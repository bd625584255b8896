//! What one run over a sample showed.

use super::SampleSeen;
use crate::{
    Finished,
    table::{ArrowScan, LogScan},
};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;
use tidegate_memory::ByteCount;

/// What one run over a sample showed. Sizes in bytes, as they are calculated with.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// The operators of the plan, parents before their children.
    pub operators: Vec<Held>,
    /// The scans among them.
    pub scans: Vec<Scan>,
    /// Heap that is on no operator's account: rows on their way out, planning, the runtime.
    pub besides: f64,
    /// What the allocator held for each byte that was asked for.
    pub allocator: f64,
    /// Anonymous memory outside of the heap.
    pub outside: f64,
    pub seconds: f64,
    /// The share of what there is to answer from that was seen.
    pub share: f64,
    /// Rows of the result.
    pub rows_out: f64,
}

/// What an operator held.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub name: String,
    pub details: String,
    pub depth: usize,
    /// The share of its input that was read.
    pub share: f64,
    pub peak: f64,
    pub at_peak: f64,
    /// The rows that came out of it.
    pub rows: Option<f64>,
}

/// What a scan read.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub share: f64,
    pub all: ByteCount,
    pub read: ByteCount,
    pub rows: f64,
    /// The columns that it read.
    pub columns: Vec<Column>,
}

/// What a column of all rows took together.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    /// The bytes that hold something.
    pub filled: f64,
    /// The bytes that were asked for.
    pub asked: f64,
}

impl Level {
    /// Returns what is to be told of a run; `plan` is the one that ran.
    pub fn of(plan: &Arc<dyn ExecutionPlan>, finished: &Finished, seconds: f64) -> Self {
        let (mut nodes, mut scans) = (Vec::new(), Vec::new());
        let share = walk(plan, &mut nodes, &mut scans);
        let memory = &finished.memory;
        let held = memory.operators.iter().zip(&nodes).map(|(operator, (share, scanned))| Held {
            name: operator.name.clone(),
            details: operator.details.clone(),
            depth: operator.depth,
            share: *share,
            peak: number(operator.peak.bytes()),
            at_peak: number(operator.at_peak.bytes()),
            rows: scanned.or(operator.rows.map(|rows| number(rows as u64))),
        });
        let live = number(memory.live.bytes()).max(1.0);
        Self {
            operators: held.collect(),
            scans,
            besides: number((memory.output + memory.unowned).bytes()),
            allocator: number(memory.allocator.bytes()) / live,
            outside: number(memory.program.bytes()),
            seconds,
            share,
            rows_out: number(finished.counts.rows_out),
        }
    }
}

/// Returns the share of the input of a node that was read, and adds that of every node below it, in the order of the accounts,
/// with the rows of those that are scans.
fn walk(node: &Arc<dyn ExecutionPlan>, nodes: &mut Vec<(f64, Option<f64>)>, scans: &mut Vec<Scan>) -> f64 {
    let place = nodes.len();
    nodes.push((1.0, None));
    let mut share = 1.0;
    let mut rows = None;
    if let Some(seen) = seen(node) {
        let schema = node.schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        let (all, read) = seen.bytes();
        let column = |(name, (filled, asked))| Column { name, filled: number(filled), asked: number(asked) };
        let columns = names.zip(seen.columns()).map(column).collect();
        share = seen.share();
        rows = Some(number(seen.rows()));
        scans.push(Scan { share, all, read, rows: number(seen.rows()), columns });
    }
    let below: Vec<f64> = node.children().into_iter().map(|child| walk(child, nodes, scans)).collect();
    let is_join = node.name().ends_with("JoinExec");
    // Of a join, the left side is what is held.
    let counted = if is_join { 1 } else { below.len() };
    let held = below.iter().take(counted).copied().fold(share, f64::min);
    if let Some(known) = nodes.get_mut(place) {
        *known = (held, rows);
    }
    // Of pairs, a sample shows the share of the one side in the share of the other.
    if is_join { below.into_iter().product() } else { below.into_iter().fold(share, f64::min) }
}

/// Returns what a scan saw, if the node is one.
fn seen(node: &Arc<dyn ExecutionPlan>) -> Option<&SampleSeen> {
    let log = node.downcast_ref::<LogScan>().map(LogScan::seen);
    log.or_else(|| node.downcast_ref::<ArrowScan>().map(ArrowScan::seen))
}

#[expect(clippy::cast_precision_loss, reason = "sizes are estimated from here on")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}
