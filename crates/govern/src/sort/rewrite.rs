//! The rewrite of a plan.

use super::SpillingSortExec;
use crate::node::map_children;
use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_expr::{LexOrdering, PhysicalSortExpr, expressions::Column},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
        coalesce_partitions::CoalescePartitionsExec,
        limit::GlobalLimitExec,
        projection::ProjectionExec,
        sorts::{sort::SortExec, sort_preserving_merge::SortPreservingMergeExec},
    },
};
use std::sync::Arc;

/// Returns the plan with the sort of its answer replaced by a [`SpillingSortExec`], and with it the merge of the partitions that it
/// sorts. One that looks for the first few rows keeps few, and stays. Sorts below joins and windows stay as well: several
/// of them hold rows at the same time, and what they may hold is divided among them before they begin. Must come after all rules
/// of the optimizer, which know the former alone.
///
/// # Errors
/// If a node refuses its own children back, which would be a bug of that node.
pub fn spilling_sorts(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if is_passed(&plan) {
        return map_children(plan, spilling_sorts);
    }
    if let Some((projection, (ordering, input))) = projected(&plan) {
        let Some(node) = SpillingSortExec::of(ordering.clone(), Arc::clone(input)) else { return Ok(plan) };
        return Arc::clone(projection)
            .replace_children(vec![Arc::new(node)], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute));
    }
    let Some((ordering, input)) = sorted(&plan) else { return Ok(plan) };
    let node = SpillingSortExec::of(ordering.clone(), Arc::clone(input));
    Ok(node.map_or(plan, |node| Arc::new(node)))
}

/// The most rows that are looked for without a sort of all rows. As many are held, and cannot spill.
const FIRST_ROWS: usize = 10_000;

/// Returns the plan with the search for the first rows of its answer replaced by the sort of all rows and a limit, where it looks for
/// more than [`FIRST_ROWS`]: slower, but the sort can become a [`SpillingSortExec`].
///
/// # Errors
/// If a node refuses its own children back, which would be a bug of that node.
pub(super) fn sorted_whole(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if is_passed(&plan) {
        return map_children(plan, sorted_whole);
    }
    let Some(fetch) = plan.fetch().filter(|fetch| sorts(&plan) && *fetch > FIRST_ROWS) else { return Ok(plan) };
    Ok(Arc::new(GlobalLimitExec::new(of_all_rows(plan)?, 0, Some(fetch))))
}

fn of_all_rows(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let above = plan.is::<SortPreservingMergeExec>() || plan.is::<ProjectionExec>();
    let plan = if above { map_children(plan, of_all_rows)? } else { plan };
    Ok(plan.with_fetch(None).filter(|_| sorts(&plan)).unwrap_or(plan))
}

/// Returns whether a node sorts, or merges what is sorted.
fn sorts(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<SortPreservingMergeExec>() || plan.is::<SortExec>()
}

/// Returns whether a node stands above the sort of an answer without a change of its order.
fn is_passed(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<ProjectionExec>() || plan.is::<GlobalLimitExec>()
}

type Sorted<'a> = (&'a LexOrdering, &'a Arc<dyn ExecutionPlan>);

/// Returns the projection between a merge and the sorts of its partitions, their order and what is sorted, if nothing else is
/// done, and if that order is the one of the merge.
fn projected(plan: &Arc<dyn ExecutionPlan>) -> Option<(&Arc<dyn ExecutionPlan>, Sorted<'_>)> {
    let merge = plan.downcast_ref::<SortPreservingMergeExec>().filter(|merge| merge.fetch().is_none())?;
    let projection = merge.input().downcast_ref::<ProjectionExec>()?;
    let sort = projection.input().downcast_ref::<SortExec>().filter(|sort| sort.fetch().is_none())?;
    let is_same = |(merged, sorted): (&PhysicalSortExpr, &PhysicalSortExpr)| {
        let column = merged.expr.downcast_ref::<Column>().and_then(|column| projection.expr().get(column.index()));
        merged.options == sorted.options && column.is_some_and(|column| column.expr.eq(&sorted.expr))
    };
    let same = merge.expr().len() == sort.expr().len() && merge.expr().iter().zip(sort.expr()).all(is_same);
    same.then(|| (merge.input(), (sort.expr(), sort.input())))
}

/// Returns the order of all rows of a plan and what is sorted, if that is what it does.
fn sorted(plan: &Arc<dyn ExecutionPlan>) -> Option<Sorted<'_>> {
    if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
        let sort = merge.input().downcast_ref::<SortExec>()?;
        let same = merge.fetch().is_none() && sort.fetch().is_none() && merge.expr() == sort.expr();
        return same.then(|| (sort.expr(), sort.input()));
    }
    let sort = plan.downcast_ref::<SortExec>().filter(|sort| sort.fetch().is_none())?;
    if sort.preserve_partitioning() && plan.output_partitioning().partition_count() > 1 {
        return None;
    }
    let coalesced = sort.input().downcast_ref::<CoalescePartitionsExec>().filter(|node| node.fetch().is_none());
    Some((sort.expr(), coalesced.map_or(sort.input(), CoalescePartitionsExec::input)))
}

/// [`spilling_sorts`] as a rule of the optimizer, so that EXPLAIN shows what runs. Must be one of the last.
#[derive(Debug)]
pub struct SpillingSorts {
    /// How many first rows of an answer are found.
    pub first_rows: FirstRows,
}

/// How many first rows of an answer are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRows {
    /// They are held while all rows pass, which is fast, and cannot spill.
    Held,
    /// By a sort of all rows, which can: for a task that was refused memory.
    Sorted,
}

impl PhysicalOptimizerRule for SpillingSorts {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        spilling_sorts(match self.first_rows {
            FirstRows::Held => plan,
            FirstRows::Sorted => sorted_whole(plan)?,
        })
    }

    fn name(&self) -> &'static str {
        "spilling_sorts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
