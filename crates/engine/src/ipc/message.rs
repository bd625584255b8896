//! Messages: how they are framed, in a file or in what comes by a pipe.

use super::{
    CONTINUATION,
    error::{IpcError, cut_off, damaged},
};
use crate::input::ByteSource;
use datafusion::arrow::ipc;
use std::{
    fs::File,
    io::{self, Cursor, Read},
    ops::Range,
    os::unix::fs::FileExt,
    sync::Arc,
};

/// The longest metadata: those of a thousand columns take 100 KB.
const MOST: u64 = 64 << 20;

/// Bytes that are read of a stream before it is known that there are more.
const STEP: u64 = 1 << 20;

/// A message: what it says of its body, and where that is.
#[derive(Debug)]
pub(super) struct Message {
    metadata: Vec<u8>,
    /// Where it begins.
    pub offset: u64,
    /// Between which bytes of the input its body is.
    pub body: Range<u64>,
}

impl Message {
    /// Returns the metadata.
    pub fn read(&self) -> Result<ipc::Message<'_>, IpcError> {
        parsed(&self.metadata, self.offset)
    }
}

/// The bytes of the metadata are aligned by their places alone, so that it does not matter where they are in memory.
fn parsed(metadata: &[u8], offset: u64) -> Result<ipc::Message<'_>, IpcError> {
    let message = ipc::root_as_message(metadata);
    let message = message.map_err(|_| damaged(offset, "metadata that cannot be read"))?;
    match message.version() {
        ipc::MetadataVersion::V4 | ipc::MetadataVersion::V5 => Ok(message),
        version => Err(damaged(offset, format!("metadata of version {}; only 4 and 5 are known", version.0 + 1))),
    }
}

/// Messages, one after the other.
#[derive(Debug)]
pub(super) enum Messages {
    /// In a file.
    File(FileMessages),
    /// In what comes by a pipe, or what is decompressed.
    Stream(StreamMessages),
}

/// Messages in a file.
#[derive(Clone, Debug)]
pub(super) struct FileMessages {
    pub file: Arc<File>,
    /// The next byte.
    pub position: u64,
    /// Where the messages end at the latest.
    pub end: u64,
}

/// Messages that can be read once.
#[derive(Debug)]
pub(super) struct StreamMessages {
    first: Cursor<Vec<u8>>,
    source: ByteSource,
    pub position: u64,
    told: u64,
}

impl StreamMessages {
    /// Returns the messages of a stream of which `first` was read already.
    pub fn new(first: Vec<u8>, source: ByteSource) -> Self {
        Self { first: Cursor::new(first), source, position: 0, told: 0 }
    }

    /// Returns how many bytes of the input were read since the last time.
    pub fn progress(&mut self) -> u64 {
        let read = usize::try_from(self.position - self.told).unwrap_or(usize::MAX);
        self.told = self.position;
        self.source.progress(read)
    }

    /// Returns so many bytes. A buffer grows with what comes, so that a length that lies takes no memory.
    pub fn take(&mut self, length: u64) -> Result<Vec<u8>, IpcError> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let left = length - bytes.len() as u64;
            let step = if bytes.is_empty() { STEP } else { bytes.len() as u64 };
            let filled = bytes.len();
            let step = usize::try_from(step.min(left)).unwrap_or(usize::MAX);
            bytes.reserve_exact(step);
            bytes.resize(filled + step, 0);
            let read = self.fill(bytes.get_mut(filled..).unwrap_or_default())?;
            if read < step {
                return Err(self.ended());
            }
        }
        Ok(bytes)
    }

    /// Passes over what is before a place.
    pub fn skip_to(&mut self, place: u64) -> Result<(), IpcError> {
        let mut buffer = vec![0; usize::try_from((place - self.position).min(64 << 10)).unwrap_or_default()];
        while self.position < place {
            let step = usize::try_from(place - self.position).unwrap_or(usize::MAX).min(buffer.len());
            let wanted = buffer.get_mut(..step).unwrap_or_default();
            if self.fill(wanted)? < step {
                return Err(self.ended());
            }
        }
        Ok(())
    }

    /// Puts bytes back that were read first.
    pub fn unread(&mut self, first: &[u8]) {
        self.position -= first.len() as u64;
        let read = usize::try_from(self.first.position()).unwrap_or(usize::MAX);
        let rest = self.first.get_ref().get(read..).unwrap_or_default();
        self.first = Cursor::new([first, rest].concat());
    }

    fn ended(&self) -> IpcError {
        cut_off(self.position, "they end in the middle of a message")
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, IpcError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = match self.first.read(rest)? {
                0 => self.source.read(rest)?,
                read => read,
            };
            if read == 0 {
                break;
            }
            filled += read;
        }
        self.position += filled as u64;
        Ok(filled)
    }
}

