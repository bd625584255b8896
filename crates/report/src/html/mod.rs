//! Reports as pages: one file each, that needs no network and runs no script.
//!
//! Templates escape whatever they are given ([`maud`]), and what they are given was made visible and cut before
//! (`crate::shown`). A content security policy in the page forbids scripts and everything from elsewhere, should both fail.
//! Charts are drawn here: shapes in SVG that stretches, text in HTML that does not. Values under the pointer are CSS.

mod chart;
mod checks;
mod environment;
mod forecast;
mod guarded;
mod headline;
mod lines;
mod memory;
mod page;
mod plan;
mod range;
mod release;
mod run;
mod runs;
#[cfg(test)]
mod tests;

pub use page::MOST_BYTES;
pub use run::run_page;
pub use runs::{MOST_RUNS, runs_page};
