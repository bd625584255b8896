//! One partition of a scan: blocks in, batches out.

use super::{dynamic::Dynamic, filters::Fields, scan::ScanContext, zoning::Zoning};
use crate::{
    EngineError,
    input::{BlockQueue, Lane, LoadedBlock, RECORD_CAP},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{DataFusionError, Result},
};
use futures::{Stream, stream};
use std::{mem, sync::Arc};
use tidegate_formats::{
    Batch, BatchLimits, Block, BlockReader, Counts, Format, Position, Prefilter, Reason, Reject, Step,
};

/// A partition's state between two batches.
struct Partition {
    queue: Arc<BlockQueue>,
    lane: Lane,
    reader: BlockReader,
    context: ScanContext,
    buffer: Vec<u8>,
    block: Option<(LoadedBlock, Position)>,
    file: Option<usize>,
    zoning: Zoning,
    passing: Passing,
}

/// What lines are passed over by.
pub(super) struct Passing {
    /// The columns of the scan, and their places in the format.
    pub schema: SchemaRef,
    pub places: Vec<usize>,
    /// The search of the query's own filters.
    pub prefilter: Option<Arc<Prefilter>>,
    pub dynamic: Dynamic,
}

/// Returns the batches of one partition. Decoding happens while the stream is polled, one batch at a time.
pub(super) fn batches(
    queue: Arc<BlockQueue>,
    format: &Format,
    passing: Passing,
    context: &ScanContext,
) -> impl Stream<Item = Result<RecordBatch>> + use<> {
    let limits = BatchLimits { rows: context.profile.read_rows, bytes: context.profile.batch_bytes };
    let mut reader = BlockReader::new(format.decoder(), Batch::new(format, &passing.places, limits));
    if let Some(prefilter) = &passing.prefilter {
        reader = reader.with_prefilter(Arc::clone(prefilter), format.framing());
    }
    let partition = Partition {
        queue,
        lane: Lane::default(),
        reader,
        context: context.clone(),
        buffer: Vec::new(),
        block: None,
        file: None,
        zoning: Zoning::default(),
        passing,
    };
    stream::try_unfold(partition, |mut partition| async move {
        let batch = partition.next().map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(batch.map(|batch| (batch, partition)))
    })
}

impl Partition {
    fn next(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        loop {
            if self.block.is_none() && !self.load()? {
                // The buffer is not needed while the rest of the plan works on.
                self.buffer = Vec::new();
                let rows = self.reader.rows();
                return if rows == 0 { Ok(self.end()) } else { self.take().map(Some) };
            }
            if self.decode()? == Step::BatchFull {
                return self.take().map(Some);
            }
        }
    }

    fn load(&mut self) -> Result<bool, EngineError> {
        let Some(block) = self.queue.next(&mut self.lane, &mut self.buffer)? else { return Ok(false) };
        self.narrow()?;
        if self.file != Some(block.order) {
            self.reader.start_file(&block.start);
            self.file = Some(block.order);
        }
        self.block = Some((block, Position::default()));
        Ok(true)
    }

    /// Looks for what has become known of the rows that are wanted.
    fn narrow(&mut self) -> Result<(), EngineError> {
        let Passing { schema, places, prefilter, dynamic } = &mut self.passing;
        let filters = dynamic.changed(schema).map_err(|error| EngineError::Run(error.strip_backtrace()))?;
        let Some(filters) = filters else { return Ok(()) };
        let format = self.queue.format();
        if let Some(prefilter) = (Fields { format, schema, places }).narrower(prefilter.as_ref(), &filters) {
            self.reader.set_prefilter(prefilter, format.framing());
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<Step, EngineError> {
        let Some((loaded, mut position)) = self.block.take() else { return Ok(Step::BlockDone) };
        let bytes = mem::take(&mut self.buffer);
        let block = Block {
            bytes: &bytes,
            offset: loaded.offset,
            first_line: loaded.first_line,
            file: Arc::clone(&loaded.file),
        };
        let (mut failure, first) = (None, self.reader.rows());
        let mut reject = |reject: Reject<'_>| {
            if let Err(error) = self.context.rejects.add(loaded.order, &block, &reject) {
                failure.get_or_insert(error);
            }
        };
        let (step, counts) = if let Some(length) = loaded.too_long {
            reject(Reject {
                line_in_block: 0,
                offset: loaded.offset,
                reason: Reason::TooLong(RECORD_CAP),
                raw: &bytes,
                length,
            });
            position = Position { bytes: usize::try_from(length).unwrap_or(usize::MAX), lines: 1 };
            (Step::BlockDone, Counts { rejects: 1, ..Counts::default() })
        } else {
            self.reader.read(&block, &mut position, &mut reject)
        };
        drop(block);
        if self.queue.builder().is_some_and(|builder| builder.wants(loaded.order)) {
            let done = (step == Step::BlockDone).then_some(position);
            self.zoning.read(&loaded, first..self.reader.rows(), done);
        }
        self.buffer = bytes;
        self.context.progress.decoded(counts);
        if step == Step::BatchFull {
            self.block = Some((loaded, position));
        }
        failure.map_or(Ok(step), Err)
    }

    fn take(&mut self) -> Result<RecordBatch, EngineError> {
        let batch = self.reader.take().map_err(|source| EngineError::Format { path: "batch".into(), source })?;
        if let Some(builder) = self.queue.builder() {
            self.zoning.take(Some(&batch), builder);
        }
        Ok(batch)
    }

    /// The end, after which come no batches, but blocks of which no row came may wait.
    fn end(&mut self) -> Option<RecordBatch> {
        if let Some(builder) = self.queue.builder() {
            self.zoning.take(None, builder);
        }
        None
    }
}
