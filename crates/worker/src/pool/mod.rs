//! Warm workers: kept for the next task, in places of one size ([`Pool`]), or under one limit for all of them ([`SharedPool`]).

mod places;
mod shared;

pub use places::{Condition, Decision, Place, Pool, PoolOptions, Taken, decide};
pub use shared::{Grant, Granted, SharedCounts, SharedOptions, SharedPool};
