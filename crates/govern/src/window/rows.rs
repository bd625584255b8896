//! The rows of one partition: in memory as long as that is granted, else in one spill file.

use crate::{memory_error::is_exhausted, spill::SpilledBatches};
use datafusion::{
    arrow::{array::RecordBatch, compute::concat_batches},
    common::{Result, internal_err, utils::memory::RecordBatchMemoryCounter},
    execution::{SendableRecordBatchStream, memory_pool::MemoryReservation, spill_file::SpillFile},
    physical_plan::{SpillManager, stream::RecordBatchStreamAdapter},
};
use futures::stream;
use std::{mem, sync::Arc};

/// Rows that are being collected.
pub(super) struct Rows {
    held: MemoryReservation,
    manager: SpillManager,
    /// Rows in a stored batch, more or less.
    batch: usize,
    /// Batches too small to be stored one by one.
    staged: Vec<RecordBatch>,
    stored: Vec<RecordBatch>,
    /// What `stored` holds: batches share buffers.
    counter: RecordBatchMemoryCounter,
    writer: Option<SpilledBatches>,
}

impl Rows {
    pub(super) fn new(held: MemoryReservation, manager: SpillManager, batch_rows: usize) -> Self {
        let (staged, stored, counter) = (Vec::new(), Vec::new(), RecordBatchMemoryCounter::new());
        Self { held, manager, batch: batch_rows, staged, stored, counter, writer: None }
    }

    /// Adds rows after the others.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        if rows >= self.batch.div_ceil(2) {
            self.flush()?;
            if rows <= self.batch.saturating_mul(2) {
                return self.store(batch);
            }
            for start in (0..rows).step_by(self.batch) {
                self.store(batch.slice(start, self.batch.min(rows - start)))?;
            }
            return Ok(());
        }
        self.staged.push(batch);
        if self.staged.iter().map(RecordBatch::num_rows).sum::<usize>() >= self.batch { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let staged = mem::take(&mut self.staged);
        if staged.is_empty() { Ok(()) } else { self.store(concat_batches(self.manager.schema(), &staged)?) }
    }

    /// Once something is on disk, the rest follows: what goes there is written once, and read once.
    fn store(&mut self, batch: RecordBatch) -> Result<()> {
        if self.writer.is_none() {
            match self.held.try_grow(self.counter.count_batch(&batch)) {
                Ok(()) => {
                    self.stored.push(batch);
                    return Ok(());
                }
                Err(error) if is_exhausted(&error) => self.spill()?,
                Err(error) => return Err(error),
            }
        }
        let Some(writer) = &mut self.writer else { return internal_err!("a window spills without a file") };
        writer.append(&batch)
    }

    /// Writes what is in memory to disk, and makes all that follows go there.
    pub(super) fn spill(&mut self) -> Result<()> {
        if self.writer.is_none() {
            self.writer = Some(write(&self.manager, mem::take(&mut self.stored))?);
            self.counter = RecordBatchMemoryCounter::new();
            self.held.free();
        }
        Ok(())
    }

    /// Ends the partition.
    pub(super) fn finish(mut self) -> Result<Stored> {
        self.flush()?;
        let file = self.writer.map_or(Ok(None), SpilledBatches::finish)?;
        Ok(Stored { held: self.held, manager: self.manager, batches: self.stored, file })
    }
}

fn write(manager: &SpillManager, batches: Vec<RecordBatch>) -> Result<SpilledBatches> {
    let mut writer = SpilledBatches::create(manager, "window partition")?;
    for batch in batches {
        writer.append(&batch)?;
    }
    Ok(writer)
}

/// The rows of a partition that has ended.
pub(super) struct Stored {
    held: MemoryReservation,
    manager: SpillManager,
    batches: Vec<RecordBatch>,
    file: Option<Arc<dyn SpillFile>>,
}

impl Stored {
    /// Makes room: moves what is in memory to disk.
    pub(super) fn spill(&mut self) -> Result<()> {
        if !self.batches.is_empty() {
            self.file = write(&self.manager, mem::take(&mut self.batches))?.finish()?;
            self.held.free();
        }
        Ok(())
    }

    /// Returns the rows and keeps them.
    pub(super) fn read(&self) -> Result<SendableRecordBatchStream> {
        if let Some(file) = &self.file {
            return self.manager.read_spill_as_stream_unbuffered(Arc::clone(file), None);
        }
        let batches = stream::iter(self.batches.clone().into_iter().map(Ok));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.manager.schema()), batches)))
    }

    /// Returns the rows and lets go of them one by one.
    pub(super) fn into_stream(self) -> Result<SendableRecordBatchStream> {
        if self.file.is_some() {
            return self.read();
        }
        let (held, mut left) = (self.held, self.batches.len());
        let batches = self.batches.into_iter().map(move |batch| {
            held.shrink(held.size() / left.max(1));
            left = left.saturating_sub(1);
            Ok(batch)
        });
        let schema = Arc::clone(self.manager.schema());
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches))))
    }
}
