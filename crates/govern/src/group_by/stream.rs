//! The stream of the operator.

use super::{
    parts::Parts,
    table::{Shape, Table, slices},
};
use crate::{
    growth::MOST_IN_A_TABLE,
    memory_error::is_exhausted,
    node::Batches,
    spill::{Overflow, SpilledBatches, read_spilled, spill_manager},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{DataFusionError, Result, internal_err, resources_err},
    execution::{
        SendableRecordBatchStream, SpillFile, TaskContext,
        memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation},
    },
    physical_plan::{
        SpillManager,
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet},
    },
};
use futures::StreamExt;
use std::{cmp::Reverse, mem, sync::Arc};

/// A table is divided once it has one of so many parts of what operators may have, so that there is room to do it.
const DIVIDED_AT: usize = 8;

/// Bytes that are held in any case, so that every pass gets on.
const LEAST: usize = 256 << 10;

/// Groups that were divided so often, by four bits each time, have the same hash.
const MOST_DEPTH: u64 = 32;

/// Where a stream runs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) context: &'a TaskContext,
    pub(super) partition: usize,
    pub(super) partitions: usize,
    pub(super) metrics: &'a ExecutionPlanMetricsSet,
}

/// Merges states, then hands on answers.
pub(super) struct GroupByStream {
    shape: Arc<Shape>,
    /// The rows of this pass; `None` after the last.
    rows: Option<SendableRecordBatchStream>,
    groups: Groups,
    /// How often the rows of this pass were divided before.
    depth: u64,
    left: Vec<Left>,
    /// Rows that go out.
    answers: Option<RecordBatch>,
    /// The bytes of rows that go out, or into parts.
    moving: usize,
    held: MemoryReservation,
    collected: MemoryReservation,
    divided_at: usize,
    batch_rows: usize,
    manager: SpillManager,
    metrics: BaselineMetrics,
}

/// The groups of a pass.
enum Groups {
    Whole(Table),
    Parts(Box<Parts>),
    /// They are on their way.
    Moving,
}

/// Groups of a later pass.
struct Left {
    /// A table and what it takes.
    table: Option<(Table, usize)>,
    files: Vec<Arc<dyn SpillFile>>,
    depth: u64,
}

/// Returns whether a table has groups that can be told apart. One that has none and is refused ends the task.
fn is_divisible(table: &Table, depth: u64) -> bool {
    table.len() > 1 && depth < MOST_DEPTH
}

fn sized(table: Table) -> (Table, usize) {
    let bytes = table.bytes();
    (table, bytes)
}

impl Left {
    fn bytes(&self) -> usize {
        self.table.as_ref().map_or(0, |(_, bytes)| *bytes)
    }
}

impl GroupByStream {
    pub(super) fn new(shape: Arc<Shape>, input: SendableRecordBatchStream, place: Place<'_>) -> Result<Self> {
        let Place { context, partition, partitions, metrics } = place;
        let consumer = |name: &str| MemoryConsumer::new(format!("{name}[{partition}]"));
        let most = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(most) => most / DIVIDED_AT / partitions.max(1),
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        Ok(Self {
            groups: Groups::Whole(Table::new(&shape)?),
            rows: Some(input),
            depth: 0,
            left: Vec::new(),
            answers: None,
            moving: 0,
            held: consumer("SpillingGroupBy").with_can_spill(true).register(context.memory_pool()),
            collected: consumer("SpillingGroupByOverflow").register(context.memory_pool()),
            divided_at: most.min(MOST_IN_A_TABLE),
            batch_rows: context.session_config().batch_size().max(1),
            manager: spill_manager(context, Arc::clone(&shape.state_schema), partition, metrics),
            metrics: BaselineMetrics::new(metrics, partition),
            shape,
        })
    }

