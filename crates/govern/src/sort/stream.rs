//! The stream of the operator.

use super::{
    gather::{Disk, Gathered, Sorted},
    merge::{Merge, Source},
};
use crate::{memory_error::is_exhausted, node::Batches};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{DataFusionError, Result, runtime::SpawnedTask},
    execution::{SendableRecordBatchStream, memory_pool::MemoryReservation},
    physical_plan::metrics::BaselineMetrics,
};
use std::{mem, sync::Arc};

/// What a file takes while it is merged, beside two of its batches: one that is merged, and one that is read.
const READER: usize = 192 << 10;

/// Files that are merged at a time, at most: each is open.
const MOST_FILES: usize = 256;

/// Files that are merged whatever the memory.
const FEWEST: usize = 2;

/// Gathers, then merges.
pub(super) struct SortStream {
    schema: SchemaRef,
    state: State,
    disk: Disk,
    /// For the batches of files that are merged.
    merging: MemoryReservation,
    metrics: BaselineMetrics,
}

enum State {
    /// The partitions, and what is reserved for each.
    Waiting(Vec<(SendableRecordBatchStream, MemoryReservation)>),
    Merging(Box<Merge>),
    Over,
}

impl SortStream {
    pub(super) fn new(
        partitions: Vec<(SendableRecordBatchStream, MemoryReservation)>,
        disk: Disk,
        merging: MemoryReservation,
        metrics: BaselineMetrics,
    ) -> Self {
        let schema = Arc::clone(disk.manager.schema());
        Self { schema, state: State::Waiting(partitions), disk, merging, metrics }
    }

    /// Begins to merge, after so many files were merged with each other that the others fit into memory.
    async fn merge(&mut self, mut gathered: Vec<Gathered>) -> Result<Merge> {
        let mut files: Vec<Sorted> = gathered.iter_mut().flat_map(|gathered| mem::take(&mut gathered.files)).collect();
        loop {
            let fit = self.fit(&files)?;
            if fit == files.len() {
                break;
            }
            self.merging.free();
            let in_memory = gathered.iter().any(|gathered| !gathered.runs.is_empty());
            if !in_memory && files.len() <= FEWEST {
                self.merging.grow(files.iter().map(needs).sum());
                break;
            }
            if in_memory {
                for gathered in &mut gathered {
                    gathered.spill(&self.disk).await?;
                    files.append(&mut gathered.files);
                }
                continue;
            }
            // Only as many as have to be: the fewer rows are written twice, the better.
            let fit = fit.clamp(FEWEST, files.len() - 1);
            let rest = files.split_off(fit.min(files.len() - fit + 1));
            let merged = mem::replace(&mut files, rest);
            self.merging.grow(merged.iter().map(needs).sum());
            let sources = merged.iter().map(|file| self.disk.read(file)).collect();
            files.extend(self.disk.write(sources, Vec::new()).await?);
            self.merging.free();
        }
        let (mut sources, mut held) = (Vec::new(), Vec::new());
        sources.extend(files.iter().map(|file| self.disk.read(file)));
        for gathered in gathered {
            sources.extend(gathered.runs.into_iter().map(Source::Run));
            held.push(gathered.held);
        }
        Merge::new(Arc::clone(&self.disk.encoder), sources, held, self.disk.batch_rows).await
    }

    /// Returns how many of the first files can be merged at a time, and reserves what they need.
    fn fit(&mut self, files: &[Sorted]) -> Result<usize> {
        for (fit, file) in files.iter().enumerate() {
            if fit == MOST_FILES {
                return Ok(fit);
            }
            match self.merging.try_grow(needs(file)) {
                Ok(()) => {}
                Err(error) if is_exhausted(&error) => return Ok(fit),
                Err(error) => return Err(error),
            }
        }
        Ok(files.len())
    }
}

/// Gathers the rows of all partitions, side by side.
async fn gather(partitions: Vec<(SendableRecordBatchStream, MemoryReservation)>, disk: &Disk) -> Result<Vec<Gathered>> {
    let gather = |(input, held)| {
        let disk = disk.clone();
        SpawnedTask::spawn(async move { Gathered::of(input, held, &disk).await })
    };
    let tasks: Vec<_> = partitions.into_iter().map(gather).collect();
    let mut gathered = Vec::with_capacity(tasks.len());
    for task in tasks {
        let failed = |error| DataFusionError::ExecutionJoin(Box::new(error));
        gathered.push(task.join().await.map_err(failed)??);
    }
    Ok(gathered)
}

fn needs(file: &Sorted) -> usize {
    2 * file.batch + READER
}

impl Batches for SortStream {
    fn outlet(&self) -> (&SchemaRef, &BaselineMetrics) {
        (&self.schema, &self.metrics)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            match mem::replace(&mut self.state, State::Over) {
                State::Waiting(partitions) => {
                    let gathered = gather(partitions, &self.disk).await?;
                    self.state = State::Merging(Box::new(self.merge(gathered).await?));
                }
                State::Merging(mut merge) => {
                    let elapsed = self.metrics.elapsed_compute().clone();
                    let timer = elapsed.timer();
                    let batch = merge.next().await?;
                    drop(timer);
                    if batch.is_some() {
                        self.state = State::Merging(merge);
                    } else {
                        self.merging.free();
                    }
                    return Ok(batch);
                }
                State::Over => return Ok(None),
            }
        }
    }
}
