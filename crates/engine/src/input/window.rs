//! The window of a decompressor: how far back its input may refer, which it keeps in memory.
//!
//! zstd and xz are libraries in C, which do not allocate through the ledger. What their windows take is told by the first bytes
//! of the input. Those of gzip (32 KiB) and bzip2 (up to 4 MB) are allocated in Rust and counted like anything else.

use super::compression::Compression;
use tidegate_memory::ByteCount;

/// Frames with larger windows are refused by the library.
const MOST_OF_ZSTD: u64 = 128 << 20;

impl Compression {
    /// Returns what the window of an input takes that begins with these bytes, beyond what is counted anyway.
    pub(super) fn window(self, first: &[u8]) -> ByteCount {
        let window = match self {
            Self::Gzip | Self::Bzip2 => None,
            Self::Zstd => zstd_window(first).map(|window| window.min(MOST_OF_ZSTD)),
            Self::Xz => xz_dictionary(first),
        };
        window.map_or(ByteCount::ZERO, ByteCount::new)
    }
}

/// RFC 8878, 3.1.1.1: a descriptor, then the size of the window or, in a frame of one segment, that of what it holds.
fn zstd_window(frame: &[u8]) -> Option<u64> {
    let (descriptor, rest) = frame.get(4..)?.split_first()?;
    if descriptor & 0x20 == 0 {
        let (exponent, mantissa) = (rest.first()? >> 3, u64::from(rest.first()? & 7));
        let base = 1_u64 << (10 + exponent);
        return Some(base + base / 8 * mantissa);
    }
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let size = rest.get(*dictionary..)?;
    match descriptor >> 6 {
        0 => size.first().map(|byte| u64::from(*byte)),
        1 => size.first_chunk().map(|bytes| u64::from(u16::from_le_bytes(*bytes)) + 256),
        2 => size.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes))),
        _ => size.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
    }
}

/// The xz file format, 3.1 and 5.3.1: the properties of LZMA2 in the header of the first block.
fn xz_dictionary(stream: &[u8]) -> Option<u64> {
    let (flags, mut rest) = stream.get(13..)?.split_first()?;
    for size in [0x40, 0x80] {
        if flags & size != 0 {
            rest = after_number(rest)?;
        }
    }
    for _ in 0..=flags & 3 {
        let (id, properties) = rest.split_first()?;
        let (length, properties) = properties.split_first()?;
        if *id == 0x21 {
            let bits = u32::from(properties.first()? & 0x3f);
            return Some(if bits >= 40 { u64::from(u32::MAX) } else { u64::from(2 | bits & 1) << (bits / 2 + 11) });
        }
        rest = properties.get(usize::from(*length)..)?;
    }
    None
}

/// Passes over a number whose bytes have their highest bit set but for the last.
fn after_number(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    bytes.get(last + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn windows_are_those_that_were_asked_for() {
        for log in [18, 23, 27] {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(b"text").unwrap();
            let frame = encoder.finish().unwrap();
            assert_eq!(Compression::Zstd.window(&frame), ByteCount::new(1 << log));
        }
        // One segment, which the size of the text stands for.
        for length in [5_u32, 300, 70_000] {
            let text = vec![b'x'; length as usize];
            let frame = zstd::bulk::compress(&text, 1).unwrap();
            assert_eq!(Compression::Zstd.window(&frame), ByteCount::new(length.into()), "{length}");
        }
        for (preset, mebibytes) in [(1, 1), (6, 8), (9, 64)] {
            let mut stream = Vec::new();
            liblzma::read::XzEncoder::new(&b"text"[..], preset).read_to_end(&mut stream).unwrap();
            assert_eq!(Compression::Xz.window(&stream), ByteCount::mib(mebibytes));
        }
        assert_eq!(Compression::Gzip.window(b"\x1f\x8b"), ByteCount::ZERO);
    }

    #[test]
    fn a_header_that_is_cut_has_no_window() {
        let frame = zstd::bulk::compress(&vec![b'x'; 70_000], 1).unwrap();
        for length in 0..6 {
            assert_eq!(Compression::Zstd.window(&frame[..length]), ByteCount::ZERO);
        }
        assert_eq!(Compression::Xz.window(b"\xfd7zXZ\0"), ByteCount::ZERO);
    }
}
