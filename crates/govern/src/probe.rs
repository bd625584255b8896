//! A wrapper around every plan node: its account, and the gate at each `poll_next`.
//!
//! What a node allocates while it is polled is on its account; a batch that leaves it goes to the account of the one that polls.
//!
//! A limit cannot be held where operators ask for memory alone, because what breaks limits grows without asking. Between
//! two batches everything passes here: sources wait while memory is tight, for a bounded time, so that they can never be
//! the only ones that wait for each other; and a task that must end is ended.

use crate::{
    Bounds, GovernedPool, forecast,
    operators::{Operator, Operators},
    pool::should_pause,
    trace,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayData, RecordBatch},
        datatypes::{Schema, SchemaRef},
    },
    common::{DataFusionError, Result, tree_node::TreeNodeRecursion},
    execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
        ReplaceChildrenOptions, metrics::MetricsSet,
    },
};
use futures::{Future, Stream};
use std::{
    any::Any,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tidegate_memory::{ByteCount, Watch, ledger::Account};
use tokio::time::{Sleep, sleep};

/// How long a source waits at a time, and how often before it goes on whatever the pressure.
const PAUSE: Duration = Duration::from_millis(2);
const PAUSES: u32 = 10;

/// What a gate looks at.
#[derive(Clone, Debug)]
struct Gate {
    pool: Arc<GovernedPool>,
    watch: Arc<Watch>,
}

/// A plan node behind a gate. Invisible to code that looks for the node's own type.
#[derive(Debug)]
pub struct Probe {
    inner: Arc<dyn ExecutionPlan>,
    gate: Gate,
    account: Account,
}

impl Probe {
    /// Wraps every node of `plan`, and returns the nodes with their accounts beside it.
    ///
    /// # Errors
    /// If a node refuses its own children back, which would be a bug of that node.
    pub fn wrap(
        plan: Arc<dyn ExecutionPlan>,
        pool: &Arc<GovernedPool>,
        watch: &Arc<Watch>,
        batch_bytes: usize,
    ) -> Result<(Arc<dyn ExecutionPlan>, Operators)> {
        trace::install();
        let gate = Gate { pool: Arc::clone(pool), watch: Arc::clone(watch) };
        let mut operators = Operators::default();
        let bounds = |node: &dyn ExecutionPlan| forecast::of_operator(node, pool.capacity(), batch_bytes);
        let plan = wrap(plan, &gate, 0, &bounds, &mut operators)?;
        Ok((plan, operators))
    }

    fn with_inner(&self, inner: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { inner, gate: self.gate.clone(), account: self.account.clone() })
    }
}

fn wrap(
    plan: Arc<dyn ExecutionPlan>,
    gate: &Gate,
    depth: usize,
    bounds: &dyn Fn(&dyn ExecutionPlan) -> Bounds,
    operators: &mut Operators,
) -> Result<Arc<dyn ExecutionPlan>> {
    let account = Account::open(plan.name());
    let place = operators.0.len();
    operators.0.push(Operator {
        depth,
        node: Arc::clone(&plan),
        account: account.clone(),
        forecast: bounds(plan.as_ref()),
    });
    let children: Vec<_> = plan
        .children()
        .into_iter()
        .map(|child| wrap(Arc::clone(child), gate, depth + 1, bounds, operators))
        .collect::<Result<_>>()?;
    let inner = if children.is_empty() { plan } else { plan.replace_children(children, keep())? };
    if let Some(operator) = operators.0.get_mut(place) {
        operator.node = Arc::clone(&inner);
    }
    Ok(Arc::new(Probe { inner, gate: gate.clone(), account }))
}

/// A wrapped child has the properties of the child.
fn keep() -> ReplaceChildrenOptions {
    ReplaceChildrenOptions::new(datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Keep)
}

impl DisplayAs for Probe {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(format, f)
    }
}

impl ExecutionPlan for Probe {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.inner.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.inner.input_distribution_requirements()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.inner.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = Arc::clone(&self.inner).replace_children(children, options)?;
        Ok(self.with_inner(inner))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let recompute = datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(recompute))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let inner = Arc::clone(&self.inner).reset_state()?;
        Ok(self.with_inner(inner))
    }

    /// A recursive query gives its working table to the node that reads it by this call.
    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        let inner = self.inner.with_new_state(state)?;
        Some(self.with_inner(inner))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let inner = {
            let _entered = self.account.enter();
            self.inner.execute(partition, context)?
        };
        let pauses = self.inner.children().is_empty().then(Pauses::default);
        Ok(Box::pin(Gated { inner: Some(inner), gate: self.gate.clone(), account: self.account.clone(), pauses }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }
}

/// A source's pauses before one batch.
#[derive(Default)]
struct Pauses {
    sleeping: Option<Pin<Box<Sleep>>>,
    taken: u32,
}

struct Gated {
    /// `None` only while it is dropped.
    inner: Option<SendableRecordBatchStream>,
    gate: Gate,
    account: Account,
    pauses: Option<Pauses>,
}

impl Gated {
    /// Waits while memory is tight, a bounded number of times.
    fn pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(pauses) = &mut self.pauses else { return Poll::Ready(()) };
        loop {
            if let Some(sleeping) = &mut pauses.sleeping {
                ready!(sleeping.as_mut().poll(context));
                pauses.sleeping = None;
            }
            if pauses.taken >= PAUSES || !should_pause(&self.gate.watch) {
                pauses.taken = 0;
                return Poll::Ready(());
            }
            pauses.taken += 1;
            pauses.sleeping = Some(Box::pin(sleep(PAUSE)));
        }
    }
}

impl Stream for Gated {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.gate.watch.tend();
        if self.gate.watch.must_end() {
            let error = self.gate.pool.exhausted();
            return Poll::Ready(Some(Err(DataFusionError::ResourcesExhausted(error.to_string()))));
        }
        ready!(self.pause(context));
        let entered = self.account.enter();
        let polled = self.inner.as_mut().map_or(Poll::Ready(None), |inner| inner.as_mut().poll_next(context));
        drop(entered);
        if let Poll::Ready(Some(Ok(batch))) = &polled {
            self.account.hand_over(size(batch));
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, None), Stream::size_hint)
    }
}

impl Drop for Gated {
    /// What the operator still holds is freed on its own account.
    fn drop(&mut self) {
        let _entered = self.account.enter();
        self.inner = None;
    }
}

impl RecordBatchStream for Gated {
    fn schema(&self) -> SchemaRef {
        self.inner.as_ref().map_or_else(|| Arc::new(Schema::empty()), |inner| inner.schema())
    }
}

/// Returns the bytes that are freed with a batch: of a buffer that several batches share, the part of this one.
fn size(batch: &RecordBatch) -> ByteCount {
    batch.columns().iter().map(|column| of_column(&column.to_data())).sum::<usize>().into()
}

fn of_column(data: &ArrayData) -> usize {
    let whole = data.get_array_memory_size();
    let rows = data.get_slice_memory_size().unwrap_or(whole);
    // Capacity that no row fills is freed with the last rows, and builders leave up to a half.
    if rows.saturating_mul(2) >= whole && !is_shared(data) { whole } else { rows }
}

/// Returns whether others hold a buffer of a column, beside the column and `data`, which was made from it.
fn is_shared(data: &ArrayData) -> bool {
    data.buffers().iter().any(|buffer| buffer.strong_count() > 2) || data.child_data().iter().any(is_shared)
}
