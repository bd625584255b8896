//! The rewrite of a plan.

use super::{SpillingGroupByExec, prompt::promptly};
use crate::node::map_children;
use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{Result, config::ConfigOptions},
    physical_expr::{expressions::Column, projection::ProjectionExpr},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, InputOrderMode,
        aggregates::{AggregateExec, AggregateMode},
        projection::ProjectionExec,
    },
};
use std::sync::Arc;

/// The most rows for which an aggregate looks for the first groups only. It takes room for all of them before the first one comes.
const FIRST_GROUPS: usize = 10_000;

/// Returns the plan with every `AggregateExec` that merges states of groups in any order replaced by a
/// [`SpillingGroupByExec`]; one that does all in one step becomes the step that makes states, and the one that merges them.
/// Must come after all rules of the optimizer, which know the former alone.
///
/// # Errors
/// If a node refuses its own children back, which would be a bug of that node.
pub fn spilling_group_bys(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = of_all_groups(map_children(plan, spilling_group_bys)?);
    let Some(aggregate) = plan.downcast_ref::<AggregateExec>().filter(|aggregate| is_plain(aggregate)) else {
        return Ok(plan);
    };
    let merging = match aggregate.mode() {
        AggregateMode::Final | AggregateMode::FinalPartitioned => aggregate.clone(),
        AggregateMode::Single => in_two_steps(aggregate, AggregateMode::Final)?,
        AggregateMode::SinglePartitioned => in_two_steps(aggregate, AggregateMode::FinalPartitioned)?,
        AggregateMode::Partial | AggregateMode::PartialReduce => return Ok(plan),
    };
    let Some(node) = SpillingGroupByExec::of(promptly(merging)?)? else { return Ok(plan) };
    Ok(renamed(Arc::new(node), &plan.schema())?.unwrap_or(plan))
}

/// Returns the node with columns of other names, if that is all in which they differ: a function that DataFusion turned round
/// after it had named its column gives it another name the next time.
fn renamed(node: Arc<dyn ExecutionPlan>, wanted: &SchemaRef) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let schema = node.schema();
    if schema == *wanted {
        return Ok(Some(node));
    }
    let pairs = || schema.fields().iter().zip(wanted.fields());
    let same = pairs().all(|(column, wanted)| column.as_ref().clone().with_name(wanted.name()) == **wanted);
    if !same || schema.fields().len() != wanted.fields().len() {
        return Ok(None);
    }
    let columns = pairs().enumerate().map(|(at, (column, wanted))| ProjectionExpr {
        expr: Arc::new(Column::new(column.name(), at)),
        alias: wanted.name().clone(),
    });
    Ok(Some(Arc::new(ProjectionExec::try_new(columns, node)?)))
}

/// Returns whether an aggregate has groups, and neither an order that lets it hand on groups before the end nor a limit.
pub(super) fn is_plain(aggregate: &AggregateExec) -> bool {
    let equivalences = aggregate.input().equivalence_properties();
    let keys = aggregate.group_expr().expr();
    let is_constant = |at: &usize| keys.get(*at).is_some_and(|(key, _)| equivalences.is_expr_constant(key).is_some());
    let in_any_order = match aggregate.input_order_mode() {
        InputOrderMode::Linear => true,
        InputOrderMode::PartiallySorted(keys) => keys.iter().all(is_constant),
        InputOrderMode::Sorted => false,
    };
    !aggregate.group_expr().is_true_no_grouping()
        && in_any_order
        && aggregate.limit_options().is_none()
        && aggregate.dynamic_expressions_produced().is_empty()
}

/// Returns an aggregate that looked for more first groups than [`FIRST_GROUPS`] as one of all groups: the limit stands above it too.
fn of_all_groups(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let of_many = |aggregate: &&AggregateExec| {
        aggregate.limit_options().is_some_and(|options| options.limit() > FIRST_GROUPS)
            && !aggregate.is_unordered_unfiltered_group_by_distinct()
    };
    let all = plan.downcast_ref::<AggregateExec>().filter(of_many).map(|node| node.with_new_limit_options(None));
    all.map_or(plan, |all| Arc::new(all))
}

fn in_two_steps(aggregate: &AggregateExec, merging: AggregateMode) -> Result<AggregateExec> {
    let (functions, schema) = (aggregate.aggr_expr(), aggregate.input_schema());
    let states = AggregateExec::try_new(
        AggregateMode::Partial,
        Arc::new(aggregate.group_expr().clone()),
        functions.to_vec(),
        aggregate.filter_expr().to_vec(),
        Arc::clone(aggregate.input()),
        Arc::clone(&schema),
    )?;
    // The rows are in the order that a function may have been told of, the states are not.
    let unordered = states.aggr_expr().iter().map(|function| {
        if !function.order_sensitivity().is_beneficial() {
            return Ok(Arc::clone(function));
        }
        Ok(Arc::clone(function).with_beneficial_ordering(false)?.map_or_else(|| Arc::clone(function), Arc::new))
    });
    let (functions, no_filters) = (unordered.collect::<Result<_>>()?, vec![None; functions.len()]);
    let keys = Arc::new(aggregate.group_expr().as_final());
    AggregateExec::try_new(merging, keys, functions, no_filters, Arc::new(states), schema)
}

/// [`spilling_group_bys`] as a rule of the optimizer, so that EXPLAIN shows what runs. Must be one of the last.
#[derive(Debug)]
pub struct SpillingGroupBys;

impl PhysicalOptimizerRule for SpillingGroupBys {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        spilling_group_bys(plan)
    }

    fn name(&self) -> &'static str {
        "spilling_group_bys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
