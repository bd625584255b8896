//! The rows of one message, in a file or in memory.

use super::{
    dictionary::Dictionaries,
    error::{IpcError, damaged},
    layout::{Bytes, Codec, Part},
    memory::Granted,
    message::{StreamMessages, read_at},
    schema::IpcSchema,
};
use datafusion::arrow::buffer::{Buffer, MutableBuffer};
use std::{fs::File, ops::Range, sync::Arc};

/// The rows of one message, in a file or in memory.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(super) schema: Arc<IpcSchema>,
    /// Which of the input's messages with rows it is.
    pub(super) number: usize,
    /// How many rows it has.
    pub(super) rows: usize,
    /// Where the message begins.
    pub offset: u64,
    /// The number of its first row in the input, from 1.
    pub first_row: u64,
    /// The columns that are read: their places in the schema, and where they are.
    pub(super) parts: Vec<(usize, Part)>,
    /// How its buffers are compressed, until they are not.
    pub(super) codec: Option<Codec>,
    /// The file that buffers are in which are not in memory.
    pub(super) file: Option<Arc<File>>,
    pub(super) dictionaries: Dictionaries,
    pub(super) granted: Vec<Granted>,
}

impl Batch {
    /// Returns a part of a buffer, in memory of its own or the whole buffer's.
    pub(super) fn read(&self, bytes: &Bytes, range: Range<u64>) -> Result<Buffer, IpcError> {
        if range.start > range.end || range.end > bytes.length() {
            return Err(damaged(self.offset, "a buffer that is shorter than its values"));
        }
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        match (bytes, &self.file) {
            (Bytes::Loaded(buffer), _) if length == buffer.len() => Ok(buffer.clone()),
            (Bytes::Loaded(buffer), _) => {
                // What is cut from a message does not keep the whole of it.
                let start = usize::try_from(range.start).unwrap_or(usize::MAX);
                Ok(Buffer::from(buffer.as_slice().get(start..start + length).unwrap_or_default()))
            }
            (Bytes::Placed(_), _) if length == 0 => Ok(Buffer::default()),
            (Bytes::Placed(place), Some(file)) => {
                let mut buffer = MutableBuffer::from_len_zeroed(length);
                read_at(file, buffer.as_slice_mut(), place.start + range.start)?;
                Ok(buffer.into())
            }
            (Bytes::Placed(_), None) => Err(damaged(self.offset, "a buffer that was passed over")),
        }
    }

    /// Returns the bytes of its columns.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.iter().map(|(_, part)| part.bytes()).sum()
    }

    /// Returns the bytes of a row, about, with what it has of dictionaries.
    pub(super) fn row_bytes(&self) -> u64 {
        let own = self.bytes() / (self.rows as u64).max(1);
        let mut needed = Vec::new();
        for (place, _) in &self.parts {
            if let Some(column) = self.schema.columns.get(*place) {
                self.schema.needed(column, &mut needed);
            }
        }
        let widths = needed.iter().filter_map(|id| self.dictionaries.get(id)).map(|dictionary| dictionary.usual);
        own + widths.sum::<u64>()
    }

    /// Reads its columns of a stream, of which its body comes next.
    pub(super) fn load(&mut self, stream: &mut StreamMessages) -> Result<(), IpcError> {
        let mut buffers = Vec::new();
        for (_, part) in &mut self.parts {
            part.each_buffer(&mut |bytes| buffers.push(bytes));
        }
        buffers.sort_by_key(|bytes| match bytes {
            Bytes::Placed(range) => range.start,
            Bytes::Loaded(_) => 0,
        });
        for bytes in buffers {
            let Bytes::Placed(range) = bytes else { continue };
            if range.start == range.end {
                *bytes = Bytes::Loaded(Buffer::default());
                continue;
            }
            if range.start < stream.position {
                return Err(damaged(self.offset, "buffers that overlap"));
            }
            stream.skip_to(range.start)?;
            let length = range.end - range.start;
            *bytes = Bytes::Loaded(Buffer::from_vec(stream.take(length)?));
        }
        Ok(())
    }
}
