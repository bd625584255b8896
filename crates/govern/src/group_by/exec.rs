//! The plan node.

use super::{
    parts::are_hashable,
    rewrite::is_plain,
    stream::{GroupByStream, Place},
    table::Shape,
};
use crate::node::Batches;
use datafusion::{
    arrow::array::new_empty_array,
    common::{Result, Statistics, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements,
        PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
        aggregates::AggregateExec,
        execution_plan::{CardinalityEffect, SchedulingType},
        metrics::{ExecutionPlanMetricsSet, MetricsSet},
    },
};
use std::{fmt, sync::Arc};

/// Takes the place of the step of a group-by that merges states: the same rows, in any order, in bounded memory.
#[derive(Debug)]
pub struct SpillingGroupByExec {
    /// The node whose place is taken: knows everything about the plan, but never runs.
    aggregate: AggregateExec,
    shape: Arc<Shape>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SpillingGroupByExec {
    /// Returns the node that takes the place of one that merges the states of groups; `None` for one whose groups come in an
    /// order or have a limit, whose input is not its keys and states, or whose keys cannot be hashed.
    ///
    /// # Errors
    /// If a function does not know its states.
    pub fn of(aggregate: AggregateExec) -> Result<Option<Self>> {
        let Some(shape) = Shape::of(&aggregate)?.filter(|_| is_plain(&aggregate)) else { return Ok(None) };
        let keys: Vec<_> = shape.key_schema.fields().iter().map(|key| new_empty_array(key.data_type())).collect();
        if !are_hashable(&keys) {
            return Ok(None);
        }
        let properties = PlanProperties::clone(aggregate.properties());
        let properties = Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative));
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Some(Self { aggregate, shape: Arc::new(shape), properties, metrics }))
    }
}

impl DisplayAs for SpillingGroupByExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.aggregate.group_expr().expr().iter().map(|(_, name)| name.as_str()).collect();
        let functions: Vec<_> = self.aggregate.aggr_expr().iter().map(|function| function.name()).collect();
        let (keys, functions) = (keys.join(", "), functions.join(", "));
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "SpillingGroupByExec: gby=[{keys}], aggr=[{functions}]")
            }
            DisplayFormatType::TreeRender => writeln!(f, "group_by={keys}\naggr={functions}"),
        }
    }
}

impl ExecutionPlan for SpillingGroupByExec {
    fn name(&self) -> &'static str {
        "SpillingGroupByExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregate.apply_expressions(f)
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.aggregate.input_distribution_requirements()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let aggregate: Arc<dyn ExecutionPlan> = Arc::new(self.aggregate.clone());
        let replaced = aggregate.replace_children(children, options)?;
        let Some(aggregate) = replaced.downcast_ref::<AggregateExec>() else {
            return internal_err!("a group-by with other children is no group-by");
        };
        let node = Self::of(aggregate.clone())?;
        Ok(node.map_or(replaced, |node| Arc::new(node)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.aggregate.input().execute(partition, Arc::clone(&context))?;
        let partitions = self.properties.output_partitioning().partition_count();
        let place = Place { context: &context, partition, partitions, metrics: &self.metrics };
        Ok(GroupByStream::new(Arc::clone(&self.shape), input, place)?.into_stream())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.aggregate.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.aggregate.statistics_from_inputs(inputs, args)
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.aggregate.cardinality_effect()
    }
}
