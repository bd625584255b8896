//! The plan node.

use super::{
    kind::Kind,
    partition::Means,
    running::RunningStream,
    stream::{Shape, WindowStream},
};
use crate::node::Batches;
use datafusion::{
    common::{DataFusionError, Result, Statistics, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{OrderingRequirements, PhysicalExpr, window::WindowExpr},
    physical_plan::{
        ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements,
        PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
        execution_plan::{CardinalityEffect, SchedulingType},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet},
        windows::{BoundedWindowAggExec, WindowAggExec, get_ordered_partition_by_indices},
    },
};
use std::{fmt, sync::Arc};

/// Takes the place of a window operator: the same columns in the same order of rows, in bounded memory.
#[derive(Debug)]
pub struct SpillingWindowExec {
    window: Replaced,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// The node whose place is taken: knows everything about the plan, but never runs.
#[derive(Clone, Debug)]
enum Replaced {
    /// Frames that reach to the end of the partition, or may.
    Whole(WindowAggExec),
    /// Frames from the beginning of the partition to the last peer of the current row, all of them.
    Running(BoundedWindowAggExec),
}

impl Replaced {
    fn node(&self) -> &dyn ExecutionPlan {
        match self {
            Self::Whole(window) => window,
            Self::Running(window) => window,
        }
    }

    fn shared(&self) -> Arc<dyn ExecutionPlan> {
        match self.clone() {
            Self::Whole(window) => Arc::new(window),
            Self::Running(window) => Arc::new(window),
        }
    }

    fn input(&self) -> &Arc<dyn ExecutionPlan> {
        match self {
            Self::Whole(window) => window.input(),
            Self::Running(window) => window.input(),
        }
    }

    fn functions(&self) -> &[Arc<dyn WindowExpr>] {
        match self {
            Self::Whole(window) => window.window_expr(),
            Self::Running(window) => window.window_expr(),
        }
    }
}

impl SpillingWindowExec {
    /// Returns the node that takes the place of `window`.
    pub fn new(window: WindowAggExec) -> Self {
        Self::replacing(Replaced::Whole(window))
    }

    /// Returns the node that takes the place of `window`, of which each function must be an aggregate with the same ORDER BY
    /// and the frame from the beginning of the partition to the last peer of the current row.
    pub(super) fn running(window: BoundedWindowAggExec) -> Self {
        Self::replacing(Replaced::Running(window))
    }

    fn replacing(window: Replaced) -> Self {
        let properties = window.node().properties();
        let properties = PlanProperties::clone(properties).with_scheduling_type(SchedulingType::Cooperative);
        Self { window, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }

    fn shape(&self, context: &TaskContext) -> Result<Shape> {
        let input = self.window.input();
        let functions = self.window.functions().to_vec();
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
        let functions = self.window.functions().iter();
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
        self.window.node().children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.window.node().apply_expressions(f)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.window.node().maintains_input_order()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.window.node().required_input_ordering()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.window.node().input_distribution_requirements()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = self.window.shared().replace_children(children, options)?;
        if let Some(window) = replaced.downcast_ref::<WindowAggExec>() {
            return Ok(Arc::new(Self::new(window.clone())));
        }
        match replaced.downcast_ref::<BoundedWindowAggExec>() {
            Some(window) => Ok(Arc::new(Self::running(window.clone()))),
            None => Err(DataFusionError::Internal("a window with other children is no window".into())),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let shape = Arc::new(self.shape(&context)?);
        let input = self.window.input().execute(partition, Arc::clone(&context))?;
        let means = Means::new(context, self.window.input().schema(), partition, &self.metrics);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        Ok(match &self.window {
            Replaced::Whole(_) => WindowStream::new(shape, means, input, metrics).into_stream(),
            Replaced::Running(_) => RunningStream::new(shape, means, input, metrics)?.into_stream(),
        })
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.window.node().child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.window.node().statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.window.node().cardinality_effect()
    }
}
