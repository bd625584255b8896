//! The node of a logical plan, and how it becomes an operator.

use super::exec::DistinctOnExec;
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{Column, DFSchemaRef, Result, internal_err},
    logical_expr::{
        Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};
use std::{collections::HashSet, fmt, sync::Arc};

/// One row of the input for each value of some of its columns, any of those that have it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct DistinctOnNode {
    keys: Vec<Expr>,
    input: LogicalPlan,
}

impl DistinctOnNode {
    /// Returns the node for these columns of `input`.
    pub(crate) fn new(keys: Vec<Column>, input: LogicalPlan) -> Self {
        Self { keys: keys.into_iter().map(Expr::Column).collect(), input }
    }

    /// Returns whether a node is one: which rows it gives may differ each time.
    pub(crate) fn is(node: &LogicalPlan) -> bool {
        matches!(node, LogicalPlan::Extension(extension) if extension.node.as_any().is::<Self>())
    }

    fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.keys.iter().filter_map(Expr::try_as_col)
    }
}

impl UserDefinedLogicalNodeCore for DistinctOnNode {
    fn name(&self) -> &'static str {
        "DistinctOn"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys.clone()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "DistinctOn: keys=[{}]", keys.join(", "))
    }

    fn with_exprs_and_inputs(&self, keys: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            return internal_err!("`DISTINCT ON` has one input");
        };
        Ok(Self { keys, input })
    }

    /// What is asked of a key may be asked before: then it holds for all rows of the key, or for none. The optimizer goes by
    /// names alone, and so passes what names no column, such as `random() < 0.1`, as it does for windows.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let schema = self.input.schema();
        let keys: Vec<_> = self.key_columns().filter_map(|key| schema.index_of_column(key).ok()).collect();
        let others = schema.fields().iter().enumerate().filter(|(at, _)| !keys.contains(at));
        others.map(|(_, field)| field.name().clone()).collect()
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let schema = self.input.schema();
        let keys = self.key_columns().map(|key| schema.index_of_column(key).ok()).collect::<Option<Vec<_>>>()?;
        let mut needed = [output_columns, &keys].concat();
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}

/// Makes a [`DistinctOnExec`] of each [`DistinctOnNode`].
pub(crate) struct DistinctOnPlanner;

#[async_trait]
impl ExtensionPlanner for DistinctOnPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<DistinctOnNode>() else { return Ok(None) };
        let [input] = physical_inputs else { return internal_err!("`DISTINCT ON` has one input") };
        let keys = node.keys.iter();
        let keys = keys.map(|key| planner.create_physical_expr(key, node.input.schema(), session, context));
        Ok(Some(Arc::new(DistinctOnExec::new(keys.collect::<Result<_>>()?, Arc::clone(input)))))
    }
}
