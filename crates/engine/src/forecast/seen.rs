//! What a scan saw while it read a sample.

use crate::Progress;
use datafusion::arrow::array::RecordBatch;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tidegate_memory::ByteCount;

/// What a scan saw while it read a sample. Its numbers are independent, and read when the scan is over.
#[derive(Debug, Default)]
pub struct SampleSeen {
    of: Mutex<Of>,
    rows: AtomicU64,
    /// For each column, the bytes that it filled and those that were asked for.
    columns: Mutex<Vec<(u64, u64)>>,
}

#[derive(Debug, Default)]
struct Of {
    /// The bytes of all files.
    all: ByteCount,
    /// The bytes that were to be read, where that is known.
    planned: Option<u64>,
    read: Arc<Progress>,
}

impl SampleSeen {
    /// Begins to read a sample of files of `all` bytes, and returns what counts those that are read.
    pub(crate) fn begin(&self, all: ByteCount, planned: Option<u64>) -> Arc<Progress> {
        let read = Arc::default();
        *self.of.lock().unwrap_or_else(PoisonError::into_inner) = Of { all, planned, read: Arc::clone(&read) };
        read
    }

    /// Adds a batch that was read.
    pub(crate) fn add(&self, batch: &RecordBatch) {
        self.rows.fetch_add(batch.num_rows() as u64, Relaxed);
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        columns.resize(batch.num_columns(), (0, 0));
        for ((filled, asked), column) in columns.iter_mut().zip(batch.columns()) {
            let capacity = column.get_array_memory_size();
            *filled += column.to_data().get_slice_memory_size().unwrap_or(capacity) as u64;
            *asked += capacity as u64;
        }
    }

    /// Returns the share of the files that was read: all if the query needed no more than it read.
    pub(crate) fn share(&self) -> f64 {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let read = of.read.snapshot().bytes.bytes();
        let enough = of.planned.is_some_and(|planned| read < planned / 10 * 9);
        if enough || read == 0 { 1.0 } else { ratio(read, of.all.bytes()).clamp(0.0, 1.0) }
    }

    /// Returns the bytes of all files and how many of them were read.
    pub(crate) fn bytes(&self) -> (ByteCount, ByteCount) {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        (of.all, of.read.snapshot().bytes)
    }

    /// Returns the rows that were read.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    /// Returns the bytes that each column filled, and those that were asked for.
    pub(crate) fn columns(&self) -> Vec<(u64, u64)> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of what is estimated anyway")]
fn ratio(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}
