//! Plans rewritten to operators that hold a limit.
//!
//! DataFusion plans some questions with operators that keep everything they see and never spill. The answer of such a plan is
//! the same with others:
//!
//! - several or mixed `DISTINCT` aggregates become a `GROUP BY` for each distinct argument, and all of them read the input
//!   together, once, through a tee; under `GROUPING SETS`, each set gets rows of its own first;
//! - `NOT IN (subquery)` becomes a sort-merge join, and a spool of the subquery's values.
//!   Where DataFusion's plan of it would be wrong, it is said in other words;
//! - cross joins become nested loop joins, which spill, and what is wrong when those spill is avoided; a `FULL JOIN` without
//!   an equality becomes two of them;
//! - several exact percentiles of one argument keep its values once;
//! - `DISTINCT ON` takes whole rows: the first that comes along of each key, or the first of a window where there is an order;
//! - semi, anti and mark joins see each row of their other side once, or not often;
//! - window functions that look to the end of their partition look back to the beginning, in the reversed order.
//!
//! [`RewriteOptions::install`] puts this into a session.

mod distinct;
mod distinct_on;
mod distinct_plan;
mod full_join;
mod grouping_sets;
mod install;
mod join_keys;
mod joins;
mod not_in;
mod not_in_rule;
mod planner;
mod recent;
mod replay;
mod reversed_windows;
mod semi_joins;
mod shared_percentiles;
mod spool;
mod tee;
mod tee_node;

pub use install::{Joins, RewriteOptions};
