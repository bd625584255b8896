//! A batch in order.

use super::keys::{Encoder, Head, Keys, head};
use datafusion::{
    arrow::{array::RecordBatch, compute::interleave_record_batch, row::Rows},
    common::{Result, utils::memory::get_record_batch_memory_size},
};

/// A batch in order, with the keys of its rows.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) batch: RecordBatch,
    pub(super) keys: Keys,
}

impl Run {
    /// Sorts batches into one. Rows with equal keys stay in their order.
    pub(super) fn sorted(batches: &[RecordBatch], encoder: &Encoder) -> Result<Self> {
        let rows: Vec<Rows> = batches.iter().map(|batch| encoder.rows(batch)).collect::<Result<_>>()?;
        let order = order(&rows);
        let keys = Keys::in_order(order.iter().filter_map(|(batch, row)| Some(rows.get(*batch)?.row(*row).data())))?;
        drop(rows);
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        // Also where they are in order already: a slice would keep all of what it is a part of.
        Ok(Self { batch: interleave_record_batch(&batches, &order)?, keys })
    }

    /// Takes a batch that is in order.
    pub(super) fn of_sorted(batch: RecordBatch, encoder: &Encoder) -> Result<Self> {
        let rows = encoder.rows(&batch)?;
        Ok(Self { keys: Keys::in_order((0..rows.num_rows()).map(|row| rows.row(row).data()))?, batch })
    }

    /// Returns the bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        get_record_batch_memory_size(&self.batch) + self.keys.size()
    }
}

/// Returns batch and row of all rows in the order of their keys.
fn order(rows: &[Rows]) -> Vec<(usize, usize)> {
    let places = rows.iter().enumerate().flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch, row)));
    let key = |&(batch, row): &(usize, usize)| rows.get(batch).map(|rows| rows.row(row));
    let heads = places.map(|place| (key(&place).map_or(Head::MAX, |key| head(key.data())), place));
    let mut order: Vec<_> = heads.collect();
    order.sort_unstable_by(|(one, at), (other, than)| {
        one.cmp(other).then_with(|| key(at).cmp(&key(than))).then_with(|| at.cmp(than))
    });
    order.into_iter().map(|(_, place)| place).collect()
}
