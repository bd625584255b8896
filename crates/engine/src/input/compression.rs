//! Compressed inputs: told by their first bytes, whatever their names, and read as what they hold.

use bzip2::bufread::{BzDecoder, MultiBzDecoder};
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use liblzma::bufread::XzDecoder;
use memchr::memmem;
use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};
use tidegate_memory::{ByteCount, Held};

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

    /// Returns a reader of what a stream holds.
    pub(super) fn reader(
        self,
        compressed: impl Read + Send + Sync + 'static,
    ) -> io::Result<Box<dyn Read + Send + Sync>> {
        let mut compressed = BufReader::with_capacity(READ, compressed);
        let window = Held::new(self.window(compressed.fill_buf()?));
        Ok(match self {
            Self::Gzip => Box::new(Explained { reader: MultiGzDecoder::new(compressed), _window: window }),
            Self::Zstd => {
                Box::new(Explained { reader: zstd::stream::read::Decoder::with_buffer(compressed)?, _window: window })
            }
            Self::Bzip2 => Box::new(Explained { reader: MultiBzDecoder::new(compressed), _window: window }),
            Self::Xz => Box::new(Explained { reader: XzDecoder::new_multi_decoder(compressed), _window: window }),
        })
    }

    /// Returns where in some bytes the next part may begin. What is in a part may look like it.
    pub(super) fn beginning(self, bytes: &[u8]) -> Option<usize> {
        let magic: &[u8] = match self {
            Self::Gzip => &[0x1f, 0x8b, 8],
            Self::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Self::Bzip2 => b"BZh",
            Self::Xz => return None,
        };
        memmem::find_iter(bytes, magic).find(|at| self.begins(bytes.get(*at..).unwrap_or_default()))
    }

    /// Returns whether a part can begin with these bytes, as far as they go on.
    fn begins(self, bytes: &[u8]) -> bool {
        match (self, bytes) {
            // Flags of which five have a meaning, four bytes of a time, and how hard it was tried.
            (Self::Gzip, [_, _, _, flags, _, _, _, _, effort, ..]) => *flags < 0x20 && matches!(effort, 0 | 2 | 4),
            (Self::Zstd, _) => true,
            _ => Self::of(bytes) == Some(self),
        }
    }
}

/// A stream of compressed data, and the window of its decoder.
struct Explained<R> {
    reader: R,
    _window: Held,
}

impl<R: Read> Read for Explained<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(explained)
    }
}

/// Says of an error that it is of the compressed data, unless it is of the file.
fn explained(error: io::Error) -> io::Error {
    match error.kind() {
        _ if error.raw_os_error().is_some() => error,
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "compressed, and cut off before its end"),
        kind if error.to_string().contains("too much memory") => {
            io::Error::new(kind, "compressed with a window of more than 128 MiB, which is the most that is taken")
        }
        kind => io::Error::new(kind, format!("compressed, and damaged: {error}")),
    }
}

/// Reads the bytes that tell how an input is compressed; fewer only if it has no more.
pub(super) fn magic(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(MAGIC);
    input.take(MAGIC as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// One part of a compressed file, decompressed as it is read.
pub(super) struct OnePart {
    decoder: Decoder,
    window: ByteCount,
    /// The window, where the allocator does not see it.
    _held: Held,
}

enum Decoder {
    Gzip(GzDecoder<FilePart>),
    Zstd(zstd::stream::read::Decoder<'static, FilePart>),
    Bzip2(BzDecoder<FilePart>),
    /// All parts to the end of the file: those of xz may have padding between them.
    Xz(XzDecoder<FilePart>),
}

impl OnePart {
    /// Begins to read the part that comes next in a file.
    pub(super) fn open(mut bytes: FilePart, compression: Compression) -> io::Result<Self> {
        let window = compression.window(bytes.fill_buf()?);
        let held = Held::new(window);
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(GzDecoder::new(bytes)),
            Compression::Zstd => Decoder::Zstd(zstd::stream::read::Decoder::with_buffer(bytes)?.single_frame()),
            Compression::Bzip2 => Decoder::Bzip2(BzDecoder::new(bytes)),
            Compression::Xz => Decoder::Xz(XzDecoder::new_multi_decoder(bytes)),
        };
        Ok(Self { decoder, window, _held: held })
    }

    /// Returns what the decoder keeps in memory for its input to refer to, if it is much.
    pub(super) fn window(&self) -> ByteCount {
        self.window
    }

    /// Returns the first byte of the file that is not consumed.
    pub(super) fn position(&self) -> u64 {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
            Decoder::Bzip2(decoder) => decoder.get_ref(),
            Decoder::Xz(decoder) => decoder.get_ref(),
        }
        .position()
    }

    /// Returns the file, at the first byte that is not consumed.
    pub(super) fn into_file(self) -> FilePart {
        match self.decoder {
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Bzip2(decoder) => decoder.into_inner(),
            Decoder::Xz(decoder) => decoder.into_inner(),
        }
    }
}

impl Read for OnePart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Bzip2(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
        }
        .map_err(explained)
    }
}

impl fmt::Debug for OnePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnePart").field("position", &self.position()).finish_non_exhaustive()
    }
}

/// A place in a file that other threads read as well.
#[derive(Debug)]
pub(super) struct FilePart {
    file: Arc<File>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are consumed.
    taken: usize,
    /// The first byte that is not in the buffer.
    next: u64,
    end: u64,
}

impl FilePart {
    /// Returns the bytes of a file up to `end`, from `start` on.
    pub(super) fn new(file: &Arc<File>, start: u64, end: u64) -> Self {
        Self { file: Arc::clone(file), buffer: Vec::new(), taken: 0, next: start, end }
    }

    /// Goes on at another byte. What was read already is not read again.
    pub(super) fn seek(&mut self, to: u64) {
        if to != self.position() {
            (self.taken, self.next) = (self.buffer.len(), to);
        }
    }

    fn position(&self) -> u64 {
        self.next - (self.buffer.len() - self.taken) as u64
    }
}

impl BufRead for FilePart {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.buffer.len() {
            self.taken = 0;
            let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(READ).min(READ);
            self.buffer.resize(left, 0);
            let read = self.file.read_at(&mut self.buffer, self.next)?;
            self.buffer.truncate(read);
            self.next += read as u64;
        }
        Ok(self.buffer.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }
}

impl Read for FilePart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
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
