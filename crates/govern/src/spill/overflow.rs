//! Rows that memory has no place for, on disk, divided by the hashes of their keys.

use super::SpilledBatches;
use datafusion::{
    arrow::{
        array::{RecordBatch, UInt64Array},
        compute::{interleave_record_batch, take_record_batch},
    },
    common::{Result, internal_err, utils::memory::RecordBatchMemoryCounter},
    execution::{SpillFile, memory_pool::MemoryReservation},
    physical_plan::SpillManager,
};
use std::{mem, sync::Arc};

/// The number of files that rows are divided into. Of more, each is smaller and fits into memory when it is read; beside 16, 32 took
/// a tenth to a half of the time off what did not fit (`docs/measured.md`), and pieces still are some ten KB long.
pub(crate) const FILES: usize = 32;

/// Bytes of rows that are collected in any case before they are divided, and the most where memory is granted for more: each
/// file gets a small part of them at a time, and larger pieces are written and read faster.
const LEAST_BYTES: usize = 1 << 20;
const MOST_BYTES: usize = 8 << 20;

/// The most pieces that they are collected in: each takes some hundred bytes for each column beside its values.
const MOST_PIECES: usize = 64;

/// The files of some rows, divided by their hashes; `None` where there are no rows.
pub(crate) type Divided = [Option<Arc<dyn SpillFile>>; FILES];

/// Returns the place of a hash among so many, a power of two: its highest bits.
pub(crate) fn place(hash: u64, count: usize) -> usize {
    usize::try_from(hash >> (u64::BITS - count.ilog2())).unwrap_or(usize::MAX)
}

/// Collects rows and writes them into one file for each part of the hashes.
pub(crate) struct Overflow {
    manager: SpillManager,
    held: MemoryReservation,
    batch_rows: usize,
    collected: Vec<RecordBatch>,
    /// Counts what pieces share once.
    counter: RecordBatchMemoryCounter,
    /// Batch and row of what was collected, by files.
    places: [Vec<(usize, usize)>; FILES],
    files: [Option<SpilledBatches>; FILES],
}

impl Overflow {
    /// Returns one for rows that come in batches of `batch_rows`. `held` is for those that are collected.
    pub(crate) fn new(manager: SpillManager, held: MemoryReservation, batch_rows: usize) -> Self {
        let (places, files) = Default::default();
        Self {
            manager,
            held,
            batch_rows,
            collected: Vec::new(),
            counter: RecordBatchMemoryCounter::new(),
            places,
            files,
        }
    }

    /// Takes some rows of a batch, each with the hash of its key.
    pub(crate) fn push(&mut self, batch: &RecordBatch, rows: &[(usize, u64)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let taken = if rows.len() == batch.num_rows() {
            batch.clone()
        } else {
            let indices: UInt64Array = rows.iter().map(|(row, _)| u64::try_from(*row).ok()).collect();
            take_record_batch(batch, &indices)?
        };
        self.hold(&taken)?;
        let at = self.collected.len();
        for (row, (_, hash)) in rows.iter().enumerate() {
            match self.places.get_mut(place(*hash, FILES)) {
                Some(places) => places.push((at, row)),
                None => return internal_err!("a row without a file"),
            }
        }
        self.collected.push(taken);
        Ok(())
    }

    /// Makes room for a piece.
    fn hold(&mut self, piece: &RecordBatch) -> Result<()> {
        let bytes = self.counter.count_batch(piece);
        if self.collected.len() < MOST_PIECES {
            let wanted = self.held.size() + bytes;
            if wanted > LEAST_BYTES && wanted <= MOST_BYTES && self.held.try_grow(bytes).is_ok() {
                return Ok(());
            }
            if wanted <= LEAST_BYTES {
                self.held.grow(bytes);
                return Ok(());
            }
        }
        self.write()?;
        self.held.grow(self.counter.count_batch(piece));
        Ok(())
    }

    /// Returns how many rows a batch has.
    pub(crate) fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    /// Writes what was collected.
    pub(crate) fn write(&mut self) -> Result<()> {
        let collected = mem::take(&mut self.collected);
        let batches: Vec<&RecordBatch> = collected.iter().collect();
        for (places, file) in self.places.iter_mut().zip(&mut self.files) {
            if places.is_empty() {
                continue;
            }
            let file = match file {
                Some(file) => file,
                None => file.insert(SpilledBatches::create(&self.manager, self.held.consumer().name())?),
            };
            for places in places.chunks(self.batch_rows) {
                file.append(&interleave_record_batch(&batches, places)?)?;
            }
            places.clear();
        }
        self.held.free();
        self.counter = RecordBatchMemoryCounter::new();
        Ok(())
    }

    /// Returns the files, and begins anew.
    pub(crate) fn finish(&mut self) -> Result<Divided> {
        self.write()?;
        let mut divided = Divided::default();
        for (file, divided) in mem::take(&mut self.files).into_iter().zip(&mut divided) {
            *divided = file.map_or(Ok(None), SpilledBatches::finish)?;
        }
        Ok(divided)
    }
}
