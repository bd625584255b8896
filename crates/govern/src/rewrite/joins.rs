//! The rules that rewrite joins.

use super::{
    not_in,
    replay::{Again, ReplayExec},
};
use datafusion::{
    common::{
        JoinType, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
        coalesce_partitions::CoalescePartitionsExec,
        execution_plan::ChildrenPropertiesMode,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec},
        recursive_query::RecursiveQueryExec,
    },
};
use std::sync::Arc;

/// Replaces joins that cannot spill. Must run before orders and distributions are enforced.
#[derive(Debug)]
pub(super) struct ReplaceJoins;

impl PhysicalOptimizerRule for ReplaceJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        // The values of a subquery are kept, but a recursive query asks for them again and again.
        let not_in = !plan.exists(|node| Ok(node.is::<RecursiveQueryExec>()))?;
        let replaced = plan.transform_up(|node| {
            let replaced = if let Some(join) = node.downcast_ref::<CrossJoinExec>() {
                Some(cross_join(join)?)
            } else if let Some(join) = node.downcast_ref::<HashJoinExec>() {
                if not_in { not_in::rewrite(join)? } else { None }
            } else if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>() {
                is_of_right(*join.join_type()).then(|| join.swap_inputs()).transpose()?
            } else {
                None
            };
            Ok(replaced.map_or_else(|| Transformed::no(node), Transformed::yes))
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &'static str {
        "replace_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn cross_join(join: &CrossJoinExec) -> Result<Arc<dyn ExecutionPlan>> {
    let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
    Ok(Arc::new(NestedLoopJoinExec::try_new(left, right, None, &JoinType::Inner, None)?))
}

/// Returns whether a join has to know which rows of its right side found a partner.
fn is_of_right(join_type: JoinType) -> bool {
    matches!(join_type, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark)
}

/// Makes nested loop joins right when they spill. Must run when all partitions are as they will be.
///
/// When the left side does not fit, DataFusion 55.2 reads it in parts and joins each with the whole right side. Then
/// - each partition of the right side decides alone which left rows found no partner, so there may be one partition only;
/// - rows of the right side that found none are lost if the last batch of the left side is the one that was refused memory, so
///   joins that need them must not get there. They can be turned around, by [`ReplaceJoins`];
/// - the left side is executed again.
#[derive(Debug)]
pub(super) struct GuardNestedLoops;

impl PhysicalOptimizerRule for GuardNestedLoops {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let guarded = plan.transform_up(|node| match node.downcast_ref::<NestedLoopJoinExec>() {
            Some(join) if !join.left().is::<ReplayExec>() => {
                let children = guarded(join);
                let recompute = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                Ok(Transformed::yes(node.replace_children(children, recompute)?))
            }
            _ => Ok(Transformed::no(node)),
        })?;
        Ok(guarded.data)
    }

    fn name(&self) -> &'static str {
        "guard_nested_loops"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn guarded(join: &NestedLoopJoinExec) -> Vec<Arc<dyn ExecutionPlan>> {
    let right = Arc::clone(join.right());
    let partitions = right.output_partitioning().partition_count();
    let (again, right): (_, Arc<dyn ExecutionPlan>) = match join.join_type() {
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark if partitions > 1 => {
            (Again::Replay, Arc::new(CoalescePartitionsExec::new(right)))
        }
        JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
            (Again::Replay, right)
        }
        JoinType::Full | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            (Again::Refuse, right)
        }
    };
    vec![Arc::new(ReplayExec::new(Arc::clone(join.left()), again)), right]
}
