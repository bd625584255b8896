//! The stream of the operator.

use super::{
    evaluated::Needed,
    kind::Kind,
    partition::{Means, Partition},
    replay::Replay,
    runs::{Found, Runs},
    small::{Chunk, Waiting},
};
use crate::node::Batches;
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, RecordBatchOptions},
        datatypes::SchemaRef,
    },
    common::Result,
    execution::{SendableRecordBatchStream, memory_pool::MemoryReservation},
    physical_expr::{PhysicalExpr, window::WindowExpr},
    physical_plan::{PlanProperties, metrics::BaselineMetrics},
};
use futures::StreamExt;
use std::sync::Arc;

/// What an operator does.
pub(super) struct Shape {
    /// The columns that go out.
    pub(super) schema: SchemaRef,
    /// The functions, which share their partitions and their order.
    pub(super) functions: Vec<Arc<dyn WindowExpr>>,
    /// What each of them needs.
    pub(super) kinds: Vec<Kind>,
    /// PARTITION BY.
    pub(super) keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The properties of the input.
    pub(super) input: Arc<PlanProperties>,
    /// Rows in a batch that goes out, more or less.
    pub(super) batch_rows: usize,
}

impl Shape {
    /// Returns a batch that goes out.
    pub(super) fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// Reads the input, divides it into partitions, and hands on their rows in the order they came.
pub(super) struct WindowStream {
    shape: Arc<Shape>,
    means: Means,
    /// `None` after its end: what it holds is given back before the last partition is evaluated.
    input: Option<SendableRecordBatchStream>,
    metrics: BaselineMetrics,
    keys: Runs,
    /// What all functions need.
    needed: Needed,
    /// Rows that come after those of `open` and `replay`.
    waiting: Waiting,
    waiting_held: MemoryReservation,
    /// A large partition that has not ended.
    open: Option<Partition>,
    /// A large partition that has.
    replay: Option<Replay>,
}

impl WindowStream {
    pub(super) fn new(
        shape: Arc<Shape>,
        means: Means,
        input: SendableRecordBatchStream,
        metrics: BaselineMetrics,
    ) -> Self {
        let keys = Runs::new(shape.keys.clone());
        let needed = Needed::new(shape.functions.iter(), means.manager.schema());
        let waiting_held = means.rows.new_empty();
        let (input, waiting) = (Some(input), Waiting::default());
        Self { shape, means, input, metrics, keys, needed, waiting, waiting_held, open: None, replay: None }
    }

    /// Returns the rows of a batch above which a partition is large.
    fn most_rows(&self) -> usize {
        self.shape.batch_rows.saturating_mul(2)
    }

    /// Returns whole partitions that wait, once they fill a batch or nothing joins them any more.
    fn small(&mut self) -> Result<Option<Chunk>> {
        let whole = self.waiting.whole_rows();
        let large = self.waiting.open_rows() > self.most_rows();
        if whole >= self.shape.batch_rows || (whole > 0 && (large || self.input.is_none())) {
            return self.waiting.take_whole(self.shape.batch_rows, self.means.manager.schema());
        }
        if large {
            let _timer = self.metrics.elapsed_compute().timer();
            let mut open = Partition::new(&self.shape, &self.means)?;
            for batch in self.waiting.take_open() {
                open.push(batch)?;
            }
            self.open = Some(open);
        }
        self.waiting_held.resize(self.waiting.size());
        Ok(None)
    }

    async fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let timer = self.metrics.elapsed_compute().timer();
        let mut found = self.keys.find(&batch)?;
        let Some(open) = &mut self.open else {
            self.waiting.push(batch, &found);
            return Ok(());
        };
        let Some(first) = found.ranges.first().cloned().filter(|_| found.continues) else {
            self.waiting.push(batch, &found);
            drop(timer);
            return self.end_open().await;
        };
        open.push(batch.slice(0, first.len()))?;
        drop(timer);
        if first.end < batch.num_rows() {
            found.ranges.remove(0);
            let ranges = found.ranges.iter().map(|range| range.start - first.end..range.end - first.end).collect();
            let rest = batch.slice(first.end, batch.num_rows() - first.end);
            self.waiting.push(rest, &Found { continues: false, ranges });
            self.end_open().await?;
        }
        Ok(())
    }

    async fn end_open(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.replay = Some(open.finish().await?);
        }
        Ok(())
    }
}

impl Batches for WindowStream {
    fn outlet(&self) -> (&SchemaRef, &BaselineMetrics) {
        (&self.shape.schema, &self.metrics)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = Replay::next_of(&mut self.replay).await? {
                return Ok(Some(batch));
            }
            if let Some(chunk) = self.small()? {
                if chunk.rows.num_rows() <= self.most_rows() {
                    let _timer = self.metrics.elapsed_compute().timer();
                    return chunk.evaluate(&self.shape, &self.needed).map(Some);
                }
                // One partition, which came whole in a batch larger than those that are wished for.
                let mut large = Partition::new(&self.shape, &self.means)?;
                large.push(chunk.rows)?;
                self.replay = Some(large.finish().await?);
                continue;
            }
            let Some(input) = &mut self.input else { return Ok(None) };
            if let Some(batch) = input.next().await.transpose()? {
                self.take(batch).await?;
            } else {
                self.input = None;
                self.waiting.end();
                self.end_open().await?;
            }
            // Nothing goes out for as long as a partition lasts.
            tokio::task::consume_budget().await;
        }
    }
}
