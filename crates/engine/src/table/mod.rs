//! A log, or Arrow IPC data, as a table: its format and columns, and the plan node that scans it.

mod arrow;
mod dynamic;
mod filters;
mod inference;
mod scan;
mod stream;
mod zoning;

pub(crate) use arrow::ArrowScan;
pub use arrow::{ArrowInput, ArrowTable};
use inference::USUAL_RATIO;
pub use inference::{Inferred, InferredLog, TableRequest, infer};
pub(crate) use scan::LogScan;
pub use scan::{LogTable, ScanContext};
