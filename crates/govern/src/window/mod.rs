//! Window functions in bounded memory.
//!
//! DataFusion has two window operators. `BoundedWindowAggExec` streams, for frames that end near the current row.
//! `WindowAggExec` takes all the others: it keeps its whole input, concatenates it, and reserves nothing.
//! [`SpillingWindowExec`] takes its place ([`spilling_windows`] does that to a plan) and works partition by partition:
//!
//! - small partitions are evaluated in bulk, as they come, by DataFusion's own functions (`small`);
//! - a partition larger than some batches is passed over twice (`partition`). The first pass keeps its rows, in memory or on
//!   disk (`rows`), and what the functions need to know of the whole: a total (`constant`), the first or last values
//!   (`edge`), where peers begin (`peers`). The second pass reads the rows again and adds the columns (`replay`);
//! - functions of neither kind are evaluated by DataFusion over the columns they need where those fit (`evaluated`), else
//!   streamed over the rows that are read again, else refused with an error that says how much they asked for.
//!
//! For one frame near the current row, the default one, `BoundedWindowAggExec` keeps and concatenates much as well: all rows
//! that are equal in ORDER BY, anew for every batch. There the place is taken too (`running`).

mod constant;
mod edge;
mod evaluated;
mod exec;
mod feed;
mod kind;
mod partition;
mod pass;
mod peers;
mod replay;
mod rewrite;
mod rows;
mod running;
mod runs;
mod small;
mod stream;
#[cfg(test)]
mod tests;

pub use exec::SpillingWindowExec;
pub use rewrite::{SpillingWindows, spilling_windows};