    /// Takes rows of a pass.
    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.groups {
            Groups::Whole(table) => {
                table.merge(&self.shape, batch)?;
                let divisible = is_divisible(table, self.depth);
                if divisible && table.bytes() > self.divided_at { self.divide() } else { self.settle() }
            }
            Groups::Parts(parts) => {
                let arranged = parts.arrange(&self.shape, batch)?;
                for (part, rows) in arranged.parts() {
                    if let Groups::Parts(parts) = &mut self.groups {
                        parts.merge(&self.shape, part, &rows)?;
                    }
                    self.settle()?;
                }
                Ok(())
            }
            Groups::Moving => internal_err!("rows came while groups were divided"),
        }
    }

    /// Asks for what is held. Where that is refused, something goes to disk.
    fn settle(&mut self) -> Result<()> {
        loop {
            let (bytes, largest) = match &self.groups {
                Groups::Whole(table) => (table.bytes(), 0),
                Groups::Parts(parts) => parts.bytes(),
                Groups::Moving => (0, 0),
            };
            let bytes = self.beside() + bytes;
            if bytes == self.held.size() && largest <= MOST_IN_A_TABLE {
                return Ok(());
            }
            // What is moving is there already, and less cannot be.
            if bytes <= LEAST.max(self.moving) {
                self.held.resize(bytes);
                return Ok(());
            }
            let refusal = match self.held.try_resize(bytes) {
                Ok(()) if largest <= MOST_IN_A_TABLE => return Ok(()),
                Ok(()) => None,
                Err(error) if is_exhausted(&error) => Some(error),
                Err(error) => return Err(error),
            };
            self.send_some(refusal)?;
        }
    }

    fn send_some(&mut self, refusal: Option<DataFusionError>) -> Result<()> {
        let idle = self.left.iter_mut().filter(|left| left.table.is_some()).max_by_key(|left| left.bytes());
        let idle = idle.filter(|_| refusal.is_some());
        let refused = || refusal.map_or_else(|| resources_err!("a group of more than {MOST_IN_A_TABLE} bytes"), Err);
        if let Some(Left { table, files, .. }) = idle
            && let Some((table, _)) = table.take()
        {
            let mut file = SpilledBatches::create(&self.manager, self.held.consumer().name())?;
            for rows in slices(&table.into_states(&self.shape)?, self.batch_rows) {
                file.append(&rows)?;
            }
            files.extend(file.finish()?);
            return Ok(());
        }
        match mem::replace(&mut self.groups, Groups::Moving) {
            Groups::Whole(table) if is_divisible(&table, self.depth) => {
                let mut parts = self.parts();
                parts.send_table(&self.shape, table)?;
                self.groups = Groups::Parts(parts);
                Ok(())
            }
            Groups::Parts(mut parts) => match parts.take_largest() {
                Some(table) => {
                    parts.send_table(&self.shape, table)?;
                    self.groups = Groups::Parts(parts);
                    Ok(())
                }
                None => refused(),
            },
            Groups::Whole(_) | Groups::Moving => refused(),
        }
    }

    fn parts(&self) -> Box<Parts> {
        let overflow = Overflow::new(self.manager.clone(), self.collected.new_empty(), self.batch_rows);
        Box::new(Parts::new(overflow, self.depth))
    }

    /// Divides a table that is small beside what may be had.
    fn divide(&mut self) -> Result<()> {
        let parts = Groups::Parts(self.parts());
        let Groups::Whole(table) = mem::replace(&mut self.groups, parts) else {
            return internal_err!("what is divided was no table");
        };
        let states = table.into_states(&self.shape)?;
        self.moving = states.get_array_memory_size();
        slices(&states, self.batch_rows).try_for_each(|rows| self.take(&rows))?;
        drop(states);
        self.moving = 0;
        self.settle()
    }

    /// Ends a pass and begins the next one.
    fn turn(&mut self) -> Result<()> {
        self.rows = None;
        match mem::replace(&mut self.groups, Groups::Moving) {
            Groups::Whole(table) if table.len() > 0 => {
                let answers = table.into_answers(&self.shape)?;
                self.moving = answers.get_array_memory_size();
                self.answers = Some(answers);
                self.held.resize(self.beside());
            }
            Groups::Parts(parts) => {
                let depth = self.depth + 1;
                let (tables, files) = parts.finish()?;
                let parts = tables.zip(files);
                let mut parts: Vec<_> = parts
                    .map(|(table, file)| Left { table: table.map(sized), files: file.into_iter().collect(), depth })
                    .collect();
                parts.retain(|left| left.table.is_some() || !left.files.is_empty());
                // First, which are the last, those that give memory back at once.
                parts.sort_by_key(|left| (Reverse(left.files.len()), left.table.is_some()));
                self.left.append(&mut parts);
            }
            Groups::Whole(_) | Groups::Moving => {}
        }
        Ok(())
    }

    /// Begins the next pass. Returns whether there is one.
    fn begin(&mut self) -> Result<bool> {
        let Some(Left { table, files, depth }) = self.left.pop() else { return Ok(false) };
        self.groups = Groups::Whole(table.map_or_else(|| Table::new(&self.shape), |(table, _)| Ok(table))?);
        self.depth = depth;
        self.rows = Some(read_spilled(&self.manager, files));
        Ok(true)
    }

    /// Returns the bytes that are held beside the groups of this pass.
    fn beside(&self) -> usize {
        self.moving + self.left.iter().map(Left::bytes).sum::<usize>()
    }

    /// Returns answers that are yet to go out.
    fn answer(&mut self) -> Option<RecordBatch> {
        let answers = self.answers.take()?;
        let count = answers.num_rows().min(self.batch_rows);
        if count < answers.num_rows() {
            self.answers = Some(answers.slice(count, answers.num_rows() - count));
        } else {
            self.moving = 0;
            self.held.resize(self.beside());
        }
        Some(answers.slice(0, count))
    }
}

impl Batches for GroupByStream {
    fn outlet(&self) -> (&SchemaRef, &BaselineMetrics) {
        (&self.shape.answer_schema, &self.metrics)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        loop {
            if let Some(answers) = self.answer() {
                return Ok(Some(answers));
            }
            if self.rows.is_none() && !self.begin()? {
                return Ok(None);
            }
            let Some(rows) = &mut self.rows else { return internal_err!("a pass without rows") };
            let batch = rows.next().await.transpose()?;
            let timer = elapsed.timer();
            match batch {
                Some(batch) => self.take(&batch)?,
                None => self.turn()?,
            }
            drop(timer);
            // Nothing goes out for as long as groups are merged.
            tokio::task::consume_budget().await;
        }
    }
}
