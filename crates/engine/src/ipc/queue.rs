//! Pieces of rows, handed out to the threads of a scan in the order of the input.
//!
//! *Concurrency.* One mutex guards the place in the input. Under it, a thread reads what the next message says of itself, and of
//! a stream the message; what stands in a file is read outside of it, and so are buffers decompressed, by the thread that has
//! taken their message for itself, into its [`Lane`].

use super::{
    batch::Batch,
    error::{IpcError, damaged},
    memory::Asking,
    read::{Head, Opened, Wish},
    sample::Sampled,
    schema::IpcSchema,
};
use crate::{
    input::{Ahead, InputFile},
    progress::Progress,
};
use datafusion::{arrow::datatypes::FieldRef, common::Result};
use std::{
    collections::VecDeque,
    iter,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// How pieces are cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueOptions {
    /// Rows of a piece at most.
    pub rows: usize,
    /// Bytes of a piece, about.
    pub bytes: usize,
}

/// Rows of one message.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The input's place in the scan.
    pub order: usize,
    /// The message.
    pub batch: Arc<Batch>,
    /// Its rows.
    pub rows: Range<usize>,
}

/// A message that one thread reads alone.
#[derive(Debug, Default)]
pub(crate) struct Lane(Option<Cut>);

/// The inputs of a scan, cut into pieces.
#[derive(Debug)]
pub(crate) struct PieceQueue {
    inputs: Arc<[InputFile]>,
    columns: Vec<FieldRef>,
    options: QueueOptions,
    progress: Arc<Progress>,
    asking: Asking,
    sampled: Option<Sampled>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: usize,
    open: Option<Open>,
    /// A stream of which the columns were read. Taken by the first scan of it.
    head: Option<Head>,
}

/// The input that is being read.
#[derive(Debug)]
struct Open {
    order: usize,
    opened: Opened,
    /// Where the columns are.
    places: Vec<usize>,
    /// Bytes of a stream that were read.
    read: u64,
    cut: Option<Cut>,
}

/// A message that is being cut.
#[derive(Debug)]
struct Cut {
    order: usize,
    batch: Arc<Batch>,
    rows: VecDeque<Range<usize>>,
    step: usize,
}

/// What there is to do for a thread.
enum Next {
    Piece(Piece),
    /// To decompress a message.
    Alone(Box<Batch>, usize),
    End,
}

impl PieceQueue {
    /// Returns a queue over `inputs`; `head` is a stream of which the columns were read already.
    pub fn new(inputs: Arc<[InputFile]>, columns: Vec<FieldRef>, options: QueueOptions, asking: Asking) -> Self {
        let state = Mutex::new(State { next: 0, open: None, head: None });
        Self { inputs, columns, options, progress: Arc::default(), asking, sampled: None, state }
    }

