//! Small partitions, evaluated in bulk.

use super::{constant::Maker, evaluated::Needed, kind::Kind, runs::Found, stream::Shape};
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, UInt32Array},
        compute::{concat, concat_batches, take},
        datatypes::SchemaRef,
    },
    common::{Result, ScalarValue, utils::memory::RecordBatchMemoryCounter},
    physical_expr::window::WindowExpr,
};
use std::{mem, ops::Range, sync::Arc};

/// Rows that wait: whole partitions, and the beginning of the last.
#[derive(Default)]
pub(super) struct Waiting {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// Where partitions end that are whole.
    ends: Vec<usize>,
}

/// Whole partitions.
pub(super) struct Chunk {
    pub(super) rows: RecordBatch,
    partitions: Vec<Range<usize>>,
}

impl Waiting {
    /// Adds a batch and the runs of partitions found in it.
    pub(super) fn push(&mut self, batch: RecordBatch, found: &Found) {
        if !found.continues && self.rows > 0 {
            self.ends.push(self.rows);
        }
        let whole = found.ranges.len().saturating_sub(1);
        self.ends.extend(found.ranges.iter().take(whole).map(|range| self.rows + range.end));
        self.rows += batch.num_rows();
        self.batches.push(batch);
    }

    /// Ends the last partition.
    pub(super) fn end(&mut self) {
        if self.open_rows() > 0 {
            self.ends.push(self.rows);
        }
    }

    /// Returns the rows of whole partitions.
    pub(super) fn whole_rows(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Returns the rows of the last partition, if it has not ended.
    pub(super) fn open_rows(&self) -> usize {
        self.rows - self.whole_rows()
    }

    /// Returns the bytes that are held.
    pub(super) fn size(&self) -> usize {
        let mut counter = RecordBatchMemoryCounter::new();
        self.batches.iter().map(|batch| counter.count_batch(batch)).sum()
    }

    /// Takes all rows, of one partition that has not ended.
    pub(super) fn take_open(&mut self) -> Vec<RecordBatch> {
        mem::take(self).batches
    }

    /// Takes whole partitions: as many as have `rows` rows together, but one at least.
    pub(super) fn take_whole(&mut self, rows: usize, schema: &SchemaRef) -> Result<Option<Chunk>> {
        let count = self.ends.partition_point(|end| *end <= rows).max(1);
        let Some(cut) = self.ends.get(count - 1).copied() else { return Ok(None) };
        let rest = self.ends.split_off(count);
        let ends = mem::replace(&mut self.ends, rest.into_iter().map(|end| end - cut).collect());
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let partitions = begins.zip(ends.iter().copied()).map(|(begin, end)| begin..end).collect();
        let (mut taken, mut left, mut kept) = (Vec::new(), cut, Vec::new());
        for batch in mem::take(&mut self.batches) {
            let here = left.min(batch.num_rows());
            left -= here;
            if here > 0 {
                taken.push(batch.slice(0, here));
            }
            if here < batch.num_rows() {
                kept.push(batch.slice(here, batch.num_rows() - here));
            }
        }
        self.batches = kept;
        self.rows -= cut;
        let rows = match <[RecordBatch; 1]>::try_from(taken) {
            Ok([batch]) => batch,
            Err(taken) => concat_batches(schema, &taken)?,
        };
        Ok(Some(Chunk { rows, partitions }))
    }
}

impl Chunk {
    /// Returns the rows with the columns of the functions.
    pub(super) fn evaluate(self, shape: &Shape, needed: &Needed) -> Result<RecordBatch> {
        let rows = needed.of(&self.rows)?;
        let mut columns = self.rows.columns().to_vec();
        for (function, kind) in shape.functions.iter().zip(&shape.kinds) {
            columns.push(if *kind == Kind::Constant {
                totals(function, &rows, &self.partitions)?
            } else {
                evaluate(function, &rows, &self.partitions)?
            });
        }
        shape.batch(columns, self.rows.num_rows())
    }
}

/// Evaluates a function over each partition.
fn evaluate(function: &Arc<dyn WindowExpr>, rows: &RecordBatch, partitions: &[Range<usize>]) -> Result<ArrayRef> {
    let pieces = partitions
        .iter()
        .map(|partition| function.evaluate(&rows.slice(partition.start, partition.len())))
        .collect::<Result<Vec<_>>>()?;
    let pieces: Vec<_> = pieces.iter().map(AsRef::as_ref).collect();
    Ok(concat(&pieces)?)
}

/// Evaluates a function of the whole partition over each, as [`evaluate`] does, with less work for each: the arguments are
/// evaluated once, and one column is made.
fn totals(function: &Arc<dyn WindowExpr>, rows: &RecordBatch, partitions: &[Range<usize>]) -> Result<ArrayRef> {
    let maker = Maker::new(function)?;
    let arguments = function.evaluate_args(rows)?;
    let mut values = Vec::with_capacity(partitions.len());
    let mut places = Vec::with_capacity(rows.num_rows());
    for (partition, place) in partitions.iter().zip(0_u32..) {
        let mut accumulator = maker.make()?;
        let arguments: Vec<_> = arguments.iter().map(|all| all.slice(partition.start, partition.len())).collect();
        accumulator.update_batch(&arguments)?;
        values.push(accumulator.evaluate()?);
        places.extend(std::iter::repeat_n(place, partition.len()));
    }
    let values = ScalarValue::iter_to_array(values)?;
    Ok(take(values.as_ref(), &UInt32Array::from(places), None)?)
}
