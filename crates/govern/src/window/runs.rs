//! Rows with equal values, one after the other: partitions by their keys, peers by what they are ordered by.

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, UInt32Array},
        compute::{concat, partition, take},
    },
    common::Result,
    physical_plan::PhysicalExpr,
};
use std::{ops::Range, sync::Arc};

/// Finds runs of equal values in batches that follow each other.
pub(super) struct Runs {
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    /// The values of the last row so far, copied: a slice would keep its batch alive.
    last: Option<Vec<ArrayRef>>,
}

/// The runs of one batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether the first run goes on with the last one of the batch before.
    pub(super) continues: bool,
    /// The runs, which cover the batch.
    pub(super) ranges: Vec<Range<usize>>,
}

impl Runs {
    /// Without expressions, all rows are one run.
    pub(super) fn new(expressions: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self { expressions, last: None }
    }

    /// Returns the runs of the next batch, which has at least one row.
    pub(super) fn find(&mut self, batch: &RecordBatch) -> Result<Found> {
        let rows = batch.num_rows();
        let columns = self
            .expressions
            .iter()
            .map(|expression| expression.evaluate(batch)?.into_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let continues = self.last.as_ref().map_or(Ok(false), |last| same(last, &columns))?;
        let last = rows.saturating_sub(1);
        self.last = Some(columns.iter().map(|column| copy_row(column, last)).collect::<Result<_>>()?);
        Ok(Found { continues, ranges: equal_ranges(&columns, rows)? })
    }
}

fn equal_ranges(columns: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    if columns.is_empty() {
        return Ok(std::iter::once(0..rows).collect());
    }
    Ok(partition(columns)?.ranges())
}

/// Compares a row with the first one of `columns`, by the kernel that compares rows within a batch.
fn same(row: &[ArrayRef], columns: &[ArrayRef]) -> Result<bool> {
    let pairs = row
        .iter()
        .zip(columns)
        .map(|(row, column)| Ok(concat(&[row.as_ref(), column.slice(0, 1).as_ref()])?))
        .collect::<Result<Vec<_>>>()?;
    Ok(equal_ranges(&pairs, 2)?.len() == 1)
}

fn copy_row(column: &ArrayRef, row: usize) -> Result<ArrayRef> {
    let row = u32::try_from(row).map_err(|error| datafusion::common::DataFusionError::External(error.into()))?;
    Ok(take(column.as_ref(), &UInt32Array::from(vec![row]), None)?)
}
