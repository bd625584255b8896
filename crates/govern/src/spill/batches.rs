//! Files of batches of rows.

use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::Result,
    execution::{SendableRecordBatchStream, SpillFile, TaskContext},
    physical_plan::{
        SpillManager,
        metrics::{ExecutionPlanMetricsSet, SpillMetrics},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;

/// Returns what makes the spill files of an operator in one partition of the plan, for rows of this schema.
pub(crate) fn spill_manager(
    context: &TaskContext,
    schema: SchemaRef,
    partition: usize,
    metrics: &ExecutionPlanMetricsSet,
) -> SpillManager {
    SpillManager::new(context.runtime_env(), SpillMetrics::new(metrics, partition), schema)
        .with_compression_type(context.session_config().spill_compression())
}

/// Returns the rows of files, one after the other.
pub(crate) fn read_spilled(manager: &SpillManager, files: Vec<Arc<dyn SpillFile>>) -> SendableRecordBatchStream {
    let schema = Arc::clone(manager.schema());
    let manager = manager.clone();
    let read = move |file| manager.read_spill_as_stream_unbuffered(file, None);
    Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(files).map(read).try_flatten()))
}

/// Appends a batch, or ends the file without one.
type Writer = Box<dyn FnMut(Option<&RecordBatch>) -> Result<Option<Arc<dyn SpillFile>>> + Send>;

/// A spill file that is being written. DataFusion's own type for this has no public name.
pub(crate) struct SpilledBatches(Writer);

impl SpilledBatches {
    /// Creates a file; `what` is for the message where that fails.
    pub(crate) fn create(manager: &SpillManager, what: &str) -> Result<Self> {
        let mut file = manager.create_in_progress_file(what)?;
        Ok(Self(Box::new(move |batch| match batch {
            Some(batch) => file.append_batch(batch).map(|_| None),
            None => file.finish(),
        })))
    }

    /// Writes a batch after the others.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        (self.0)(Some(batch)).map(|_| ())
    }

    /// Ends the file; `None` if nothing was written.
    pub(crate) fn finish(mut self) -> Result<Option<Arc<dyn SpillFile>>> {
        (self.0)(None)
    }
}
