//! How large the state of a group is, as far as the functions of a plan tell.

use datafusion::{
    common::{
        Result,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    physical_plan::{ExecutionPlan, aggregates::AggregateExec},
};
use std::sync::Arc;

/// What a sketch of a percentile takes for some thousand values, and the registers of a `HyperLogLog`.
const PERCENTILE: usize = 6 << 10;
const REGISTERS: usize = 16 << 10;

/// Returns the bytes that the widest group of the plan's aggregates may take in states whose size is known to be large; 0 if
/// there are none.
///
/// # Errors
/// None of its own: walking a plan is fallible.
pub fn widest_state(plan: &Arc<dyn ExecutionPlan>) -> Result<usize> {
    let mut widest = 0;
    plan.apply(|node| {
        if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
            let states = aggregate.aggr_expr().iter().map(|function| of_function(function.fun().name()));
            widest = widest.max(states.sum());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(widest)
}

fn of_function(name: &str) -> usize {
    match name {
        "approx_distinct" => REGISTERS,
        "approx_median" | "approx_percentile_cont" | "approx_percentile_cont_with_weight" => PERCENTILE,
        _ => 0,
    }
}
