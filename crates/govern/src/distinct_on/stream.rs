//! The stream of the operator.

use super::{
    keys::{Keys, Look, Seen},
    shared::{Running, Shared, Together},
};
use crate::{
    node::Batches,
    spill::{Overflow, read_spilled, spill_manager},
};
use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray, RecordBatch},
        compute::BatchCoalescer,
        datatypes::SchemaRef,
        row::{RowConverter, Rows, SortField},
    },
    common::{Result, utils::normalize_float_zero},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_expr::PhysicalExpr,
    physical_plan::{
        SpillManager,
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet},
    },
};
use futures::StreamExt;
use std::{mem, sync::Arc};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Where a stream runs.
pub(super) struct Place<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) context: &'a TaskContext,
    pub(super) partition: usize,
    pub(super) metrics: &'a ExecutionPlanMetricsSet,
}

/// Reads rows and hands on those whose key is new.
pub(super) struct DistinctOnStream {
    shared: Arc<Shared>,
    encoder: Encoder,
    look: Look,
    pass: Pass,
    /// For the keys of later passes.
    held: MemoryReservation,
    overflow: Overflow,
    /// Rows on disk that this stream divided again, and how often they were divided.
    left: Vec<(Together, u64)>,
    manager: SpillManager,
    output: BatchCoalescer,
    metrics: BaselineMetrics,
}

/// Rows that come, none of them equal in its key to one that went out before.
enum Pass {
    /// The input of the operator.
    Input { rows: SendableRecordBatchStream, running: Running },
    /// Rows that were on disk, divided so often, each time by other hashes.
    Spilled { rows: SendableRecordBatchStream, keys: Keys, depth: u64 },
    /// There are no more.
    End,
}

impl DistinctOnStream {
    pub(super) fn new(
        keys: Vec<Arc<dyn PhysicalExpr>>,
        input: SendableRecordBatchStream,
        place: Place<'_>,
    ) -> Result<Self> {
        let Place { shared, context, partition, metrics } = place;
        let schema = input.schema();
        let batch_rows = context.session_config().batch_size().max(1);
        let consumer = |name: &str| MemoryConsumer::new(format!("{name}[{partition}]"));
        let held = consumer("DistinctOn").with_can_spill(true).register(context.memory_pool());
        let collected = consumer("DistinctOnOverflow").register(context.memory_pool());
        let manager = spill_manager(context, Arc::clone(&schema), partition, metrics);
        Ok(Self {
            encoder: Encoder::new(keys, &schema)?,
            look: Look::default(),
            pass: Pass::Input { rows: input, running: shared.begin(partition)? },
            shared,
            held,
            overflow: Overflow::new(manager.clone(), collected, batch_rows),
            left: Vec::new(),
            manager,
            output: BatchCoalescer::new(schema, batch_rows).with_biggest_coalesce_batch_size(Some(batch_rows / 2)),
            metrics: BaselineMetrics::new(metrics, partition),
        })
    }

    /// Takes rows of a pass.
    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let (keys, depth) = match &self.pass {
            Pass::Input { .. } => (&self.shared.keys, 0),
            Pass::Spilled { keys, depth, .. } => (keys, *depth),
            Pass::End => return Ok(()),
        };
        let Encoder { rows, hashes, .. } = self.encoder.encode(batch, depth)?;
        keys.see(hashes, |row| rows.row(row).data(), &mut self.look)?;
        let seen = &self.look.seen;
        let unknown = seen.iter().zip(hashes).enumerate().filter(|(_, (seen, _))| **seen == Seen::Unknown);
        let unknown: Vec<_> = unknown.map(|(row, (_, hash))| (row, *hash)).collect();
        self.overflow.push(batch, &unknown)?;
        let first: BooleanArray = seen.iter().map(|seen| Some(*seen == Seen::First)).collect();
        match first.true_count() {
            0 => Ok(()),
            all if all == batch.num_rows() => Ok(self.output.push_batch(batch.clone())?),
            _ => Ok(self.output.push_batch_with_filter(batch.clone(), &first)?),
        }
    }

    /// Ends a pass and begins the next one, over rows that went to disk.
    async fn turn(&mut self) -> Result<()> {
        let divided = self.overflow.finish()?;
        match mem::replace(&mut self.pass, Pass::End) {
            Pass::Input { rows, running } => {
                drop(rows);
                running.end(divided);
                if self.shared.keys.is_full() {
                    self.shared.all_ended().await?;
                }
            }
            Pass::Spilled { rows, keys, depth } => {
                drop((rows, keys));
                self.left.extend(divided.into_iter().flatten().map(|file| (vec![file], depth + 1)));
            }
            Pass::End => {}
        }
        match self.left.pop().or_else(|| Some((self.shared.take()?, 1))) {
            Some((files, depth)) => {
                let keys = Keys::new(self.held.new_empty());
                self.pass = Pass::Spilled { rows: read_spilled(&self.manager, files), keys, depth };
            }
            None => self.output.finish_buffered_batch()?,
        }
        Ok(())
    }
}

impl Batches for DistinctOnStream {
    fn outlet(&self) -> (&SchemaRef, &BaselineMetrics) {
        (self.manager.schema(), &self.metrics)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.output.next_completed_batch() {
                return Ok(Some(batch));
            }
            let (Pass::Input { rows, .. } | Pass::Spilled { rows, .. }) = &mut self.pass else { return Ok(None) };
            if let Some(batch) = rows.next().await.transpose()? {
                self.take(&batch)?;
            } else {
                self.turn().await?;
            }
            // Nothing goes out for as long as rows repeat.
            tokio::task::consume_budget().await;
        }
    }
}

/// Makes bytes of the keys of a batch: equal keys are equal bytes, and others are not. Zeros are equal whatever their sign.
struct Encoder {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    converter: RowConverter,
    rows: Rows,
    hashes: Vec<u64>,
}

impl Encoder {
    fn new(keys: Vec<Arc<dyn PhysicalExpr>>, schema: &SchemaRef) -> Result<Self> {
        let fields = keys.iter().map(|key| Ok(SortField::new(key.data_type(schema)?)));
        let converter = RowConverter::new(fields.collect::<Result<_>>()?)?;
        Ok(Self { keys, rows: converter.empty_rows(0, 0), converter, hashes: Vec::new() })
    }

    fn encode(&mut self, batch: &RecordBatch, seed: u64) -> Result<&Self> {
        let columns =
            self.keys.iter().map(|key| Ok(normalize_float_zero(&key.evaluate(batch)?.into_array(batch.num_rows())?)));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        self.rows.clear();
        self.converter.append(&mut self.rows, &columns)?;
        self.hashes.clear();
        self.hashes.extend(self.rows.iter().map(|row| xxh3_64_with_seed(row.data(), seed)));
        Ok(self)
    }
}
