//! A partition too large to be evaluated in bulk: the first pass.

use super::{
    evaluated::{Evaluated, Needed, estimate, evaluate},
    kind::Kind,
    pass::FirstPass,
    replay::{Replay, Source, streamed},
    rows::{Rows, Stored},
    stream::Shape,
};
use crate::{memory_error::is_exhausted, spill::spill_manager};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch},
        datatypes::SchemaRef,
    },
    common::Result,
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_expr::window::WindowExpr,
    physical_plan::{SpillManager, metrics::ExecutionPlanMetricsSet},
};
use std::sync::Arc;

/// Bytes that functions may hold in any case: nothing is won by ending a task for the state of a sum.
const SMALL_STATE: usize = 64 << 10;

/// What an operator works with.
pub(super) struct Means {
    /// For rows, which go to disk when it is refused.
    pub(super) rows: MemoryReservation,
    /// For what cannot go to disk.
    pub(super) state: MemoryReservation,
    /// Makes the spill files.
    pub(super) manager: SpillManager,
    /// The task.
    pub(super) context: Arc<TaskContext>,
}

impl Means {
    /// Returns what an operator works with in one partition of the plan, over rows of this schema.
    pub(super) fn new(
        context: Arc<TaskContext>,
        schema: SchemaRef,
        partition: usize,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Self {
        let pool = &context.runtime_env().memory_pool;
        let consumer = |name: &str| MemoryConsumer::new(format!("{name}[{partition}]"));
        Self {
            rows: consumer("SpillingWindow").with_can_spill(true).register(pool),
            state: consumer("SpillingWindowState").register(pool),
            manager: spill_manager(&context, schema, partition, metrics),
            context,
        }
    }
}

/// Reserves what functions hold. Rows make room for it.
pub(super) fn hold(size: usize, state: &MemoryReservation, rows: Option<&mut Rows>) -> Result<()> {
    if size <= SMALL_STATE {
        state.resize(size);
        return Ok(());
    }
    match (state.try_resize(size), rows) {
        (Err(error), Some(rows)) if is_exhausted(&error) => {
            rows.spill()?;
            state.try_resize(size)
        }
        (other, _) => other,
    }
}

/// A partition whose rows come by for the first time.
pub(super) struct Partition {
    shape: Arc<Shape>,
    rows: Rows,
    count: usize,
    /// One for each function; `None` for those that want all rows.
    passes: Vec<Option<Box<dyn FirstPass>>>,
    state: MemoryReservation,
    /// What the functions without a first pass need, and how many bytes of it there are.
    needed: Needed,
    needed_bytes: usize,
    evaluation: MemoryReservation,
    manager: SpillManager,
    context: Arc<TaskContext>,
}

impl Partition {
    pub(super) fn new(shape: &Arc<Shape>, means: &Means) -> Result<Self> {
        let functions = shape.functions.iter().zip(&shape.kinds);
        let passes = functions.map(|(function, kind)| kind.first_pass(function)).collect::<Result<Vec<_>>>()?;
        let others = shape.functions.iter().zip(&passes).filter(|(_, pass)| pass.is_none());
        let needed = Needed::new(others.map(|(function, _)| function), means.manager.schema());
        Ok(Self {
            shape: Arc::clone(shape),
            rows: Rows::new(means.rows.new_empty(), means.manager.clone(), shape.batch_rows),
            count: 0,
            passes,
            state: means.state.new_empty(),
            needed,
            needed_bytes: 0,
            evaluation: means.rows.new_empty(),
            manager: means.manager.clone(),
            context: Arc::clone(&means.context),
        })
    }

    /// Adds the next rows, of which there is at least one.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.count += batch.num_rows();
        for pass in self.passes.iter_mut().flatten() {
            pass.see(&batch)?;
        }
        if self.passes.iter().any(Option::is_none) {
            self.needed_bytes = self.needed_bytes.saturating_add(self.needed.size(&batch));
        }
        let size = self.passes.iter().flatten().map(|pass| pass.size()).sum();
        hold(size, &self.state, Some(&mut self.rows))?;
        self.rows.push(batch)
    }

    /// Ends the partition and begins the second pass.
    pub(super) async fn finish(self) -> Result<Replay> {
        let Self { shape, rows, count, passes, state, needed, needed_bytes, evaluation, manager, context } = self;
        let rows = rows.finish()?;
        let functions = shape.functions.iter().zip(&passes).filter(|(_, pass)| pass.is_none());
        let functions: Vec<_> = functions.map(|(function, _)| Arc::clone(function)).collect();
        let size = estimate(needed_bytes, count, functions.len());
        let width = manager.schema().fields().len();
        let streaming = shape.kinds.iter().all(|kind| *kind != Kind::Whole);
        let others = Others { functions, needed, size, streaming, evaluation };
        let (rows, columns, evaluation) = others.prepare(rows, &state, &shape, context).await?;
        let mut columns = columns.map(Vec::into_iter);
        let mut next = width;
        let mut sources = Vec::with_capacity(passes.len());
        for pass in passes {
            sources.push(match (pass, &mut columns) {
                (Some(pass), _) => Source::Pass(pass.finish(count)?),
                (None, Some(columns)) => match columns.next() {
                    Some(column) => Source::Pass(Box::new(Evaluated::new(column))),
                    None => return Err(lost()),
                },
                (None, None) => {
                    next += 1;
                    Source::Streamed(next - 1)
                }
            });
        }
        Ok(Replay { shape, width, rows, sources, pending: None, held: vec![state, evaluation] })
    }
}

fn lost() -> datafusion::common::DataFusionError {
    datafusion::common::DataFusionError::Internal("a window function has no column".into())
}

/// The functions without a first pass.
struct Others {
    functions: Vec<Arc<dyn WindowExpr>>,
    needed: Needed,
    /// What their evaluation takes.
    size: usize,
    /// Whether they can do without it.
    streaming: bool,
    evaluation: MemoryReservation,
}

/// The rows to read again, the columns for all rows if they were evaluated, and the memory of these.
type Prepared = (SendableRecordBatchStream, Option<Vec<ArrayRef>>, MemoryReservation);

impl Others {
    /// Evaluates the functions over all rows if there is memory for it, which is quicker; else lets them come with the rows if
    /// they can; else asks for the memory where a refusal ends the task.
    async fn prepare(
        self,
        mut rows: Stored,
        state: &MemoryReservation,
        shape: &Shape,
        context: Arc<TaskContext>,
    ) -> Result<Prepared> {
        let Self { functions, needed, size, streaming, mut evaluation } = self;
        if functions.is_empty() {
            return Ok((rows.into_stream()?, None, evaluation));
        }
        match evaluation.try_grow(size) {
            Ok(()) => {}
            Err(error) if is_exhausted(&error) && streaming => {
                let rows = streamed(functions, rows.into_stream()?, &shape.input, context)?;
                return Ok((rows, None, evaluation));
            }
            Err(error) if is_exhausted(&error) => {
                rows.spill()?;
                evaluation = state.new_empty();
                evaluation.try_grow(size)?;
            }
            Err(error) => return Err(error),
        }
        let columns = evaluate(&functions, &needed, rows.read()?).await?;
        let left = columns.iter().map(Array::get_array_memory_size).sum::<usize>();
        evaluation.resize(left.min(size));
        Ok((rows.into_stream()?, Some(columns), evaluation))
    }
}
