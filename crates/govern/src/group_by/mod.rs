//! `GROUP BY` that sends to disk only what memory has no place for.
//!
//! When DataFusion 55.2 is refused memory, it sorts all of its groups, writes them, and begins anew; at the end it merges what it
//! wrote, comparing keys. [`SpillingGroupByExec`] takes the place of its `AggregateExec` ([`spilling_group_bys`] does that to a
//! plan) wherever states of groups are merged:
//!
//! - Groups are in one hash table for as long as they are few beside the memory that may be had, then in one for each part of
//!   their hashes.
//! - Where memory is refused, the largest table goes to disk, and so do the rows of its part that are yet to come. All others
//!   stay: this is the hybrid hash of `DeWitt` et al., "Implementation Techniques for Main Memory Database Systems", 1984.
//! - Keys of one text are in a table of our own, which takes half of what DataFusion's does; all others are in DataFusion's.
//! - What is on disk is read part by part in the same way, with other hashes, each part as often as it has to be.
//!
//! A single group that is larger than what may be had cannot be divided, and ends the task.

mod exec;
mod keys;
mod parts;
mod prompt;
mod rewrite;
mod stream;
mod table;
#[cfg(test)]
mod tests;

pub use exec::SpillingGroupByExec;
pub use rewrite::{SpillingGroupBys, spilling_group_bys};
