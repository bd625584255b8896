//! The planner that rewrites an optimized logical plan before it becomes operators.
//!
//! A rule of the optimizer would be the obvious place, but those run several times over a plan, look into what others made
//! and copy parts of it. A reader of a tee must exist once. So logical plans are rewritten after all rules, once.

use super::{
    Joins, RewriteOptions, distinct, full_join, grouping_sets, join_keys, reversed_windows, shared_percentiles::share,
    tee_node::TeePlanner,
};
use crate::distinct_on::DistinctOnPlanner;
use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{
        Result, not_impl_err,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::context::QueryPlanner,
    logical_expr::{Aggregate, LogicalPlan},
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
};
use std::sync::Arc;

/// Rewrites, then plans as DataFusion does.
#[derive(Debug)]
pub(super) struct RewritePlanner {
    pub options: RewriteOptions,
}

#[async_trait]
impl QueryPlanner for RewritePlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner =
            DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(TeePlanner), Arc::new(DistinctOnPlanner)]);
        check(plan)?;
        if !self.options.distinct_aggregates || is_recursive(plan)? {
            return planner.create_physical_plan(plan, session).await;
        }
        let plan = rewrite(plan.clone(), self.options, &mut 0)?;
        planner.create_physical_plan(&plan, session).await
    }
}

/// A null-aware join that is more than one equality would be planned as one that is not null-aware, or as one that looks for
/// nulls in the wrong rows. None should be left: see [`super::not_in_rule`].
fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| match node {
        LogicalPlan::Join(join) if join.null_aware && (join.on.len() != 1 || join.filter.is_some()) => {
            not_impl_err!("`NOT IN (subquery)` with these conditions; use `NOT EXISTS`")
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(())
}

/// A recursive query executes a part of its plan again and again, with other rows each time.
fn is_recursive(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::RecursiveQuery(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Rewrites a plan and its subqueries. DataFusion evaluates a scalar subquery once, however often a plan names it, and
/// recognizes it by being equal; so equal subqueries are rewritten once, to the same.
fn rewrite(plan: LogicalPlan, options: RewriteOptions, tees: &mut usize) -> Result<LogicalPlan> {
    let mut known: Vec<(LogicalPlan, LogicalPlan)> = Vec::new();
    let rewritten = plan.transform_up(|node| {
        let node = node.map_subqueries(|subquery| {
            if let Some((_, rewritten)) = known.iter().find(|(original, _)| *original == subquery) {
                return Ok(Transformed::yes(rewritten.clone()));
            }
            let rewritten = rewrite(subquery.clone(), options, tees)?;
            known.push((subquery, rewritten.clone()));
            Ok(Transformed::yes(rewritten))
        })?;
        node.transform_data(|node| match node {
            LogicalPlan::Aggregate(aggregate) => match shared_aggregate(&aggregate, tees)? {
                Some(plan) => Ok(Transformed::yes(plan)),
                None => Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))),
            },
            LogicalPlan::Window(window) => reversed_windows::rewrite(window),
            LogicalPlan::Join(join) if options.joins == Joins::Replaced => match full_join::rewrite(join)? {
                Transformed { data: LogicalPlan::Join(join), .. } => join_keys::rewrite(join),
                apart => Ok(apart),
            },
            other => Ok(Transformed::no(other)),
        })
    })?;
    Ok(rewritten.data)
}

fn shared_aggregate(aggregate: &Aggregate, tees: &mut usize) -> Result<Option<LogicalPlan>> {
    let Some(shared) = share(aggregate)? else { return distinct_aggregate(aggregate, tees) };
    let plan = match distinct_aggregate(&shared.aggregate, tees)? {
        Some(plan) => plan,
        None => LogicalPlan::Aggregate(shared.aggregate.clone()),
    };
    match shared.apart(plan, aggregate)? {
        Some(plan) => Ok(Some(plan)),
        None => distinct_aggregate(aggregate, tees),
    }
}

fn distinct_aggregate(aggregate: &Aggregate, tees: &mut usize) -> Result<Option<LogicalPlan>> {
    match grouping_sets::rewrite(aggregate, tees)? {
        Some(plan) => Ok(Some(plan)),
        None => distinct::rewrite(aggregate, tees),
    }
}
