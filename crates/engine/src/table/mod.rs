//! A log as a table: its format and columns, and the plan node that scans it.

mod dynamic;
mod filters;
mod inference;
mod scan;
mod stream;
mod zoning;

pub use inference::{TableRequest, infer};
pub(crate) use scan::LogScan;
pub use scan::{LogTable, ScanContext};
