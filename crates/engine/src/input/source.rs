//! Bytes of one input, read front to back.

use super::{
    InputFile,
    compression::{Compression, magic},
    parts::{Ahead, Done, Parts, Work},
};
use crate::{EngineError, zones::FileState};
use rustix::fs::{Advice, fadvise};
use std::{
    fmt,
    fs::File,
    io::{self, Read},
    num::NonZeroU64,
    os::unix::fs::FileExt,
    path::Path,
};

/// A file that is not compressed.
pub(crate) struct PlainFile {
    pub file: File,
    offset: u64,
    pub end: u64,
    /// What the system was told that it will be needed ends here.
    advised: u64,
    ahead: u64,
}

/// An open input.
pub(crate) enum ByteSource {
    /// A file, read up to the size it had when it was found.
    File(PlainFile),
    /// A compressed file.
    Compressed(Box<Parts>),
    /// The standard input, a pipe or a device: read until it ends.
    Stream(Box<dyn Read + Send + Sync>),
}

impl ByteSource {
    /// Opens an input; `ahead` says how much of it is read before it is asked for.
    pub fn open(input: &InputFile, ahead: Ahead) -> Result<Self, EngineError> {
        let opened = match &input.path {
            None => Self::stream(io::stdin()),
            Some(path) => File::open(path).and_then(|file| match (input.size, input.compression) {
                (None, _) => Self::stream(file),
                (Some(size), None) => Ok(Self::File(PlainFile::new(file, size.bytes(), ahead))),
                (Some(size), Some(compression)) => {
                    Ok(Self::Compressed(Box::new(Parts::new(file, size.bytes(), compression, ahead))))
                }
            }),
        };
        opened.map_err(|error| EngineError::file("open", input.name.as_ref(), error))
    }

    /// Returns a stream of what a stream holds, compressed or not.
    fn stream(mut stream: impl Read + Send + Sync + 'static) -> io::Result<Self> {
        let first = magic(&mut stream)?;
        let compression = Compression::of(&first);
        let whole = io::Cursor::new(first).chain(stream);
        Ok(Self::Stream(match compression {
            Some(compression) => compression.reader(whole)?,
            None => Box::new(whole),
        }))
    }

    /// Returns what a file is now, if it can be read from any place.
    pub fn state(&self) -> Option<FileState> {
        match self {
            Self::File(plain) => plain.file.metadata().ok().map(|metadata| FileState::of(&metadata)),
            Self::Compressed(_) | Self::Stream(_) => None,
        }
    }

    /// Goes on with another byte of a file; of others only the end can be jumped to, as [`u64::MAX`].
    pub fn jump(&mut self, to: u64) {
        match self {
            Self::File(plain) => plain.offset = to.min(plain.end),
            _ if to == u64::MAX => *self = Self::Stream(Box::new(io::empty())),
            Self::Compressed(_) | Self::Stream(_) => {}
        }
    }

    /// Returns how many bytes of the input stand for `length` bytes that were handed out: as many, or, of a compressed file,
    /// those that were read since the last time.
    pub fn progress(&mut self, length: usize) -> u64 {
        match self {
            Self::Compressed(file) => file.take_consumed(),
            Self::File(_) | Self::Stream(_) => length as u64,
        }
    }

    /// Returns what the calling thread can do where `wanted` bytes are to be read.
    pub(super) fn work(&mut self, wanted: usize) -> Work {
        match self {
            Self::Compressed(parts) => parts.work(wanted),
            Self::File(_) | Self::Stream(_) => Work::Read,
        }
    }

    /// Takes back what a thread has decompressed.
    pub(super) fn put(&mut self, done: Done) {
        if let Self::Compressed(parts) = self {
            parts.put(done);
        }
    }

    /// Reads into `buffer` and returns how much; zero is the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::File(plain) => plain.read(buffer),
                Self::Compressed(file) => file.read(buffer),
                Self::Stream(stream) => stream.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl PlainFile {
    fn new(file: File, end: u64, ahead: Ahead) -> Self {
        if ahead.bytes > 0 {
            // Advice that is not taken changes nothing but the time.
            let _ = fadvise(&file, 0, None, Advice::Sequential);
        }
        Self { file, offset: 0, end, advised: 0, ahead: ahead.bytes as u64 }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.advise();
        read_file(&self.file, &mut self.offset, self.end, buffer)
    }

    /// Has the system read what comes next, in steps of half of what is ahead, so that whoever reads does not wait for the disk.
    fn advise(&mut self) {
        let wanted = (self.offset + self.ahead).min(self.end);
        let from = self.advised.max(self.offset);
        if wanted.saturating_sub(from) >= self.ahead / 2
            && let Some(length) = NonZeroU64::new(wanted - from)
        {
            let _ = fadvise(&self.file, from, Some(length), Advice::WillNeed);
            self.advised = wanted;
        }
    }
}

fn read_file(file: &File, offset: &mut u64, end: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let left = usize::try_from(end - *offset).unwrap_or(usize::MAX).min(buffer.len());
    let wanted = buffer.get_mut(..left).unwrap_or_default();
    if wanted.is_empty() {
        return Ok(0);
    }
    let read = file.read_at(wanted, *offset)?;
    if read == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
    }
    *offset += read as u64;
    Ok(read)
}

impl fmt::Debug for ByteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Compressed(_) => "Compressed",
            Self::Stream(_) => "Stream",
        })
    }
}

/// A byte of a file, and the line that holds it, from 1.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where the byte is.
    pub offset: u64,
    /// Its line.
    pub line: u64,
}

/// Returns the number of the line that holds the byte at `offset`, from 1, counted on from a place before it.
///
/// # Errors
/// If the file cannot be read again.
pub fn line_at(path: &str, from: Place, offset: u64) -> io::Result<u64> {
    let file = File::open(Path::new(path))?;
    let mut buffer = vec![0; 256 << 10];
    let (mut at, mut lines) = (from.offset, 0);
    while at < offset {
        let read = read_file(&file, &mut at, offset, &mut buffer)?;
        lines += memchr::memchr_iter(b'\n', buffer.get(..read).unwrap_or_default()).count();
    }
    Ok(lines as u64 + from.line)
}
