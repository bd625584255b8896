//! An input that is open: its columns, and its messages one after the other.

use super::{
    FILE, MAGIC,
    batch::Batch,
    dictionary::{self, Body, Dictionaries},
    error::{IpcError, cut_off, damaged},
    file::{Footer, Place},
    layout::lay_out,
    memory::Asking,
    message::{FileMessages, Message, Messages, StreamMessages, read_at},
    schema::IpcSchema,
};
use crate::{
    EngineError,
    input::{Ahead, ByteSource, InputFile},
};
use datafusion::arrow::ipc;
use std::{fs::File, io, sync::Arc};

/// The first message of a file begins here at the latest.
const ALIGNED: u64 = 64;

/// An input that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Its columns.
    pub schema: Arc<IpcSchema>,
    reader: Reader,
    dictionaries: Dictionaries,
    /// Messages with rows that were read or passed over, and their rows.
    pub(super) batches: usize,
    pub(super) rows: u64,
}

/// An input that can be read once, of which the columns were read.
#[derive(Debug)]
pub(crate) struct Head(pub Opened);

#[derive(Debug)]
enum Reader {
    /// Messages that a footer tells the places of.
    Places { file: FileMessages, dictionaries: Vec<Place>, batches: Vec<Place> },
    /// Messages in a file or a stream.
    Messages(Messages),
}

/// What is wanted of the next message with rows.
pub(super) struct Wish<'a> {
    /// The places of the columns that are read, in the schema.
    pub columns: &'a [usize],
    pub asking: &'a Asking,
}

impl Opened {
    /// Opens a file, or the data that it holds compressed.
    ///
    /// # Errors
    /// If it cannot be read, or holds something else than Arrow IPC data.
    pub fn open(input: &InputFile, ahead: Ahead) -> Result<Self, IpcError> {
        let Some((path, size)) = input.path.as_ref().zip(input.size).filter(|_| input.compression.is_none()) else {
            let source = ByteSource::open(input, ahead).map_err(of_engine)?;
            return Self::stream(Vec::new(), source);
        };
        let (file, size) = (Arc::new(File::open(path)?), size.bytes());
        let mut first = vec![0; usize::try_from(size.min(MAGIC as u64)).unwrap_or_default()];
        read_at(&file, &mut first, 0)?;
        if first.starts_with(FILE) {
            let footer = Footer::read(&file, size)?;
            let file = footer.messages(&file);
            let Footer { schema, dictionaries, batches, .. } = footer;
            return Ok(Self::new(schema, Reader::Places { file, dictionaries, batches }));
        }
        check(&first)?;
        Self::begin(Messages::File(FileMessages { file, position: 0, end: size }))
    }

    /// Begins to read a stream, of which `first` was read already.
    ///
    /// # Errors
    /// If it cannot be read, or holds something else than Arrow IPC data.
    pub fn stream(first: Vec<u8>, source: ByteSource) -> Result<Self, IpcError> {
        let mut whole = StreamMessages::new(first, source);
        let mut first = whole.take(MAGIC as u64)?;
        check(&first)?;
        // The messages of a file are in order as well, and what comes after them says only where they are. The first is aligned.
        while first.starts_with(FILE) || whole.position <= ALIGNED && first.iter().all(|byte| *byte == 0) {
            first = whole.take(MAGIC as u64)?;
        }
        whole.unread(&first);
        Self::begin(Messages::Stream(whole))
    }

    fn begin(mut messages: Messages) -> Result<Self, IpcError> {
        let message = messages.next()?.ok_or_else(|| damaged(0, "no columns"))?;
        let read = message.read()?;
        let schema = read.header_as_schema().ok_or_else(|| damaged(message.offset, "no columns before the rows"))?;
        let schema = IpcSchema::of(schema, read.version()).map_err(|what| damaged(message.offset, what))?;
        messages.pass(&message)?;
        Ok(Self::new(schema, Reader::Messages(messages)))
    }

    fn new(schema: IpcSchema, reader: Reader) -> Self {
        Self { schema: Arc::new(schema), reader, dictionaries: Arc::default(), batches: 0, rows: 0 }
    }

    /// Returns whether messages can be passed over unread.
    pub(super) fn knows_places(&self) -> bool {
        matches!(self.reader, Reader::Places { .. })
    }

    /// Returns the stream, of an input that is one.
    pub(super) fn as_stream(&mut self) -> Option<&mut StreamMessages> {
        match &mut self.reader {
            Reader::Messages(Messages::Stream(stream)) => Some(stream),
            _ => None,
        }
    }

