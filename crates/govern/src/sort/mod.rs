//! Sorting the rows of all partitions of a plan into one, in memory as far as there is some.
//!
//! DataFusion 55.2 sorts each partition by itself, merges what it holds of it, and merges the partitions after that: every row is
//! copied three times, and merging in memory takes as much again as what is merged, so that a sort may hold a fraction of what there is.
//!
//! *Model.* Some batches are sorted as they come, by the thread that read them, and are a **run** then, with its keys beside it,
//! encoded so that they compare as bytes. Runs stay in memory while that is granted; refused, a partition merges its runs into one
//! **file**. In the end all runs of all partitions, in memory and on disk, are merged once, into the rows that go out. Files are
//! merged with each other before only where there is no memory for a batch of each.
//!
//! *Concurrency.* Each partition is gathered by a task of its own, which has its own runs, files and reservation, and hands them
//! over when it is done. Nothing is shared before that.

mod exec;
mod gather;
mod keys;
mod merge;
mod rewrite;
mod run;
mod stream;

pub use exec::SpillingSortExec;
pub use rewrite::{FirstRows, SpillingSorts, spilling_sorts};

#[cfg(test)]
mod tests;
