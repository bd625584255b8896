//! Where the rows of a result go, one batch at a time.

mod format;
mod target;

mod arrow;
mod cells;
mod encoders;
mod output;
mod parquet;
mod text;

pub use cells::{cells, lines, numeric_columns, printable};
pub use format::{OutputFormat, Sink, Verdict, open};
pub use output::OutputFile;
pub use target::Target;
use target::arrow_error;
