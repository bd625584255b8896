//! Gathering the rows of a partition: in memory as long as that is granted, else on disk.

use super::{
    keys::Encoder,
    merge::{Merge, Source},
    run::Run,
};
use crate::{
    memory_error::is_exhausted,
    spill::{SpilledBatches, read_spilled},
};
use datafusion::{
    arrow::array::RecordBatch,
    common::{Result, utils::memory::get_record_batch_memory_size},
    execution::{SendableRecordBatchStream, SpillFile, memory_pool::MemoryReservation},
    physical_plan::SpillManager,
};
use futures::StreamExt;
use std::{mem, sync::Arc};

/// How rows are put on disk and read back.
#[derive(Clone)]
pub(super) struct Disk {
    pub(super) encoder: Arc<Encoder>,
    pub(super) manager: SpillManager,
    /// Rows of a batch at most.
    pub(super) batch_rows: usize,
    /// Bytes that are sorted at a time, about: the larger, the fewer runs are merged.
    pub(super) run_bytes: usize,
    /// Bytes of a batch on disk, about: one of each file is in memory while files are merged.
    pub(super) batch_bytes: usize,
}

/// Rows in order on disk.
pub(super) struct Sorted {
    pub(super) file: Arc<dyn SpillFile>,
    /// Bytes of its largest batch.
    pub(super) batch: usize,
}

impl Disk {
    /// Merges sources into one file. `held` is what is reserved for those in memory.
    pub(super) async fn write(&self, sources: Vec<Source>, held: Vec<MemoryReservation>) -> Result<Option<Sorted>> {
        let row = sources.iter().find_map(|source| match source {
            Source::Run(run) => Some(run.size() / run.batch.num_rows().max(1)),
            Source::File(_) => None,
        });
        let rows = row.map_or(self.batch_rows, |row| (self.batch_bytes / row.max(1)).clamp(1, self.batch_rows));
        let mut merge = Merge::new(Arc::clone(&self.encoder), sources, held, rows).await?;
        let mut file = SpilledBatches::create(&self.manager, "SpillingSort")?;
        let mut most = 0;
        while let Some(batch) = merge.next().await? {
            let parts = parts(&batch, self.batch_bytes);
            most = most.max(get_record_batch_memory_size(&batch) / parts);
            let rows = batch.num_rows().div_ceil(parts);
            for from in (0..batch.num_rows()).step_by(rows.max(1)) {
                file.append(&batch.slice(from, rows.min(batch.num_rows() - from)))?;
            }
            tokio::task::consume_budget().await;
        }
        Ok(file.finish()?.map(|file| Sorted { file, batch: most }))
    }

    /// Returns the rows of a file.
    pub(super) fn read(&self, sorted: &Sorted) -> Source {
        Source::File(read_spilled(&self.manager, vec![Arc::clone(&sorted.file)]))
    }
}

/// Returns in how many parts a batch is to be written: rows differ in size, so that one may be far larger than it should be.
fn parts(batch: &RecordBatch, bytes: usize) -> usize {
    (get_record_batch_memory_size(batch) / bytes.max(1) / 2).clamp(1, batch.num_rows().max(1))
}

/// The rows of a partition.
pub(super) struct Gathered {
    pub(super) runs: Vec<Run>,
    /// What is reserved for those.
    pub(super) held: MemoryReservation,
    pub(super) files: Vec<Sorted>,
}

impl Gathered {
    /// Gathers all rows of a stream.
    ///
    /// # Errors
    /// If the stream fails, or a file cannot be written.
    pub(super) async fn of(mut input: SendableRecordBatchStream, held: MemoryReservation, disk: &Disk) -> Result<Self> {
        let mut gathered = Self { runs: Vec::new(), held, files: Vec::new() };
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = input.next().await.transpose()? {
            bytes += get_record_batch_memory_size(&batch);
            batches.push(batch);
            if bytes >= disk.run_bytes {
                gathered.sort(mem::take(&mut batches), disk).await?;
                bytes = 0;
            }
        }
        gathered.sort(batches, disk).await?;
        Ok(gathered)
    }

    async fn sort(&mut self, batches: Vec<RecordBatch>, disk: &Disk) -> Result<()> {
        if batches.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(());
        }
        let run = Run::sorted(&batches, &disk.encoder)?;
        drop(batches);
        self.take(run, disk).await
    }

    async fn take(&mut self, run: Run, disk: &Disk) -> Result<()> {
        let bytes = run.size();
        match self.held.try_grow(bytes) {
            Ok(()) => {}
            Err(error) if is_exhausted(&error) => {
                self.spill(disk).await?;
                // One run there must be.
                self.held.grow(bytes);
            }
            Err(error) => return Err(error),
        }
        self.runs.push(run);
        Ok(())
    }

    /// Puts all runs on disk, as one file.
    pub(super) async fn spill(&mut self, disk: &Disk) -> Result<()> {
        if self.runs.is_empty() {
            return Ok(());
        }
        let sources = mem::take(&mut self.runs).into_iter().map(Source::Run).collect();
        let held = self.held.take();
        self.files.extend(disk.write(sources, vec![held]).await?);
        Ok(())
    }
}
