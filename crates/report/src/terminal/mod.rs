//! Reports as text for a terminal.

mod chart;
mod guarded;
mod plan;
mod run;
mod runs;
mod sheet;
#[cfg(test)]
mod tests;

pub use guarded::{VERDICT_LINES, verdict};
pub use run::run;
pub use runs::runs;
pub use sheet::{MOST_LINES, Style};
