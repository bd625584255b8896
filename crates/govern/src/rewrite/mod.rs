//! Plans rewritten to operators that hold a limit.
//!
//! DataFusion plans some questions with operators that keep everything they see and never spill. The answer of such a plan is
//! the same with others: several or mixed `DISTINCT` aggregates become a `GROUP BY` for each distinct argument, and all of them
//! read the input together, once, through a tee.
//!
//! [`RewriteOptions::install`] puts this into a session.

mod distinct;
mod distinct_plan;
mod install;
mod planner;
mod tee;
mod tee_node;

pub use install::RewriteOptions;
