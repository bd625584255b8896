//! Bytes of one input, read front to back.

use super::InputFile;
use crate::EngineError;
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::Path,
};

/// An open input.
#[derive(Debug)]
pub(crate) enum ByteSource {
    /// A file, read up to the size it had when it was found.
    File { file: File, offset: u64, end: u64 },
    /// The standard input, a pipe or a device: read until it ends.
    Stream(Box<dyn ReadStream>),
}

/// What can be read once, front to back.
pub(crate) trait ReadStream: Read + Send + Sync + std::fmt::Debug {}

impl<T: Read + Send + Sync + std::fmt::Debug> ReadStream for T {}

impl ByteSource {
    /// Opens an input.
    pub fn open(input: &InputFile) -> Result<Self, EngineError> {
        let Some(path) = &input.path else { return Ok(Self::Stream(Box::new(io::stdin()))) };
        let file = File::open(path).map_err(|error| EngineError::file("open", path, error))?;
        Ok(match input.size {
            Some(size) => Self::File { file, offset: 0, end: size.bytes() },
            None => Self::Stream(Box::new(file)),
        })
    }

    /// Reads into `buffer` and returns how much; zero is the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match self {
                Self::File { file, offset, end } => read_file(file, offset, *end, buffer),
                Self::Stream(stream) => stream.read(buffer),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
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

/// Returns the number of the line that holds the byte at `offset`, from 1.
///
/// # Errors
/// If the file cannot be read again.
pub fn line_at(path: &str, offset: u64) -> io::Result<u64> {
    let file = File::open(Path::new(path))?;
    let mut buffer = vec![0; 256 << 10];
    let (mut at, mut lines) = (0, 0);
    while at < offset {
        let read = read_file(&file, &mut at, offset, &mut buffer)?;
        lines += memchr::memchr_iter(b'\n', buffer.get(..read).unwrap_or_default()).count();
    }
    Ok(lines as u64 + 1)
}
