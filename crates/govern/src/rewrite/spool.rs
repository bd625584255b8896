//! Batches that are read more than once: few are kept in memory, more of them in one spill file.

use crate::spill::spill_manager;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{DataFusionError, Result, internal_err},
    execution::{
        SendableRecordBatchStream, SpillFile, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_plan::{SpillManager, metrics::ExecutionPlanMetricsSet, stream::RecordBatchStreamAdapter},
};
use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Shared},
    stream,
};
use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes that are kept in memory. A task has few spools, and reading back a file of this size costs next to nothing.
const IN_MEMORY: usize = 1 << 20;

/// Batches, kept.
pub(super) struct Spool {
    manager: SpillManager,
    batches: Vec<RecordBatch>,
    file: Option<Arc<dyn SpillFile>>,
    /// What `batches` take.
    _reservation: MemoryReservation,
}

impl Spool {
    /// Keeps everything that comes.
    pub async fn fill(
        schema: SchemaRef,
        input: impl Stream<Item = Result<RecordBatch>> + Send,
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Self> {
        let manager = spill_manager(context, schema, 0, metrics);
        let reservation = MemoryConsumer::new("Spool").with_can_spill(true).register(context.memory_pool());
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut file = None;
        let mut input = pin!(input);
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let bytes = batch.get_array_memory_size();
            if file.is_none() && reservation.size() + bytes <= IN_MEMORY && reservation.try_grow(bytes).is_ok() {
                batches.push(batch);
                continue;
            }
            let file = match &mut file {
                Some(file) => file,
                None => file.insert(manager.create_in_progress_file("a spool")?),
            };
            for kept in batches.drain(..) {
                file.append_batch(&kept)?;
            }
            reservation.free();
            file.append_batch(&batch)?;
        }
        let file = file.map(|mut file| file.finish()).transpose()?.flatten();
        Ok(Self { manager, batches, file, _reservation: reservation })
    }

    /// Returns what is kept, from its beginning.
    pub fn read(self: &Arc<Self>) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(self.manager.schema());
        let Some(file) = &self.file else {
            let spool = Arc::clone(self);
            let batches = stream::iter(0..self.batches.len()).map(move |at| {
                spool.batches.get(at).cloned().ok_or_else(|| DataFusionError::Internal("a batch is gone".into()))
            });
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)));
        };
        self.manager.read_spill_as_stream_unbuffered(Arc::clone(file), None)
    }
}

type Made<T> = Shared<BoxFuture<'static, Result<Arc<T>, Arc<DataFusionError>>>>;

/// Something that is made once and awaited by several. It goes on being made if one of those who wait goes away.
pub(super) struct Once<T> {
    made: Mutex<Option<Made<T>>>,
}

impl<T: Send + Sync + 'static> Once<T> {
    /// Starts making it, unless that was done before.
    pub fn start(&self, make: impl FnOnce() -> Result<BoxFuture<'static, Result<T>>>) -> Result<()> {
        let mut started = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if started.is_none() {
            let future = make()?;
            *started = Some(async move { future.await.map(Arc::new).map_err(Arc::new) }.boxed().shared());
        }
        Ok(())
    }

    /// Returns it when it is made.
    pub async fn get(&self) -> Result<Arc<T>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(made) = made else { return internal_err!("something that is read by several was not started") };
        made.await.map_err(|error| DataFusionError::from(&error))
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { made: Mutex::default() }
    }
}

impl<T> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
