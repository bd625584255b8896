//! The rewrite of a plan.

use super::SpillingWindowExec;
use datafusion::{
    common::Result,
    physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions, windows::WindowAggExec},
};
use std::sync::Arc;

/// Returns the plan with every `WindowAggExec` replaced by a [`SpillingWindowExec`]. Must come after all rules of the
/// optimizer, which know the former alone.
///
/// # Errors
/// If a node refuses its own children back, which would be a bug of that node.
pub fn spilling_windows(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let before: Vec<_> = plan.children().into_iter().map(Arc::clone).collect();
    let after: Vec<_> = before.iter().cloned().map(spilling_windows).collect::<Result<_>>()?;
    let same = before.iter().zip(&after).all(|(before, after)| Arc::ptr_eq(before, after));
    // The node that takes a place has its properties, so nothing is derived anew: state that nodes share, such as dynamic
    // filters, stays shared.
    let keep = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    let plan = if same { plan } else { plan.replace_children(after, keep)? };
    match plan.downcast_ref::<WindowAggExec>() {
        Some(window) => Ok(Arc::new(SpillingWindowExec::new(window.clone()))),
        None => Ok(plan),
    }
}
