//! One partition of a scan: blocks in, batches out.

use super::scan::ScanContext;
use crate::{
    EngineError,
    input::{BlockQueue, Lane, LoadedBlock, RECORD_CAP},
};
use datafusion::{
    arrow::array::RecordBatch,
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
}

/// Returns the batches of one partition. Decoding happens while the stream is polled, one batch at a time.
pub(super) fn batches(
    queue: Arc<BlockQueue>,
    format: &Format,
    projection: &[usize],
    prefilter: Option<&Arc<Prefilter>>,
    context: &ScanContext,
) -> impl Stream<Item = Result<RecordBatch>> + use<> {
    let limits = BatchLimits { rows: context.profile.read_rows, bytes: context.profile.batch_bytes };
    let mut reader = BlockReader::new(format.decoder(), Batch::new(format, projection, limits));
    if let Some(prefilter) = prefilter {
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
                return if rows == 0 { Ok(None) } else { self.take().map(Some) };
            }
            if self.decode()? == Step::BatchFull {
                return self.take().map(Some);
            }
        }
    }

    fn load(&mut self) -> Result<bool, EngineError> {
        let Some(block) = self.queue.next(&mut self.lane, &mut self.buffer)? else { return Ok(false) };
        if self.file != Some(block.order) {
            self.reader.start_file(&block.start);
            self.file = Some(block.order);
        }
        self.block = Some((block, Position::default()));
        Ok(true)
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
        let mut failure = None;
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
            (Step::BlockDone, Counts { rejects: 1, ..Counts::default() })
        } else {
            self.reader.read(&block, &mut position, &mut reject)
        };
        drop(block);
        self.buffer = bytes;
        self.context.progress.decoded(counts);
        if step == Step::BatchFull {
            self.block = Some((loaded, position));
        }
        failure.map_or(Ok(step), Err)
    }

    fn take(&mut self) -> Result<RecordBatch, EngineError> {
        self.reader.take().map_err(|source| EngineError::Format { path: "batch".into(), source })
    }
}
