//! States of any size through an exchange.
//!
//! DataFusion's exchange collects rows until they fill a batch, however long they are: where a state is all values of its group,
//! that is all values of all groups, and a copy of them. It does so only where its input has an end.

use crate::node::only_child;
use datafusion::{
    arrow::datatypes::DataType,
    common::{Result, Statistics, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        ReplaceChildrenOptions, StatisticsArgs,
        aggregates::AggregateExec,
        execution_plan::{Boundedness, CardinalityEffect},
        repartition::RepartitionExec,
    },
};
use std::{fmt, sync::Arc};

/// Hands rows on as they are, and says of them that they have no end.
#[derive(Debug)]
struct PromptExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl PromptExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let endless = Boundedness::Unbounded { requires_infinite_memory: false };
        let properties = PlanProperties::clone(input.properties()).with_boundedness(endless);
        Self { input, properties: Arc::new(properties) }
    }
}

/// Returns an aggregate that merges states with an exchange below it that collects none of them, if some have no fixed size.
///
/// # Errors
/// If a node refuses its own children back, which would be a bug of that node.
pub(super) fn promptly(aggregate: AggregateExec) -> Result<AggregateExec> {
    let exchange = aggregate.input();
    let fields = exchange.schema();
    let mut states = fields.fields().iter().skip(aggregate.group_expr().expr().len());
    let growing = |of: &DataType| matches!(of, DataType::List(_) | DataType::LargeList(_) | DataType::LargeUtf8);
    let lists = states.any(|state| growing(state.data_type()));
    let Some(input) = exchange.downcast_ref::<RepartitionExec>().filter(|_| lists).map(RepartitionExec::input) else {
        return Ok(aggregate);
    };
    let keep = || ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    let prompt: Arc<dyn ExecutionPlan> = Arc::new(PromptExec::new(Arc::clone(input)));
    let exchange = Arc::clone(exchange).replace_children(vec![prompt], keep())?;
    let merging: Arc<dyn ExecutionPlan> = Arc::new(aggregate.clone());
    let merging = merging.replace_children(vec![exchange], keep())?;
    Ok(merging.downcast_ref::<AggregateExec>().cloned().unwrap_or(aggregate))
}

impl DisplayAs for PromptExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => f.write_str("PromptExec"),
            DisplayFormatType::TreeRender => Ok(()),
        }
    }
}

impl ExecutionPlan for PromptExec {
    fn name(&self) -> &'static str {
        "PromptExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
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
        Ok(Arc::new(Self::new(only_child(children, "what hands on states")?)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        inputs
            .first()
            .map_or_else(|| internal_err!("a node without statistics of its child"), |only| Ok(Arc::clone(only)))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
