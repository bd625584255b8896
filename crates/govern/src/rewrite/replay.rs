//! The build side of a nested loop join.
//!
//! DataFusion's nested loop join executes its left input a second time when it did not fit into memory. Standard input cannot
//! be read twice, and lines of files would be counted twice. So the input is kept by a spool. Where that second way is known
//! to give a wrong answer, it is refused here: the join then ends with the memory error that it met.

use super::spool::{Once, Spool};
use crate::node::only_child;
use datafusion::{
    common::{DataFusionError, Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        execution_plan::ChildrenPropertiesMode,
        metrics::{ExecutionPlanMetricsSet, MetricsSet},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{FutureExt, TryStreamExt, stream};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// What happens at a second execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The same batches come again.
    Replay,
    /// It ends with the memory error.
    Refuse,
}

/// A single partition that may be executed more than once.
#[derive(Debug)]
pub(super) struct ReplayExec {
    input: Arc<dyn ExecutionPlan>,
    again: Again,
    spool: Arc<Once<Spool>>,
    executed: AtomicBool,
    metrics: ExecutionPlanMetricsSet,
}

impl ReplayExec {
    pub fn new(input: Arc<dyn ExecutionPlan>, again: Again) -> Self {
        Self {
            input,
            again,
            spool: Arc::default(),
            executed: AtomicBool::new(false),
            metrics: ExecutionPlanMetricsSet::default(),
        }
    }
}

impl DisplayAs for ReplayExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayExec: again={:?}", self.again)
    }
}

impl ExecutionPlan for ReplayExec {
    fn name(&self) -> &'static str {
        "ReplayExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(only_child(children, "a replay")?, self.again)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = Arc::clone(&self.input).reset_state()?;
        Ok(Arc::new(Self::new(input, self.again)))
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a replay has one partition, not {partition}");
        }
        if self.again == Again::Refuse {
            if self.executed.swap(true, Relaxed) {
                let why = "the build side of a nested loop join does not fit";
                return Err(DataFusionError::ResourcesExhausted(why.into()));
            }
            return self.input.execute(0, context);
        }
        self.spool.start(|| {
            let input = self.input.execute(0, Arc::clone(&context))?;
            let (schema, metrics) = (self.schema(), self.metrics.clone());
            Ok(async move { Spool::fill(schema, input, &context, &metrics).await }.boxed())
        })?;
        let spool = Arc::clone(&self.spool);
        let batches = stream::once(async move { spool.get().await?.read() }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