    /// Returns the next message with rows, of which the body was not read, or `None` at the end. Dictionaries that come before
    /// it are read for the columns of `wish`; without one, they are passed over.
    fn next_message(&mut self, wish: Option<&Wish<'_>>) -> Result<Option<Message>, IpcError> {
        let needed = wish.map(|wish| self.needed(wish.columns)).unwrap_or_default();
        let Self { schema, reader, dictionaries, .. } = self;
        match reader {
            Reader::Places { file, dictionaries: places, batches } => {
                if let Some(wish) = wish {
                    for place in std::mem::take(places) {
                        let message = file.at(place)?;
                        if message.is_of_dictionaries(&needed)? {
                            dictionary::add(dictionaries, schema, &message, Body::File(&file.file), wish.asking)?;
                        }
                    }
                }
                let place = batches.get(self.batches).copied();
                place.map(|place| file.at(place)).transpose()
            }
            Reader::Messages(messages) => loop {
                let Some(message) = messages.next()? else { return Ok(None) };
                match message.read()?.header_type() {
                    ipc::MessageHeader::RecordBatch => return Ok(Some(message)),
                    ipc::MessageHeader::DictionaryBatch => {
                        if let Some(wish) = wish
                            && message.is_of_dictionaries(&needed)?
                        {
                            let body = match messages {
                                Messages::File(file) => Body::File(&file.file),
                                Messages::Stream(stream) => Body::Stream(stream),
                            };
                            dictionary::add(dictionaries, schema, &message, body, wish.asking)?;
                        }
                        messages.pass(&message)?;
                    }
                    other => {
                        return Err(damaged(message.offset, format!("a message of an unexpected kind, {}", other.0)));
                    }
                }
            },
        }
    }

    fn needed(&self, columns: &[usize]) -> Vec<i64> {
        let mut needed = Vec::new();
        for column in columns.iter().filter_map(|place| self.schema.columns.get(*place)) {
            self.schema.needed(column, &mut needed);
        }
        needed
    }

    /// Goes on with another message, of an input that knows the places of its messages.
    pub(super) fn skip_to(&mut self, batch: usize) {
        self.batches = batch;
    }

    /// Returns where the rows of the next message are, and for a stream those rows; `None` at the end.
    pub(super) fn next(&mut self, wish: &Wish<'_>) -> Result<Option<Batch>, IpcError> {
        let Some(message) = self.next_message(Some(wish))? else { return Ok(None) };
        let mut batch = self.laid_out(&message, wish.columns)?;
        if let Reader::Messages(messages) = &mut self.reader {
            if let Messages::Stream(stream) = messages {
                batch.granted.push(wish.asking.ask(batch.bytes())?);
                batch.load(stream)?;
            }
            messages.pass(&message)?;
        }
        self.batches += 1;
        self.rows = self.rows.saturating_add(batch.rows as u64);
        Ok(Some(batch))
    }

    /// Returns where the rows of a message are, all columns of them, without reading them; `None` at the end.
    pub(super) fn next_laid_out(&mut self) -> Result<Option<Batch>, IpcError> {
        let Some(message) = self.next_message(None)? else { return Ok(None) };
        let columns: Vec<usize> = (0..self.schema.columns.len()).collect();
        let batch = self.laid_out(&message, &columns)?;
        if let Reader::Messages(messages) = &mut self.reader {
            messages.pass(&message)?;
        }
        self.batches += 1;
        self.rows = self.rows.saturating_add(batch.rows as u64);
        Ok(Some(batch))
    }

    fn laid_out(&self, message: &Message, columns: &[usize]) -> Result<Batch, IpcError> {
        let read = message.read()?;
        let header = read.header_as_record_batch().ok_or_else(|| damaged(message.offset, "a message without rows"))?;
        let laid = lay_out(&self.schema.columns, header, &message.body);
        let laid = laid.map_err(|what| damaged(message.offset, what))?;
        let mut parts: Vec<_> = laid.parts.into_iter().map(Some).collect();
        let parts = columns.iter().filter_map(|place| Some((*place, parts.get_mut(*place)?.take()?))).collect();
        let file = match &self.reader {
            Reader::Places { file, .. } | Reader::Messages(Messages::File(file)) => Some(Arc::clone(&file.file)),
            Reader::Messages(Messages::Stream(_)) => None,
        };
        Ok(Batch {
            schema: Arc::clone(&self.schema),
            number: self.batches,
            rows: laid.rows,
            offset: message.offset,
            first_row: self.rows.saturating_add(1),
            parts,
            codec: laid.codec,
            file,
            dictionaries: Arc::clone(&self.dictionaries),
            granted: Vec::new(),
        })
    }
}

impl Message {
    fn is_of_dictionaries(&self, needed: &[i64]) -> Result<bool, IpcError> {
        let read = self.read()?;
        let header = read.header_as_dictionary_batch();
        let header = header.ok_or_else(|| damaged(self.offset, "no dictionary where one should be"))?;
        Ok(needed.contains(&header.id()))
    }
}

/// Returns what is wrong with a file, whose name stands before it anyway.
fn of_engine(error: EngineError) -> IpcError {
    IpcError::Data(match error {
        EngineError::File { source, .. } => source,
        other => io::Error::other(other),
    })
}

fn check(first: &[u8]) -> Result<(), IpcError> {
    if first.is_empty() {
        return Err(cut_off(0, "there is nothing"));
    }
    if super::is_arrow(first) { Ok(()) } else { Err(damaged(0, "neither a file nor a stream of Arrow IPC begins so")) }
}
