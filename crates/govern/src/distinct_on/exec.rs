//! The plan node.

use super::{
    shared::Shared,
    stream::{DistinctOnStream, Place},
};
use crate::node::{Batches, only_child};
use datafusion::{
    common::{Result, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_expr::{Partitioning, PhysicalExpr},
    physical_plan::{
        ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        ReplaceChildrenOptions,
        execution_plan::{CardinalityEffect, EmissionType, SchedulingType},
        metrics::{ExecutionPlanMetricsSet, MetricsSet},
    },
};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// Hands on one row for each key, the first that comes along in any partition. Rows come in any order.
pub(super) struct DistinctOnExec {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// What the streams share, from the first one on.
    shared: OnceLock<Arc<Shared>>,
}

impl DistinctOnExec {
    pub(super) fn new(keys: Vec<Arc<dyn PhysicalExpr>>, input: Arc<dyn ExecutionPlan>) -> Self {
        // Rows that were on disk come after those that were not.
        let mut equivalences = input.equivalence_properties().clone();
        equivalences.clear_orderings();
        let partitioning = Partitioning::UnknownPartitioning(input.output_partitioning().partition_count());
        let properties =
            PlanProperties::new(equivalences, partitioning, EmissionType::Incremental, input.boundedness())
                .with_scheduling_type(SchedulingType::Cooperative);
        let (properties, metrics) = (Arc::new(properties), ExecutionPlanMetricsSet::new());
        Self { keys, input, properties, metrics, shared: OnceLock::new() }
    }
}

impl fmt::Debug for DistinctOnExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistinctOnExec").field("keys", &self.keys).field("input", &self.input).finish_non_exhaustive()
    }
}

impl DisplayAs for DistinctOnExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(ToString::to_string).collect();
        let keys = keys.join(", ");
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(f, "DistinctOnExec: keys=[{keys}]"),
            DisplayFormatType::TreeRender => writeln!(f, "keys={keys}"),
        }
    }
}

impl ExecutionPlan for DistinctOnExec {
    fn name(&self) -> &'static str {
        "DistinctOnExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut replaced = Self::new(self.keys.clone(), only_child(children, "`DISTINCT ON`")?);
        if options.children_properties == ChildrenPropertiesMode::Keep {
            replaced.properties = Arc::clone(&self.properties);
        }
        Ok(Arc::new(replaced))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let mut recursion = TreeNodeRecursion::Continue;
        for key in &self.keys {
            recursion = recursion.visit_sibling(|| f(key))?;
        }
        Ok(recursion)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let shared = self.shared.get_or_init(|| {
            let held = MemoryConsumer::new("DistinctOn").with_can_spill(true).register(context.memory_pool());
            Arc::new(Shared::new(self.input.output_partitioning().partition_count(), held))
        });
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let place = Place { shared: Arc::clone(shared), context: &context, partition, metrics: &self.metrics };
        let stream = DistinctOnStream::new(self.keys.clone(), input, place)?;
        Ok(stream.into_stream())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }
}
