//! One partition of a scan: pieces in, batches out.

use super::provider::Source;
use crate::{
    ipc::{Decoder, IpcError, Lane, Piece, PieceQueue},
    progress::Progress,
};
use datafusion::{
    arrow::{
        array::{
            ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
            new_null_array,
        },
        datatypes::{DataType, Int32Type, SchemaRef},
        error::ArrowError,
    },
    common::Result,
};
use futures::{Stream, stream};
use std::{sync::Arc, vec};
use tidegate_formats::VirtualColumn;

/// A batch may take so many times the bytes that it takes on the average; one that would take more is cut.
const UNEVEN: usize = 4;

/// What one partition reads.
pub(super) struct Partition {
    pub queue: Arc<PieceQueue>,
    pub schema: SchemaRef,
    /// The columns; those of the files are counted in the order in which they are read.
    pub sources: Vec<Source>,
    /// Bytes of a batch, about.
    pub bytes: usize,
    pub progress: Arc<Progress>,
}

/// A partition's state between two batches.
struct State {
    partition: Partition,
    lane: Lane,
    /// Parts of a piece that took too much, the next one last.
    parts: Vec<Piece>,
}

/// Returns the batches of one partition. Decoding happens while the stream is polled, one batch at a time.
pub(super) fn batches(partition: Partition) -> impl Stream<Item = Result<RecordBatch>> {
    let state = State { partition, lane: Lane::default(), parts: Vec::new() };
    stream::try_unfold(state, |mut state| async move { Ok(state.next()?.map(|batch| (batch, state))) })
}

impl State {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let piece = match self.parts.pop() {
                Some(part) => part,
                None => match self.partition.queue.next(&mut self.lane)? {
                    Some(piece) => piece,
                    None => return Ok(None),
                },
            };
            let Partition { queue, bytes, progress, .. } = &self.partition;
            match Decoder::columns(&piece.batch, &piece.rows, bytes.saturating_mul(UNEVEN), queue.asking()) {
                Ok((columns, read)) => {
                    progress.read(read);
                    progress.unlined(piece.rows.len());
                    return Ok(Some(self.batch(&columns, &piece)?));
                }
                Err(IpcError::TooMuch) if piece.rows.len() > 1 => self.parts.extend(halves(piece)),
                Err(error) => return Err(error.into_datafusion(queue.name(piece.order))),
            }
        }
    }

    fn batch(&self, columns: &[ArrayRef], piece: &Piece) -> Result<RecordBatch, ArrowError> {
        let mut own = columns.iter();
        let column = |source: &Source| match source {
            Source::Own(_) => own.next().cloned().ok_or_else(|| ArrowError::SchemaError("a column is missing".into())),
            Source::Virtual(column) => self.virtual_column(*column, piece),
        };
        let columns = self.partition.sources.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(piece.rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.partition.schema), columns, &rows)
    }

    fn virtual_column(&self, column: VirtualColumn, piece: &Piece) -> Result<ArrayRef, ArrowError> {
        let rows = piece.rows.len();
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Ok(match column {
            VirtualColumn::File => {
                let name = StringArray::from(vec![self.partition.queue.name(piece.order)]);
                let places = Int32Array::from(vec![0; rows]);
                Arc::new(DictionaryArray::<Int32Type>::try_new(places, Arc::new(name))?)
            }
            VirtualColumn::Line => {
                let first = number(piece.batch.first_row.saturating_add(piece.rows.start as u64));
                Arc::new((0..rows as u64).map(|row| first.saturating_add(number(row))).collect::<Int64Array>())
            }
            VirtualColumn::Offset => Arc::new(Int64Array::from(vec![number(piece.batch.offset); rows])),
            VirtualColumn::Raw => new_null_array(&DataType::Utf8, rows),
        })
    }
}

/// Returns the halves of a piece, the first one last.
fn halves(piece: Piece) -> vec::IntoIter<Piece> {
    let Piece { order, batch, rows } = piece;
    let middle = rows.start + rows.len() / 2;
    let half = |rows| Piece { order, batch: Arc::clone(&batch), rows };
    vec![half(middle..rows.end), half(rows.start..middle)].into_iter()
}