    /// Reads a stream of which the columns were read already.
    #[must_use]
    pub fn with_head(self, head: Option<Head>) -> Self {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).head = head;
        self
    }

    /// Counts what is read.
    #[must_use]
    pub fn counting(self, progress: Arc<Progress>) -> Self {
        Self { progress, ..self }
    }

    /// Reads some of the rows only.
    #[must_use]
    pub fn sampling(self, sampled: Option<Sampled>) -> Self {
        Self { sampled, ..self }
    }

    /// Returns what counts what is read.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Returns who asks for memory.
    pub fn asking(&self) -> &Asking {
        &self.asking
    }

    /// Returns the name of an input.
    pub fn name(&self, order: usize) -> &str {
        self.inputs.get(order).map_or("-", |input| input.name.as_ref())
    }

    /// Returns the next piece, or `None` at the end of the last input.
    ///
    /// # Errors
    /// If an input cannot be read, is damaged, or memory for it is refused.
    pub fn next(&self, lane: &mut Lane) -> Result<Option<Piece>> {
        loop {
            if let Some(piece) = lane.0.as_mut().and_then(Cut::next) {
                return Ok(Some(piece));
            }
            lane.0 = None;
            match self.next_shared()? {
                Next::Piece(piece) => return Ok(Some(piece)),
                Next::Alone(batch, order) => {
                    let bytes = if batch.file.is_some() { batch.bytes() } else { 0 };
                    let batch = batch.decompress(&self.asking);
                    let batch = batch.map_err(|error| error.into_datafusion(self.name(order)))?;
                    self.progress.read(bytes);
                    lane.0 = Some(self.cut(batch, order));
                }
                Next::End => return Ok(None),
            }
        }
    }

    fn next_shared(&self) -> Result<Next> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (next, head) = (state.next, &mut state.head);
            let head = head.take_if(|_| next == 0);
            if state.open.is_none() {
                let Some(input) = self.inputs.get(state.next) else { return Ok(Next::End) };
                state.next += 1;
                let opened = self.open(next, input, head);
                state.open = Some(opened.map_err(|error| error.into_datafusion(&input.name))?);
            }
            let Some(open) = &mut state.open else { continue };
            if let Some(piece) = open.cut.as_mut().and_then(Cut::next) {
                return Ok(Next::Piece(piece));
            }
            let order = open.order;
            match self.advance(open) {
                Ok(Some(batch)) if batch.codec.is_some() => return Ok(Next::Alone(Box::new(batch), order)),
                Ok(Some(batch)) => open.cut = Some(self.cut(batch, order)),
                Ok(None) => state.open = None,
                Err(error) => {
                    // What comes behind what cannot be read is nobody's.
                    (state.open, state.next) = (None, self.inputs.len());
                    return Err(error.into_datafusion(self.name(order)));
                }
            }
        }
    }

    fn open(&self, order: usize, input: &InputFile, head: Option<Head>) -> Result<Open, IpcError> {
        let opened = match head {
            Some(Head(opened)) => opened,
            None => Opened::open(input, Ahead::NONE)?,
        };
        let places = places(&opened.schema, &self.columns).map_err(|what| damaged(0, what))?;
        Ok(Open { order, opened, places, read: 0, cut: None })
    }

    /// Returns where the rows of the next message are.
    fn advance(&self, open: &mut Open) -> Result<Option<Batch>, IpcError> {
        // The message before is not needed while the next one is read.
        open.cut = None;
        let wish = Wish { columns: &open.places, asking: &self.asking };
        loop {
            if let Some(sampled) = &self.sampled {
                if sampled.most.is_none() && open.opened.knows_places() {
                    let Some(wanted) = sampled.next(open.order, open.opened.batches) else { return Ok(None) };
                    open.opened.skip_to(wanted);
                }
                if sampled.most.is_some_and(|most| open.read > most) {
                    return Ok(None);
                }
            }
            let batch = open.opened.next(&wish)?;
            if let Some(stream) = open.opened.as_stream() {
                let read = stream.progress();
                open.read += read;
                self.progress.read(read);
            }
            let Some(batch) = batch else { return Ok(None) };
            if batch.file.is_some() {
                open.read += batch.bytes();
            }
            let number = open.opened.batches - 1;
            if self.sampled.as_ref().is_none_or(|sampled| sampled.wants(open.order, number)) {
                return Ok(Some(batch));
            }
        }
    }

    fn cut(&self, batch: Batch, order: usize) -> Cut {
        let step = self.options.bytes as u64 / batch.row_bytes().max(1);
        let step = usize::try_from(step).unwrap_or(usize::MAX).clamp(1, self.options.rows.max(1));
        let sampled = self.sampled.as_ref().and_then(|sampled| sampled.rows(order, &batch));
        let whole = || iter::once(0..batch.rows).collect::<VecDeque<_>>();
        let rows = sampled.unwrap_or_else(whole);
        Cut { order, batch: Arc::new(batch), rows, step }
    }
}

impl Cut {
    fn next(&mut self) -> Option<Piece> {
        loop {
            let rows = self.rows.pop_front()?;
            let end = rows.end.min(rows.start.saturating_add(self.step));
            if end < rows.end {
                self.rows.push_front(end..rows.end);
            }
            if rows.start < end {
                return Some(Piece { order: self.order, batch: Arc::clone(&self.batch), rows: rows.start..end });
            }
        }
    }
}

/// Returns the places of columns, which stand in any order.
pub(crate) fn places(schema: &IpcSchema, columns: &[FieldRef]) -> Result<Vec<usize>, String> {
    let place = |wanted: &FieldRef| {
        let place = schema.columns.iter().position(|column| column.name == *wanted.name());
        let found = place.and_then(|place| schema.columns.get(place));
        match found {
            Some(column) if column.data_type == *wanted.data_type() => Ok(place.unwrap_or_default()),
            Some(column) => {
                Err(format!("`{}` is {} here, and {} before", column.name, column.data_type, wanted.data_type()))
            }
            None => Err(format!("there is no column `{}` here", wanted.name())),
        }
    };
    columns.iter().map(place).collect()
}
