//! Buffers that are compressed, each by itself: its length, then what it is compressed to.

use super::{
    batch::Batch,
    error::{IpcError, damaged},
    layout::{Bytes, Codec},
    memory::Asking,
};
use datafusion::arrow::buffer::Buffer;
use std::io::{self, Read};

/// Bytes of the length before each buffer.
const PREFIX: u64 = 8;

/// The length of a buffer that is not compressed.
const AS_IT_IS: i64 = -1;

impl Batch {
    /// Decompresses all buffers.
    ///
    /// # Errors
    /// If one is damaged, or memory for them is refused.
    pub(super) fn decompress(mut self, asking: &Asking) -> Result<Self, IpcError> {
        let Some(codec) = self.codec else { return Ok(self) };
        let mut parts = std::mem::take(&mut self.parts);
        let mut buffers = Vec::new();
        for (_, part) in &mut parts {
            part.each_buffer(&mut |bytes| buffers.push(bytes));
        }
        let mut all = buffers.iter().map(|bytes| bytes.length()).max().unwrap_or_default();
        for bytes in &buffers {
            all = all.saturating_add(self.length_of(bytes)?);
        }
        self.granted.push(asking.ask(all)?);
        for bytes in buffers {
            let length = self.length_of(bytes)?;
            if bytes.length() == 0 {
                continue;
            }
            let compressed = self.read(bytes, 0..bytes.length())?;
            let of_values = compressed.as_slice().get(size_of::<i64>()..).unwrap_or_default();
            let is_compressed = self.prefix(bytes)? != AS_IT_IS;
            let values = if is_compressed { decompress(codec, of_values, length) } else { Ok(of_values.to_vec()) };
            let values = values.map_err(|error| damaged(self.offset, format!("a compressed buffer: {error}")))?;
            *bytes = Bytes::Loaded(Buffer::from_vec(values));
        }
        (self.parts, self.codec) = (parts, None);
        Ok(self)
    }

    /// Returns what a buffer says how long it is.
    fn prefix(&self, bytes: &Bytes) -> Result<i64, IpcError> {
        if bytes.length() == 0 {
            return Ok(0);
        }
        let prefix = self.read(bytes, 0..PREFIX)?;
        let prefix = prefix.as_slice().first_chunk().copied();
        prefix.map(i64::from_le_bytes).ok_or_else(|| damaged(self.offset, "a compressed buffer without its length"))
    }

    /// Returns how long a buffer is when it is decompressed.
    fn length_of(&self, bytes: &Bytes) -> Result<u64, IpcError> {
        match self.prefix(bytes)? {
            AS_IT_IS => Ok(bytes.length() - PREFIX),
            length => u64::try_from(length)
                .map_err(|_| damaged(self.offset, format!("a compressed buffer of {length} bytes"))),
        }
    }
}

/// Decompresses a buffer whose length is known, and not trusted.
fn decompress(codec: Codec, compressed: &[u8], length: u64) -> io::Result<Vec<u8>> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it has another length than it says");
    let mut values = Vec::new();
    let reserved = usize::try_from(length).ok().and_then(|length| values.try_reserve_exact(length).ok());
    reserved.ok_or_else(|| io::Error::other(format!("it says that it has {length} bytes")))?;
    match codec {
        Codec::Lz4 => {
            let decoder = lz4_flex::frame::FrameDecoder::new(compressed);
            decoder.take(length.saturating_add(1)).read_to_end(&mut values)?;
        }
        Codec::Zstd => {
            zstd::bulk::Decompressor::new()?.decompress_to_buffer(compressed, &mut values)?;
        }
    }
    if values.len() as u64 == length { Ok(values) } else { Err(wrong()) }
}
