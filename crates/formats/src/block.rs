//! A block of whole records, and the loop that reads one into batches.

use crate::{Batch, Decoder, FileStart, FormatError, Framing, Outcome, Prefilter, Reject};
use arrow_array::RecordBatch;
use memchr::memchr_iter;
use std::{mem, sync::Arc};

/// A run of whole records of one file.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// The bytes. They begin where a record begins and end where one ends.
    pub bytes: &'a [u8],
    /// The first byte's place in the file.
    pub offset: u64,
    /// The number of the first physical line, counted from 1. Zero-based callers that do not know it pass 0: then `_line`
    /// counts within the block.
    pub first_line: u64,
    /// The file's name as `_file` shows it.
    pub file: Arc<str>,
}

/// How far a block has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes read.
    pub bytes: usize,
    /// Physical lines read.
    pub lines: u64,
}

/// Whether a block is read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The batch is full; the block may hold more.
    BatchFull,
    /// Every record of the block is read.
    BlockDone,
}

/// What the records became; `rows + rejects + blank` is the number of records read, to which lines come that were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that became rows.
    pub rows: u64,
    /// Records that could not be read.
    pub rejects: u64,
    /// Lines that hold nothing.
    pub blank: u64,
    /// Lines that a filter passed over: no row that it wants can come of them.
    pub passed_over: u64,
}

/// Reads blocks into batches: one for each thread.
pub struct BlockReader {
    decoder: Box<dyn Decoder>,
    batch: Batch,
    filter: Option<Filter>,
}

/// A prefilter at work. Where most records hold what it looks for, looking for it is a loss: then it rests for some blocks.
struct Filter {
    prefilter: Arc<Prefilter>,
    framing: Framing,
    passed_over: usize,
    rests: u32,
}

/// For how many blocks a prefilter rests that passed over less than half of one.
const REST: u32 = 15;

impl BlockReader {
    /// Returns a reader that fills `batch` by `decoder`.
    pub fn new(decoder: Box<dyn Decoder>, batch: Batch) -> Self {
        Self { decoder, batch, filter: None }
    }

    /// Passes over records in which a prefilter finds nothing.
    #[must_use]
    pub fn with_prefilter(mut self, prefilter: Arc<Prefilter>, framing: Framing) -> Self {
        self.set_prefilter(prefilter, framing);
        self
    }

    /// Passes over records in which a prefilter finds nothing, from the next block on.
    pub fn set_prefilter(&mut self, prefilter: Arc<Prefilter>, framing: Framing) {
        self.filter = Some(Filter { prefilter, framing, passed_over: 0, rests: 0 });
    }

    /// Tells the decoder that the next block is of another file.
    pub fn start_file(&mut self, start: &FileStart) {
        self.decoder.start(start);
    }

    /// Reads records from `position` on until the batch is full or the block is done, and hands on what it rejects.
    pub fn read(
        &mut self,
        block: &Block<'_>,
        position: &mut Position,
        reject: &mut dyn FnMut(Reject<'_>),
    ) -> (Step, Counts) {
        let mut counts = Counts::default();
        self.batch.start_block(block);
        self.decoder.start_block(block.bytes.len(), self.batch.columns());
        while let Some(rest) = block.bytes.get(position.bytes..).filter(|rest| !rest.is_empty()) {
            if self.batch.is_full() {
                return (Step::BatchFull, counts);
            }
            if let Some((bytes, lines)) = self.filter.as_mut().and_then(|filter| filter.pass_over(rest)) {
                counts.passed_over += lines;
                position.bytes += bytes;
                position.lines += lines;
                continue;
            }
            let record = self.decoder.read(rest, self.batch.columns());
            let raw = rest.get(..record.content).unwrap_or_default();
            match record.outcome {
                Outcome::Row => {
                    self.batch.commit(block, *position, raw);
                    counts.rows += 1;
                }
                Outcome::Blank => counts.blank += 1,
                Outcome::Reject(reason) => {
                    self.batch.roll_back();
                    counts.rejects += 1;
                    reject(Reject {
                        line_in_block: position.lines,
                        offset: block.offset + position.bytes as u64,
                        reason,
                        raw,
                        length: raw.len() as u64,
                    });
                }
            }
            position.bytes += record.length.max(1);
            position.lines += record.lines;
        }
        if let Some(filter) = &mut self.filter {
            filter.end_block(block.bytes.len());
        }
        (Step::BlockDone, counts)
    }

    /// Returns the rows in the batch that is being filled.
    pub fn rows(&self) -> usize {
        self.batch.rows()
    }

    /// Returns the batch read so far and starts a new one.
    ///
    /// # Errors
    /// [`FormatError::Arrow`] if the columns do not form a batch, which would be a bug.
    pub fn take(&mut self) -> Result<RecordBatch, FormatError> {
        self.batch.finish()
    }
}

impl Filter {
    /// Returns how many bytes and lines are before the next record that may be wanted, if there are any.
    fn pass_over(&mut self, rest: &[u8]) -> Option<(usize, u64)> {
        if self.rests > 0 {
            return None;
        }
        let skipped = match self.prefilter.find(rest) {
            Some(found) => rest.get(..self.framing.whole_records(rest.get(..found)?))?,
            None => rest,
        };
        if skipped.is_empty() {
            return None;
        }
        self.passed_over += skipped.len();
        let unended = u64::from(skipped.last() != Some(&b'\n'));
        Some((skipped.len(), memchr_iter(b'\n', skipped).count() as u64 + unended))
    }

    fn end_block(&mut self, bytes: usize) {
        let worth = mem::take(&mut self.passed_over) >= bytes / 2;
        self.rests = if self.rests > 0 {
            self.rests - 1
        } else if worth {
            0
        } else {
            REST
        };
    }
}
