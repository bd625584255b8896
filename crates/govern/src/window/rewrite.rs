//! The rewrite of a plan.

use super::{SpillingWindowExec, running::running_windows};
use crate::node::map_children;
use datafusion::{
    common::{Result, config::ConfigOptions},
    physical_optimizer::PhysicalOptimizerRule,
    physical_plan::{
        ExecutionPlan,
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};
use std::sync::Arc;

/// Returns the plan with every `WindowAggExec`, and every `BoundedWindowAggExec` as far as its functions are aggregates with
/// the default frame, replaced by a [`SpillingWindowExec`]. Must come after all rules of the optimizer, which know the former
/// alone.
///
/// # Errors
/// If a node refuses its own children back, which would be a bug of that node.
pub fn spilling_windows(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = map_children(plan, spilling_windows)?;
    if let Some(window) = plan.downcast_ref::<WindowAggExec>() {
        return Ok(Arc::new(SpillingWindowExec::new(window.clone())));
    }
    let running = plan.downcast_ref::<BoundedWindowAggExec>().map_or(Ok(None), running_windows)?;
    Ok(running.unwrap_or(plan))
}

/// [`spilling_windows`] as a rule of the optimizer, so that EXPLAIN shows what runs. Must be the last.
#[derive(Debug)]
pub struct SpillingWindows;

impl PhysicalOptimizerRule for SpillingWindows {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        spilling_windows(plan)
    }

    fn name(&self) -> &'static str {
        "spilling_windows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
