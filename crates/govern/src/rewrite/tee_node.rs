//! The reader of a tee in a logical plan, and how it becomes an operator.

use super::tee::{Tee, TeeExec};
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{DFSchemaRef, Result},
    logical_expr::{
        Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};
use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// A reader of a [`Tee`]; the first one holds the input.
#[derive(Debug)]
pub(super) struct TeeNode {
    tee: Arc<Tee>,
    reader: usize,
    schema: DFSchemaRef,
    input: Option<LogicalPlan>,
}

/// Returns as many readers of `input` as are asked for.
pub(super) fn readers(id: usize, input: LogicalPlan, count: usize) -> Vec<LogicalPlan> {
    let tee = Arc::new(Tee::new(id, count));
    let schema = Arc::clone(input.schema());
    let mut input = Some(input);
    let node = |reader| TeeNode { tee: Arc::clone(&tee), reader, schema: Arc::clone(&schema), input: input.take() };
    (0..count).map(node).map(|node| LogicalPlan::Extension(Extension { node: Arc::new(node) })).collect()
}

/// Returns whether a node reads a tee.
pub(super) fn is_reader(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Extension(extension) if extension.node.as_any().is::<TeeNode>())
}

impl TeeNode {
    /// Two nodes are the same if they read the same tee in the same place.
    fn key(&self) -> (usize, usize, &Option<LogicalPlan>) {
        (Arc::as_ptr(&self.tee).addr(), self.reader, &self.input)
    }
}

impl PartialEq for TeeNode {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for TeeNode {}

impl PartialOrd for TeeNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.key().partial_cmp(&other.key())
    }
}

impl Hash for TeeNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl UserDefinedLogicalNodeCore for TeeNode {
    fn name(&self) -> &'static str {
        "Tee"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.input.iter().collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Tee: input={}, reader={} of {}", self.tee.id, self.reader + 1, self.tee.readers)
    }

    fn with_exprs_and_inputs(&self, _expressions: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (tee, schema) = (Arc::clone(&self.tee), Arc::clone(&self.schema));
        Ok(Self { tee, reader: self.reader, schema, input: inputs.pop() })
    }
}

/// Makes a [`TeeExec`] of each [`TeeNode`].
pub(super) struct TeePlanner;

#[async_trait]
impl ExtensionPlanner for TeePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<TeeNode>() else { return Ok(None) };
        let partitions = session.config().target_partitions();
        let schema = Arc::clone(node.schema.inner());
        let input = physical_inputs.first().cloned();
        Ok(Some(Arc::new(TeeExec::new(Arc::clone(&node.tee), node.reader, schema, partitions, input))))
    }
}
