//! Aggregates from the beginning of a partition to the last peer of the current row: the default frame of ORDER BY.
//!
//! Peers are rows that are equal in ORDER BY. They share one value, which is known when the last of them has come. So groups of
//! peers that end within a batch go out with it (`ended`), the few rows of the last group wait for the next batch, and only a
//! group larger than that is kept in memory or on disk until it ends (`stream`). What it takes is one state for each function
//! (`totals`), one batch, and the memory that is granted to the rows of one group.

mod ended;
mod groups;
mod rewrite;
mod stream;
#[cfg(test)]
mod tests;
mod totals;

pub(super) use rewrite::running_windows;
pub(super) use stream::RunningStream;
