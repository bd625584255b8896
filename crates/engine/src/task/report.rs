//! What is known of a task after its last row.

use super::{Replan, TaskOptions};
use crate::{RejectReport, Snapshot};
use datafusion::arrow::{
    array::{ArrayRef, RecordBatch, StringArray, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
};
use std::sync::Arc;
use tidegate_govern::{OperatorReport, Operators, SpillReport};
use tidegate_memory::{
    ByteCount, Moment,
    ledger::{self, Account},
};

/// What is known of a task after its last row.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The counters.
    pub counts: Snapshot,
    /// The rejects.
    pub rejects: RejectReport,
    /// Whether there were more of them than allowed.
    pub too_many_rejects: bool,
    /// What was spilled.
    pub spill: SpillReport,
    /// The most that operators reserved together.
    pub reserved_peak: ByteCount,
    /// The plans after the first one, if an operator was refused memory before the first row.
    pub replans: Vec<Replan>,
    /// What the person should know about the answer.
    pub notes: Vec<String>,
    /// Where the memory was.
    pub memory: MemoryReport,
}

/// What is known of the plans of a task that did not come to its end.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// The plans after the first one.
    pub replans: Vec<Replan>,
    /// Where the memory was; its operators are those of the last plan.
    pub memory: MemoryReport,
}

/// Where the memory of a task was when the process was at its peak.
#[derive(Clone, Debug)]
pub struct MemoryReport {
    /// The operators of the plan, parents before their children.
    pub operators: Vec<OperatorReport>,
    /// Rows on their way out of the plan, and what writes them.
    pub output: ByteCount,
    /// What was on no account: the runtime, planning that is over.
    pub unowned: ByteCount,
    /// Live bytes, on whatever account.
    pub live: ByteCount,
    /// What the allocator held beyond the bytes that were asked for: freed pages, rounding, its own tables. Of what it counts,
    /// some was never touched, so it is not more than the peak leaves.
    pub allocator: ByteCount,
    /// Anonymous memory outside of the heap: relocations, stacks.
    pub program: ByteCount,
    /// The peak of anonymous memory, as the watch saw it.
    pub peak: ByteCount,
    /// Resident memory over time.
    pub timeline: Vec<Moment>,
}

impl MemoryReport {
    pub(super) fn new(operators: &Operators, output: &Account, options: &TaskOptions) -> Self {
        let report = options.watch.report();
        let (output, unowned) = (output.at_peak(), ledger::unowned_at_peak());
        let mut operators = operators.report();
        divide(&mut operators, report.live_at_peak - output - unowned);
        Self {
            operators,
            output,
            unowned,
            live: report.live_at_peak,
            allocator: report.allocator_at_peak.min(report.peak_anonymous - report.live_at_peak - report.outside_heap),
            program: report.outside_heap,
            peak: report.peak_anonymous,
            timeline: options.watch.timeline(),
        }
    }

    /// Returns what of the peak has an owner.
    pub fn owned(&self) -> ByteCount {
        (self.live + self.allocator + self.program).min(self.peak)
    }

    /// Returns the columns of [`MemoryReport::to_batch`].
    pub fn schema() -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let number = |name: &str| Field::new(name, DataType::UInt64, true);
        Arc::new(Schema::new(vec![
            text("operator"),
            number("partitions"),
            number("rows"),
            text("forecast"),
            text("peak"),
            text("at the peak"),
            text("share"),
            text("spilled"),
        ]))
    }

    /// Returns the report as rows: the operators as a tree, then what is outside of them, then the sum.
    ///
    /// # Errors
    /// None that is expected: the columns are those of the schema.
    pub fn to_batch(&self) -> Result<RecordBatch, ArrowError> {
        let mut rows: Vec<Row> = self.operators.iter().map(|operator| self.operator(operator)).collect();
        let others = [
            ("(rows on their way out)", self.output),
            ("(planning and runtime)", self.unowned),
            ("(freed pages and rounding of the allocator)", self.allocator),
            ("(stacks and relocations)", self.program),
            ("(without an owner)", self.peak - self.owned()),
        ];
        rows.extend(others.map(|(name, bytes)| self.other(name, bytes)));
        rows.push(Row { peak: Some(self.peak.to_string()), ..self.other("(all anonymous memory)", self.peak) });
        let text = |of: fn(&Row) -> Option<&String>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| of(row).map(String::as_str)).collect::<StringArray>())
        };
        let number = |of: fn(&Row) -> Option<usize>| -> ArrayRef {
            Arc::new(
                rows.iter().map(|row| of(row).and_then(|number| u64::try_from(number).ok())).collect::<UInt64Array>(),
            )
        };
        let columns = vec![
            text(|row| Some(&row.name)),
            number(|row| row.partitions),
            number(|row| row.rows),
            text(|row| row.forecast.as_ref()),
            text(|row| row.peak.as_ref()),
            text(|row| Some(&row.at_peak)),
            text(|row| Some(&row.share)),
            text(|row| row.spilled.as_ref()),
        ];
        RecordBatch::try_new(Self::schema(), columns)
    }

    fn operator(&self, operator: &OperatorReport) -> Row {
        Row {
            name: format!("{}{}", "  ".repeat(operator.depth), shortened(&operator.details)),
            partitions: Some(operator.partitions),
            rows: operator.rows,
            forecast: Some(operator.forecast.to_string()),
            peak: Some(operator.peak.to_string()),
            spilled: Some(operator.spilled.to_string()),
            ..self.other("", operator.at_peak)
        }
    }

    fn other(&self, name: &str, at_peak: ByteCount) -> Row {
        Row {
            name: name.to_owned(),
            at_peak: at_peak.to_string(),
            share: format!("{:.1} %", at_peak.percent_of(self.peak)),
            ..Row::default()
        }
    }
}

/// Divides what operators held together between them. A batch that was handed to two of them is on the accounts of both, and
/// missing on that of its maker; one that goes from account to account while these are read is on both, or on none.
fn divide(operators: &mut [OperatorReport], live: ByteCount) {
    let claimed: u128 = operators.iter().map(|operator| u128::from(operator.at_peak.bytes())).sum();
    let live = u128::from(live.bytes());
    for operator in operators {
        let share = (u128::from(operator.at_peak.bytes()) * live).checked_div(claimed).unwrap_or(0);
        operator.at_peak = ByteCount::new(u64::try_from(share).unwrap_or(u64::MAX));
    }
}

/// Cuts what an operator does to what fits beside its numbers.
fn shortened(details: &str) -> String {
    const MOST: usize = 64;
    if details.chars().count() <= MOST {
        return details.to_owned();
    }
    details.chars().take(MOST - 2).chain("..".chars()).collect()
}

/// A row of the report.
#[derive(Default)]
struct Row {
    name: String,
    partitions: Option<usize>,
    rows: Option<usize>,
    forecast: Option<String>,
    peak: Option<String>,
    at_peak: String,
    share: String,
    spilled: Option<String>,
}