impl FileMessages {
    /// Returns so many bytes.
    pub fn take(&mut self, length: u64) -> Result<Vec<u8>, IpcError> {
        if self.end - self.position < length {
            return Err(cut_off(self.end, "they end in the middle of a message"));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        read_at(&self.file, &mut bytes, self.position)?;
        self.position += length;
        Ok(bytes)
    }
}

/// Reads a part of a file that was there when it was opened.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "the file became shorter while it was read"),
        _ => error,
    })
}

impl Messages {
    /// Returns the next byte.
    pub fn position(&self) -> u64 {
        match self {
            Self::File(file) => file.position,
            Self::Stream(stream) => stream.position,
        }
    }

    fn take(&mut self, length: u64) -> Result<Vec<u8>, IpcError> {
        match self {
            Self::File(file) => file.take(length),
            Self::Stream(stream) => stream.take(length),
        }
    }

    /// Passes over a body, as far as it was not read.
    pub fn pass(&mut self, message: &Message) -> Result<(), IpcError> {
        match self {
            Self::File(file) => file.position = message.body.end,
            Self::Stream(stream) => stream.skip_to(message.body.end)?,
        }
        Ok(())
    }

    /// Returns the next message, or `None` at the mark of the end. Its body comes next.
    pub fn next(&mut self) -> Result<Option<Message>, IpcError> {
        let offset = self.position();
        let length = self.length().map_err(|error| match error {
            IpcError::Data(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.position() == offset => {
                cut_off(offset, "they end without the mark of their end")
            }
            error => error,
        })?;
        let Ok(length) = u64::try_from(length) else {
            return Err(damaged(offset, format!("metadata of {length} bytes")));
        };
        if length == 0 {
            return self.ended().map(|()| None);
        }
        if length > MOST {
            return Err(damaged(offset, format!("metadata of {length} bytes")));
        }
        let metadata = self.take(length)?;
        let message = parsed(&metadata, offset)?;
        let start = self.position();
        let end = u64::try_from(message.bodyLength()).ok().and_then(|length| start.checked_add(length));
        let Some(end) = end else { return Err(damaged(offset, "a body of a negative length")) };
        if let Self::File(file) = self
            && end > file.end
        {
            return Err(cut_off(file.end, format!("a message of {} bytes begins at {offset}", end - offset)));
        }
        Ok(Some(Message { metadata, offset, body: start..end }))
    }

    /// Returns the length of the metadata that come next. Before version 0.15, it stood there alone.
    fn length(&mut self) -> Result<i32, IpcError> {
        let first = self.number()?;
        if first == CONTINUATION { Ok(i32::from_le_bytes(self.number()?)) } else { Ok(i32::from_le_bytes(first)) }
    }

    fn number(&mut self) -> Result<[u8; 4], IpcError> {
        let bytes = self.take(4)?;
        bytes.first_chunk().copied().ok_or_else(|| cut_off(self.position(), "they end in the middle of a number"))
    }

    /// What follows the end of a file would be rows that nobody sees.
    fn ended(&self) -> Result<(), IpcError> {
        match self {
            Self::File(file) if file.position < file.end => {
                Err(damaged(file.position, "more data after the mark of the end; only one stream can stand in a file"))
            }
            _ => Ok(()),
        }
    }
}
