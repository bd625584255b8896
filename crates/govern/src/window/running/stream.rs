//! The stream of the operator for running aggregates.

use super::{
    ended::Ended,
    groups::{Group, Groups, Tail},
    totals::Totals,
};
use crate::{
    node::Batches,
    window::{
        constant::Repeated,
        partition::{Means, hold},
        replay::{Replay, Source},
        rows::Rows,
        stream::Shape,
    },
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, memory_pool::MemoryReservation},
    physical_plan::metrics::BaselineMetrics,
};
use futures::StreamExt;
use std::{mem, sync::Arc};

/// Reads the input, divides it into groups of peers, and hands on their rows in the order they came.
pub(in crate::window) struct RunningStream {
    shape: Arc<Shape>,
    means: Means,
    /// `None` after its end.
    input: Option<SendableRecordBatchStream>,
    metrics: BaselineMetrics,
    groups: Groups,
    totals: Totals,
    /// A large group that has ended.
    replay: Option<Replay>,
    /// Groups after it that have ended.
    ended: Option<Ended>,
    /// The beginning of the group after them. The totals do not know of it.
    tail: Tail,
    tail_held: MemoryReservation,
    /// A large group that has not ended. The totals know of it, and nothing waits.
    open: Option<Rows>,
}

impl RunningStream {
    pub(in crate::window) fn new(
        shape: Arc<Shape>,
        means: Means,
        input: SendableRecordBatchStream,
        metrics: BaselineMetrics,
    ) -> Result<Self> {
        let Some(first) = shape.functions.first() else {
            return Err(DataFusionError::Internal("a window has no function".into()));
        };
        let (groups, totals) = (Groups::new(first), Totals::new(&shape.functions)?);
        let tail_held = means.rows.new_empty();
        let (input, tail) = (Some(input), Tail::default());
        let (replay, ended, open) = (None, None, None);
        Ok(Self { shape, means, input, metrics, groups, totals, replay, ended, tail, tail_held, open })
    }

    fn next_ended(&mut self) -> Result<Option<RecordBatch>> {
        let Some(ended) = &mut self.ended else { return Ok(None) };
        let _timer = self.metrics.elapsed_compute().timer();
        let batch = ended.next(&mut self.totals, &self.shape)?;
        hold(self.totals.size(), &self.means.state, None)?;
        if batch.is_none() {
            self.ended = None;
        }
        Ok(batch)
    }

    /// Makes a large group of one that has too many rows to be copied into the next batch.
    fn open_tail(&mut self) -> Result<()> {
        if self.tail.rows > self.shape.batch_rows / 2 {
            let elapsed = self.metrics.elapsed_compute().clone();
            let _timer = elapsed.timer();
            let Tail { batches, mut begins, .. } = mem::take(&mut self.tail);
            self.tail_held.free();
            self.open = Some(Rows::new(self.means.rows.new_empty(), self.means.manager.clone(), self.shape.batch_rows));
            for batch in batches {
                self.push_open(batch, mem::take(&mut begins))?;
            }
        }
        self.tail_held.resize(self.tail.size());
        Ok(())
    }

    /// Adds rows to the large group.
    fn push_open(&mut self, batch: RecordBatch, begins: bool) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(DataFusionError::Internal("no peers are kept".into()));
        };
        let group = Group { rows: 0..batch.num_rows(), begins };
        let arguments = self.totals.arguments(&batch, std::slice::from_ref(&group))?;
        self.totals.update(&arguments, 0, &group)?;
        hold(self.totals.size(), &self.means.state, Some(open))?;
        open.push(batch)
    }

    /// Ends the large group.
    fn end_open(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let values = self.totals.evaluate()?;
        self.replay = Some(Replay {
            shape: Arc::clone(&self.shape),
            width: self.means.manager.schema().fields().len(),
            rows: open.finish()?.into_stream()?,
            sources: values.into_iter().map(|value| Source::Pass(Box::new(Repeated(value)))).collect(),
            pending: None,
            held: Vec::new(),
        });
        Ok(())
    }

    /// Takes the next rows: those of the last group so far, whole groups, and the beginning of another.
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let mut found = self.groups.find(&batch)?;
        if self.open.is_some() {
            let first = found.continues.then(|| found.groups.remove(0));
            let joined = first.map_or(0, |group| group.rows.end);
            if joined > 0 {
                self.push_open(batch.slice(0, joined), false)?;
            }
            if found.groups.is_empty() {
                return Ok(());
            }
            self.end_open()?;
            let groups = found.groups.iter().map(|group| group.without(joined)).collect();
            return self.divide(&batch.slice(joined, batch.num_rows() - joined), groups);
        }
        if self.tail.rows == 0 {
            return self.divide(&batch, found.groups);
        }
        if found.continues && found.groups.len() == 1 {
            self.tail.push(batch);
            return Ok(());
        }
        let tail = mem::take(&mut self.tail);
        let (batch, groups) = tail.join(Some((batch, found)), self.means.manager.schema())?;
        self.divide(&batch, groups)
    }

    /// Takes groups that cover the rows, the last of which may go on.
    fn divide(&mut self, rows: &RecordBatch, mut groups: Vec<Group>) -> Result<()> {
        let Some(last) = groups.pop() else { return Ok(()) };
        if !groups.is_empty() {
            self.ended = Some(Ended::new(rows.slice(0, last.rows.start), groups, &self.totals)?);
        }
        self.tail = Tail { begins: last.begins, ..Tail::default() };
        self.tail.push(rows.slice(last.rows.start, last.rows.len()));
        Ok(())
    }

    /// Ends the last group.
    fn end(&mut self) -> Result<()> {
        self.end_open()?;
        if self.tail.rows > 0 {
            let (rows, groups) = mem::take(&mut self.tail).join(None, self.means.manager.schema())?;
            self.ended = Some(Ended::new(rows, groups, &self.totals)?);
            self.tail_held.free();
        }
        Ok(())
    }
}

impl Batches for RunningStream {
    fn outlet(&self) -> (&SchemaRef, &BaselineMetrics) {
        (&self.shape.schema, &self.metrics)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = Replay::next_of(&mut self.replay).await? {
                return Ok(Some(batch));
            }
            if let Some(batch) = self.next_ended()? {
                return Ok(Some(batch));
            }
            self.open_tail()?;
            let Some(input) = &mut self.input else { return Ok(None) };
            if let Some(batch) = input.next().await.transpose()? {
                self.take(batch)?;
            } else {
                self.input = None;
                self.end()?;
            }
            // Nothing goes out for as long as a group lasts.
            tokio::task::consume_budget().await;
        }
    }
}
