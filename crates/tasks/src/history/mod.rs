//! The history of runs: one SQLite file that every process of a person writes to.
//!
//! A failure here never ends a job. Every function says what went wrong, and the command turns that into a warning.

mod id;
mod process;
mod run;
mod select;
mod store;
#[cfg(test)]
mod tests;

pub use id::RunId;
pub use run::{Ending, Input, NewRun, Outcome, Run};
pub use select::{Prune, RunFilter};
pub use store::History;
