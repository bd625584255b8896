//! Arrow IPC data as a table.

mod infer;
mod provider;
mod rows;
mod scan;

pub use infer::ArrowInput;
pub use provider::ArrowTable;
pub(crate) use scan::ArrowScan;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
