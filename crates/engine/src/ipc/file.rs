//! The file format: messages as in a stream, and at the end a footer that says where they are.

use super::{
    FILE,
    error::{IpcError, cut_off, damaged},
    message::{FileMessages, Message, Messages, read_at},
    schema::IpcSchema,
};
use datafusion::arrow::ipc;
use std::{fs::File, sync::Arc};

/// The first eight bytes, of which two are padding.
const START: u64 = 8;

/// The last ten bytes: the length of the footer, and the same letters as at the start.
const TRAILER: u64 = 10;

/// The longest footer: one of a million messages takes 24 MB.
const MOST: u64 = 256 << 20;

/// Where a message is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: u64,
    metadata: u64,
    body: u64,
}

/// What a footer says.
#[derive(Debug)]
pub(super) struct Footer {
    pub schema: IpcSchema,
    pub dictionaries: Vec<Place>,
    pub batches: Vec<Place>,
    /// Where the footer begins.
    pub start: u64,
}

impl Footer {
    /// Reads the footer of a file of `size` bytes.
    pub fn read(file: &File, size: u64) -> Result<Self, IpcError> {
        let none = || cut_off(size, "the file ends without a footer; whoever writes it may not be done");
        if size < START + TRAILER {
            return Err(none());
        }
        let mut trailer = [0; 10];
        read_at(file, &mut trailer, size - TRAILER)?;
        let [a, b, c, d, letters @ ..] = trailer;
        if letters != FILE {
            return Err(none());
        }
        let length = i32::from_le_bytes([a, b, c, d]);
        let start = u64::try_from(length).ok().filter(|length| (1..=MOST).contains(length));
        let start = start.and_then(|length| (size - TRAILER).checked_sub(length)).filter(|start| *start >= START);
        let Some(start) = start else {
            return Err(damaged(size - TRAILER, format!("a footer of {length} bytes in a file of {size}")));
        };
        let mut bytes = vec![0; usize::try_from(size - TRAILER - start).unwrap_or_default()];
        read_at(file, &mut bytes, start)?;
        let footer = ipc::root_as_footer(&bytes).map_err(|_| damaged(start, "a footer that cannot be read"))?;
        let schema = footer.schema().ok_or_else(|| damaged(start, "a footer without columns"))?;
        let schema = IpcSchema::of(schema, footer.version()).map_err(|what| damaged(start, what))?;
        let dictionaries = places(footer.dictionaries().into_iter().flatten(), start)?;
        let batches = places(footer.recordBatches().into_iter().flatten(), start)?;
        Ok(Self { schema, dictionaries, batches, start })
    }

    /// Returns the messages of the file.
    pub fn messages(&self, file: &Arc<File>) -> FileMessages {
        FileMessages { file: Arc::clone(file), position: START, end: self.start }
    }
}

fn places<'a>(blocks: impl Iterator<Item = &'a ipc::Block>, end: u64) -> Result<Vec<Place>, IpcError> {
    blocks.map(|block| place(block, end)).collect()
}

/// Returns where a message is, if it can be there.
fn place(block: &ipc::Block, end: u64) -> Result<Place, IpcError> {
    let number = |number: i64| u64::try_from(number).ok();
    let place = number(block.offset()).zip(number(block.metaDataLength().into())).zip(number(block.bodyLength()));
    let place = place.map(|((offset, metadata), body)| Place { offset, metadata, body });
    let inside = |place: &Place| {
        let last = place.offset.checked_add(place.metadata).and_then(|last| last.checked_add(place.body));
        place.offset >= START && last.is_some_and(|last| last <= end)
    };
    place.filter(inside).ok_or_else(|| {
        let (offset, metadata, body) = (block.offset(), block.metaDataLength(), block.bodyLength());
        damaged(end, format!("a footer with a message of {metadata} and {body} bytes at {offset}"))
    })
}

impl FileMessages {
    /// Returns the message at a place.
    pub fn at(&mut self, place: Place) -> Result<Message, IpcError> {
        self.position = place.offset;
        let mut messages = Messages::File(self.clone());
        let message = messages.next()?;
        let message = message.ok_or_else(|| damaged(place.offset, "no message where the footer says that one is"))?;
        let starts = place.offset + place.metadata == message.body.start;
        if !starts || message.body.end - message.body.start != place.body {
            return Err(damaged(place.offset, "a message of another length than the footer says"));
        }
        Ok(message)
    }
}
