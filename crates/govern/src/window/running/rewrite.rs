//! What takes the place of DataFusion's operator for bounded frames.

use crate::window::{SpillingWindowExec, kind::is_running};
use datafusion::{
    common::Result,
    logical_expr::WindowFrameUnits,
    physical_expr::window::WindowExpr,
    physical_plan::{ExecutionPlan, InputOrderMode, windows::BoundedWindowAggExec},
};
use std::sync::Arc;

/// Returns a stack of nodes that add the columns of `window` in their order, ours for runs of functions that we take; `None`
/// if there are none. Partitions that are not sorted are left alone: they are kept side by side, each with a state of its own.
pub(in crate::window) fn running_windows(window: &BoundedWindowAggExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let functions = window.window_expr();
    let sorted = window.input_order_mode == InputOrderMode::Sorted && window.state_observer().is_none();
    if !sorted || !functions.iter().any(is_running) {
        return Ok(None);
    }
    let mut runs = functions.chunk_by(together).peekable();
    if runs.peek().is_some_and(|first| first.len() == functions.len()) {
        return Ok(Some(Arc::new(SpillingWindowExec::running(window.clone()))));
    }
    let repartition = !window.partition_keys().is_empty();
    let mut plan = Arc::clone(window.input());
    for run in runs {
        let mode = InputOrderMode::Sorted;
        let node = BoundedWindowAggExec::try_new(run.to_vec(), plan, mode, repartition)?;
        let ours = run.iter().all(is_running);
        plan = if ours { Arc::new(SpillingWindowExec::running(node)) } else { Arc::new(node) };
    }
    Ok(Some(plan))
}

/// Returns whether two functions can be in one node. Functions of a node are ordered alike, though perhaps in other words; ours
/// want the same.
fn together(one: &Arc<dyn WindowExpr>, other: &Arc<dyn WindowExpr>) -> bool {
    match (is_running(one), is_running(other)) {
        (true, true) => {
            let by_row = |function: &Arc<dyn WindowExpr>| function.get_window_frame().units == WindowFrameUnits::Rows;
            let same_order = one.order_by() == other.order_by() && one.partition_by() == other.partition_by();
            same_order && by_row(one) == by_row(other)
        }
        (one, other) => one == other,
    }
}
