//! The plan node.

use super::{
    kind::Kind,
    partition::Means,
    stream::{Shape, WindowStream},
};
use datafusion::{
    common::{DataFusionError, Result, Statistics, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_expr::{OrderingRequirements, PhysicalExpr},
    physical_plan::{
        ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements,
        PlanProperties, ReplaceChildrenOptions, SpillManager, StatisticsArgs,
        execution_plan::{CardinalityEffect, SchedulingType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, SpillMetrics},
        windows::{WindowAggExec, get_ordered_partition_by_indices},
    },
};
use std::{fmt, sync::Arc};

/// Takes the place of a `WindowAggExec`: the same columns in the same order of rows, in bounded memory.
#[derive(Debug)]
pub struct SpillingWindowExec {
    /// The node whose place it takes: knows everything about the plan, but never runs.
    window: WindowAggExec,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SpillingWindowExec {
    /// Returns the node that takes the place of `window`.
    pub fn new(window: WindowAggExec) -> Self {
        let properties = PlanProperties::clone(window.properties()).with_scheduling_type(SchedulingType::Cooperative);
        Self { window, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }

    fn shape(&self, context: &TaskContext) -> Result<Shape> {
        let input = self.window.input();
        let functions = self.window.window_expr().to_vec();
        let keys = functions.first().map(|function| function.partition_by().to_vec()).unwrap_or_default();
        if get_ordered_partition_by_indices(&keys, input)?.len() != keys.len() {
            return Err(DataFusionError::Internal("the input of a window is not sorted by its partitions".into()));
        }
        Ok(Shape {
            schema: self.schema(),
            kinds: functions.iter().map(Kind::of).collect(),
            functions,
            keys,
            input: Arc::clone(input.properties()),
            batch_rows: context.session_config().batch_size().max(1),
        })
    }
}

impl DisplayAs for SpillingWindowExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions = self.window.window_expr().iter();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let described: Vec<_> = functions
                    .map(|function| {
                        let field = function.field().map_or_else(|error| error.to_string(), |field| field.to_string());
                        format!("{}: {field}, frame: {}", function.name(), function.get_window_frame())
                    })
                    .collect();
                write!(f, "SpillingWindowExec: wdw=[{}]", described.join(", "))
            }
            DisplayFormatType::TreeRender => {
                let names: Vec<_> = functions.map(|function| function.name().to_owned()).collect();
                writeln!(f, "select_list={}", names.join(", "))
            }
        }
    }
}

impl ExecutionPlan for SpillingWindowExec {
    fn name(&self) -> &'static str {
        "SpillingWindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.window.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.window.apply_expressions(f)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.window.maintains_input_order()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.window.required_input_ordering()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.window.input_distribution_requirements()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = Arc::new(self.window.clone()).replace_children(children, options)?;
        match replaced.downcast_ref::<WindowAggExec>() {
            Some(window) => Ok(Arc::new(Self::new(window.clone()))),
            None => Err(DataFusionError::Internal("a window with other children is no window".into())),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let shape = Arc::new(self.shape(&context)?);
        let input = self.window.input().execute(partition, Arc::clone(&context))?;
        let pool = &context.runtime_env().memory_pool;
        let spilled = SpillMetrics::new(&self.metrics, partition);
        let compression = context.session_config().spill_compression();
        let manager = SpillManager::new(context.runtime_env(), spilled, self.window.input().schema())
            .with_compression_type(compression);
        let means = Means {
            rows: MemoryConsumer::new(format!("SpillingWindow[{partition}]")).with_can_spill(true).register(pool),
            state: MemoryConsumer::new(format!("SpillingWindowState[{partition}]")).register(pool),
            manager,
            context,
        };
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        Ok(WindowStream::new(shape, means, input, metrics).into_stream())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.window.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.window.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.window.cardinality_effect()
    }
}
