//! Semi, anti and mark joins see each row of their other side once.
//!
//! Such a join asks whether there is a partner, not how many. DataFusion 55.2's joins visit all of them, though, and the keys
//! of logs repeat: a log of a million lines joined with itself by client visits thousands of partners for each line. A
//! `GROUP BY` of that side would do, but where few rows are equal it holds all of them twice. So the rows pass through
//! [`DropRecentExec`], which drops nearly all that repeat often, in little memory. Those that are left do no harm.

use super::recent::{DropRecentExec, are_comparable};
use datafusion::{
    common::{
        JoinType, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, ReplaceChildrenOptions,
        aggregates::AggregateExec,
        execution_plan::ChildrenPropertiesMode,
        joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec},
    },
};
use std::sync::Arc;

/// Drops repeated rows of the side of a join that is not in its answer. Must run when the sides of joins are chosen, and before
/// distributions are enforced.
#[derive(Debug)]
pub(super) struct DropRepeatedRows;

impl PhysicalOptimizerRule for DropRepeatedRows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let dropped = plan.transform_up(|node| {
            let Some(other) = join_type(node.as_ref()).and_then(other_side) else { return Ok(Transformed::no(node)) };
            let mut children: Vec<_> = node.children().into_iter().map(Arc::clone).collect();
            let Some(rows) = children.get_mut(other).filter(|rows| may_repeat(rows)) else {
                return Ok(Transformed::no(node));
            };
            *rows = Arc::new(DropRecentExec::new(Arc::clone(rows)));
            let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            Ok(Transformed::yes(node.replace_children(children, recompute)?))
        })?;
        Ok(dropped.data)
    }

    fn name(&self) -> &'static str {
        "drop_repeated_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn join_type(node: &dyn ExecutionPlan) -> Option<JoinType> {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        Some(join.join_type)
    } else if let Some(join) = node.downcast_ref::<SortMergeJoinExec>() {
        Some(join.join_type)
    } else {
        node.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type())
    }
}

/// Returns the place of the side that has no columns in the answer.
fn other_side(join_type: JoinType) -> Option<usize> {
    match join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => Some(1),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => Some(0),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => None,
    }
}

/// Returns whether there can be equal rows.
fn may_repeat(rows: &Arc<dyn ExecutionPlan>) -> bool {
    !rows.is::<AggregateExec>() && are_comparable(&rows.schema())
}
