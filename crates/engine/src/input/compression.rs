//! Compressed inputs: told by their first bytes, whatever their names, and read as what they hold.

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Bytes that are read of a compressed file at a time.
const READ: usize = 64 << 10;

/// What follows `BZh9` in a file of bzip2: pi, or the root of pi where nothing is compressed.
const PI: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
const ROOT_OF_PI: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/// As many first bytes tell how an input is compressed.
const MAGIC: usize = 10;

/// How an input is compressed. Each of them may be made of several parts, one after another, as `cat` makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// As `bzip2` writes it.
    Bzip2,
    /// As `xz` writes it.
    Xz,
}

impl Compression {
    /// Returns how an input is compressed that begins with these bytes.
    pub fn of(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A line of text may well begin with `BZh1`.
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if [PI, ROOT_OF_PI].contains(&rest) => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// Returns how a file is compressed; one that cannot be read is taken not to be, for whoever reads it meets the error.
    pub fn of_file(path: &Path) -> Option<Self> {
        Self::of(&magic(&mut File::open(path).ok()?).ok()?)
    }

    /// Returns a reader of what `compressed` holds.
    pub(super) fn reader(
        self,
        compressed: impl Read + Send + Sync + 'static,
    ) -> io::Result<Box<dyn Read + Send + Sync>> {
        let compressed = BufReader::with_capacity(READ, compressed);
        Ok(match self {
            Self::Gzip => Box::new(Explained(MultiGzDecoder::new(compressed))),
            Self::Zstd => Box::new(Explained(zstd::stream::read::Decoder::with_buffer(compressed)?)),
            Self::Bzip2 => Box::new(Explained(MultiBzDecoder::new(compressed))),
            Self::Xz => Box::new(Explained(XzDecoder::new_multi_decoder(compressed))),
        })
    }
}

/// Says of an error that it is of the compressed data, unless it is of the file.
struct Explained<R>(R);

impl<R: Read> Read for Explained<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            _ if error.raw_os_error().is_some() => error,
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "compressed, and cut off before its end"),
            kind => io::Error::new(kind, format!("compressed, and damaged: {error}")),
        })
    }
}

/// Reads the bytes that tell how an input is compressed; fewer only if it has no more.
pub(super) fn magic(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(MAGIC);
    input.take(MAGIC as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// A compressed file that is being read.
pub(crate) struct Decompressed {
    reader: Box<dyn Read + Send + Sync>,
    /// Bytes read of the file.
    consumed: Arc<AtomicU64>,
    /// Those among them that were asked for.
    told: u64,
}

impl Decompressed {
    /// Opens a file that was so long when it was found.
    pub(super) fn new(file: File, size: u64, compression: Compression) -> io::Result<Self> {
        let consumed = Arc::<AtomicU64>::default();
        let counted = Counted { file: file.take(size), consumed: Arc::clone(&consumed) };
        Ok(Self { reader: compression.reader(counted)?, consumed, told: 0 })
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }

    /// Returns how many bytes of the file were read since the last call.
    pub(super) fn take_consumed(&mut self) -> u64 {
        let consumed = self.consumed.load(Relaxed);
        consumed - std::mem::replace(&mut self.told, consumed)
    }
}

impl fmt::Debug for Decompressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressed").field("consumed", &self.consumed).finish_non_exhaustive()
    }
}

/// Counts what is read of a file.
struct Counted {
    file: io::Take<File>,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.consumed.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_compressed() {
        for text in [&b""[..], b"BZh1", b"BZh91AY&SX", b"h - - [10/Oct", b"{\"a\":1}", b"\x1f\x8b"] {
            assert_eq!(Compression::of(text), None, "{text:?}");
        }
        assert_eq!(Compression::of(b"BZh91AY&SY"), Some(Compression::Bzip2));
    }
}
