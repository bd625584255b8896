//! The two passes over a partition, as one function sees them.

use datafusion::{
    arrow::array::{ArrayRef, RecordBatch},
    common::Result,
};

/// What a function learns of a partition while its rows come by for the first time.
pub(super) trait FirstPass: Send {
    /// Takes notice of the next rows, of which there is at least one.
    fn see(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Returns the bytes that are held.
    fn size(&self) -> usize;

    /// Ends the pass, after `rows` rows in all.
    fn finish(self: Box<Self>, rows: usize) -> Result<Box<dyn SecondPass>>;
}

/// Makes a function's column while the rows come by again, in the same order.
pub(super) trait SecondPass: Send {
    /// Returns the column for the next rows, of which there is at least one.
    fn column(&mut self, batch: &RecordBatch) -> Result<ArrayRef>;

    /// Returns the rows that one column should have at most.
    fn most_rows(&self) -> usize {
        usize::MAX
    }
}
