//! The operators of a plan and what each of them held.

use crate::Bounds;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, metrics::MetricsSet};
use std::{fmt, sync::Arc};
use tidegate_memory::{ByteCount, ledger::Account};

/// The operators of a plan, parents before their children. A clone is of the same plan, which it keeps.
#[derive(Clone, Debug, Default)]
pub struct Operators(pub(crate) Vec<Operator>);

/// A node and its account.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) depth: usize,
    pub(crate) node: Arc<dyn ExecutionPlan>,
    pub(crate) account: Account,
    pub(crate) forecast: Bounds,
}

/// What one operator of a plan did, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorReport {
    /// How many operators are above it.
    pub depth: usize,
    /// Its name, such as `SortExec`.
    pub name: String,
    /// What it does, as in `EXPLAIN`.
    pub details: String,
    /// In how many partitions it ran.
    pub partitions: usize,
    /// Rows that came out of it, where it counts them.
    pub rows: Option<usize>,
    /// What it was expected to hold, before the run.
    pub forecast: Bounds,
    /// The most that it held.
    pub peak: ByteCount,
    /// What was on its account when the whole was at its peak.
    pub at_peak: ByteCount,
    /// What it spilled.
    pub spilled: ByteCount,
}

impl Operators {
    /// Returns what each of them holds, in their order.
    pub fn balances(&self) -> Vec<ByteCount> {
        self.0.iter().map(|operator| operator.account.balance()).collect()
    }

    /// Returns what the operators have done so far.
    pub fn report(&self) -> Vec<OperatorReport> {
        self.0.iter().map(Operator::report).collect()
    }
}

impl Operator {
    fn report(&self) -> OperatorReport {
        let metrics = self.node.metrics();
        OperatorReport {
            depth: self.depth,
            name: self.node.name().to_owned(),
            details: Details(self.node.as_ref()).to_string(),
            partitions: self.node.output_partitioning().partition_count(),
            rows: metrics.as_ref().and_then(MetricsSet::output_rows),
            forecast: self.forecast,
            peak: self.account.peak(),
            at_peak: self.account.at_peak(),
            spilled: metrics.and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0).into(),
        }
    }
}

/// A node in one line, as `EXPLAIN` shows it.
struct Details<'a>(&'a dyn ExecutionPlan);

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(DisplayFormatType::Default, f)
    }
}
