//! Samples of an input: its head for detection, and places spread over the file for inference.

use super::{ByteSource, InputFile, RECORD_CAP, parts::Ahead};
use crate::{
    EngineError,
    ipc::{MAGIC, is_arrow},
};
use memchr::memchr;
use std::{fs::File, io, os::unix::fs::FileExt};
use tidegate_formats::Sample;

/// Bytes read at each place beyond the head.
const PLACE: usize = 32 << 10;

/// How much of an input is read to find out what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSize {
    /// Bytes from its start; more where the first line is longer.
    pub head: usize,
    /// Places spread over the rest.
    pub places: u64,
}

impl SampleSize {
    /// For the input that decides on the format.
    pub const FIRST: Self = Self { head: 256 << 10, places: 8 };
    /// For each of the others.
    pub const FURTHER: Self = Self { head: 64 << 10, places: 2 };
}

/// The first bytes of an input, and a few from further on.
#[derive(Debug)]
pub struct Head {
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// Bytes from places spread over the rest of the file.
    further: Vec<Vec<u8>>,
    /// A stream that was opened for the head: it cannot be opened again.
    pub(crate) stream: Option<ByteSource>,
}

impl Head {
    /// Reads the head of an input and, where it is a file, places spread over the rest.
    ///
    /// # Errors
    /// If it cannot be opened or read.
    pub fn read(input: &InputFile, size: SampleSize) -> Result<Self, EngineError> {
        let mut source = ByteSource::open(input, Ahead::NONE)?;
        // The head is all that is seen of a compressed file.
        let compressed = matches!(source, ByteSource::Compressed(_));
        let head = if compressed { size.head * 4 } else { size.head };
        let bytes =
            first_bytes(&mut source, head).map_err(|error| EngineError::file("read", input.name.as_ref(), error))?;
        let (further, stream) = match &source {
            ByteSource::File(_) if is_arrow(&bytes) => (Vec::new(), None),
            ByteSource::File(plain) => (places(&plain.file, bytes.len() as u64, plain.end, size.places), None),
            ByteSource::Compressed(_) => (Vec::new(), None),
            ByteSource::Stream(_) => (Vec::new(), Some(source)),
        };
        Ok(Self { bytes, further, stream })
    }

    /// Returns the samples for inference.
    pub fn samples(&self) -> Vec<Sample<'_>> {
        let head = Sample { bytes: &self.bytes, at_start: true };
        let further = self.further.iter().map(|bytes| Sample { bytes, at_start: false });
        std::iter::once(head).chain(further).collect()
    }
}

/// Reads so many bytes, and on to the end of the first line where that is longer, up to the most that a record may have.
fn first_bytes(source: &mut ByteSource, head: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MAGIC];
    let read = fill(source, &mut bytes)?;
    bytes.truncate(read);
    if read < MAGIC || is_arrow(&bytes) {
        // Nobody looks for lines in Arrow, and a pipe may have no more for now.
        return Ok(bytes);
    }
    let (mut target, mut looked) = (head.max(MAGIC), 0);
    loop {
        let filled = bytes.len();
        bytes.resize(target, 0);
        let read = fill(source, bytes.get_mut(filled..).unwrap_or_default())?;
        bytes.truncate(filled + read);
        let ended = bytes.len() < target;
        let whole = memchr(b'\n', bytes.get(looked..).unwrap_or_default()).is_some();
        looked = bytes.len();
        if ended || whole || target >= RECORD_CAP {
            return Ok(bytes);
        }
        target = (target * 2).min(RECORD_CAP);
    }
}

/// Reads until `buffer` is full or the input ends, and returns how much was read.
fn fill(source: &mut ByteSource, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Reads places evenly spread between the head and the end; one that cannot be read is left out, for the scan will meet the
/// same error.
fn places(file: &File, head: u64, end: u64, count: u64) -> Vec<Vec<u8>> {
    let place = PLACE as u64;
    if end <= head + place * count {
        let rest = usize::try_from(end.saturating_sub(head)).unwrap_or(PLACE);
        return if rest > 0 { read_place(file, head, rest).into_iter().collect() } else { Vec::new() };
    }
    let step = (end - head - place) / (count - 1).max(1);
    (0..count).filter_map(|at| read_place(file, head + at * step, PLACE)).collect()
}

fn read_place(file: &File, offset: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, offset).ok()?;
    bytes.truncate(read);
    Some(bytes)
}
