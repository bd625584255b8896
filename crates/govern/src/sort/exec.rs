//! The plan node.

use super::{
    gather::Disk,
    keys::{Encoder, can_be_encoded},
    stream::SortStream,
};
use crate::{
    node::{Batches, only_child},
    spill::spill_manager,
};
use datafusion::{
    common::{Result, Statistics, internal_err, tree_node::TreeNodeRecursion},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryLimit},
    },
    physical_expr::{LexOrdering, PhysicalExpr},
    physical_plan::{
        ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
        PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
        execution_plan::{CardinalityEffect, SchedulingType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        sorts::sort::SortExec,
    },
};
use std::{fmt, ops::RangeInclusive, sync::Arc};

/// A batch on disk has one of so many parts of what operators may have, within these bounds. LZ4 takes large blocks of memory for
/// columns of more than 256 KiB.
const BATCHES: usize = 96;
const BATCH_BYTES: RangeInclusive<usize> = (8 << 10)..=(256 << 10);

/// What is sorted at a time has one of so many parts of what operators may have, within these bounds. Merging many small runs
/// is slow: a row of each run is on other pages than those of all others, for every column.
const RUNS: usize = 64;
const RUN_BYTES: RangeInclusive<usize> = (16 << 10)..=(16 << 20);

/// Sorts the rows of all partitions of its input into one.
#[derive(Debug)]
pub struct SpillingSortExec {
    /// The node whose place is taken: knows everything about the plan, but never runs.
    sort: SortExec,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SpillingSortExec {
    /// Returns a sort; `None` if its keys cannot be encoded.
    pub fn of(ordering: LexOrdering, input: Arc<dyn ExecutionPlan>) -> Option<Self> {
        can_be_encoded(&ordering, &input.schema()).then(|| Self::replacing(SortExec::new(ordering, input)))
    }

    fn replacing(sort: SortExec) -> Self {
        let properties = PlanProperties::clone(sort.properties()).with_scheduling_type(SchedulingType::Cooperative);
        Self { sort, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for SpillingSortExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ordering = self.sort.expr();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "SpillingSortExec: expr=[{ordering}]"),
            DisplayFormatType::TreeRender => writeln!(f, "expr={ordering}"),
        }
    }
}

impl ExecutionPlan for SpillingSortExec {
    fn name(&self) -> &'static str {
        "SpillingSortExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.sort.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.sort.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut replaced = Self::replacing(SortExec::new(self.sort.expr().clone(), only_child(children, "a sort")?));
        if options.children_properties == ChildrenPropertiesMode::Keep {
            replaced.properties = Arc::clone(&self.properties);
        }
        Ok(Arc::new(replaced))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition > 0 {
            return internal_err!("a sort has one partition, not {partition}");
        }
        let (pool, input) = (context.memory_pool(), self.sort.input());
        let operators = match pool.memory_limit() {
            MemoryLimit::Finite(most) => most,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        let encoder = Encoder::new(self.sort.expr(), &input.schema())?;
        let disk = Disk {
            encoder: Arc::new(encoder),
            manager: spill_manager(&context, input.schema(), partition, &self.metrics),
            batch_rows: context.session_config().batch_size().max(1),
            run_bytes: (operators / RUNS).clamp(*RUN_BYTES.start(), *RUN_BYTES.end()),
            batch_bytes: (operators / BATCHES).clamp(*BATCH_BYTES.start(), *BATCH_BYTES.end()),
        };
        let partitions = (0..input.output_partitioning().partition_count()).map(|partition| {
            let held = MemoryConsumer::new(format!("SpillingSort[{partition}]")).with_can_spill(true).register(pool);
            Ok((input.execute(partition, Arc::clone(&context))?, held))
        });
        let partitions = partitions.collect::<Result<_>>()?;
        let merging = MemoryConsumer::new("SpillingSortMerge").register(pool);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        Ok(SortStream::new(partitions, disk, merging, metrics).into_stream())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.sort.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.sort.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.sort.cardinality_effect()
    }
}
