//! Samples of an input: its head for detection, and places spread over the file for inference.

use super::{ByteSource, InputFile};
use crate::EngineError;
use std::{fs::File, os::unix::fs::FileExt};
use tidegate_formats::Sample;

/// Bytes read from the start of an input.
const HEAD: usize = 256 << 10;

/// Places beyond the head, and bytes read at each.
const PLACES: u64 = 8;
const PLACE: usize = 32 << 10;

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
    pub fn read(input: &InputFile) -> Result<Self, EngineError> {
        let mut source = ByteSource::open(input)?;
        let mut bytes = vec![0; HEAD];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match source.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) => return Err(EngineError::file("read", input.name.as_ref(), error)),
            }
        }
        bytes.truncate(filled);
        let (further, stream) = match &source {
            ByteSource::File { file, end, .. } => (places(file, *end), None),
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

/// Reads places evenly spread; one that cannot be read is left out, for the scan will meet the same error.
fn places(file: &File, end: u64) -> Vec<Vec<u8>> {
    let head = HEAD as u64;
    if end <= head + PLACE as u64 * PLACES {
        return if end > head { read_place(file, head, usize::try_from(end - head).unwrap_or(PLACE)) } else { None }
            .into_iter()
            .collect();
    }
    let step = (end - head - PLACE as u64) / (PLACES - 1);
    (0..PLACES).filter_map(|place| read_place(file, head + place * step, PLACE)).collect()
}

fn read_place(file: &File, offset: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, offset).ok()?;
    bytes.truncate(read);
    Some(bytes)
}
