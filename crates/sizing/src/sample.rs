//! Blocks of a file from which the rest is told.

use crate::SizingError;
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};
use tidegate_memory::ByteCount;

/// The most that is ever read of a file.
const MOST: u64 = 64_000_000;

/// A run of bytes of a file. It may begin and end in the middle of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where in the file it begins.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Blocks of a file in their order, the first at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// The size of the file.
    pub size: u64,
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// How a file is sampled.
#[derive(Clone, Copy, Debug)]
pub struct SampleOptions {
    /// What is read at most, 64 MB in any case.
    pub bytes: ByteCount,
    /// In how many blocks: the first at the start of the file, the last at its end, the others spread evenly.
    pub blocks: u64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { bytes: ByteCount::mib(8), blocks: 16 }
    }
}

impl Blocks {
    /// Returns a file that is wholly known.
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self { size: crate::look::count(bytes.len()), blocks: vec![Block { offset: 0, bytes }] }
    }

    /// Returns whether nothing of the file is missing.
    pub fn is_whole(&self) -> bool {
        matches!(&self.blocks[..], [block] if crate::look::count(block.bytes.len()) >= self.size)
    }

    /// Returns the bytes at the start of the file.
    pub(crate) fn head(&self) -> &[u8] {
        self.blocks.first().map(|block| block.bytes.as_slice()).unwrap_or_default()
    }
}

/// Reads blocks of a file: all of it if it is small.
///
/// # Errors
/// [`SizingError::Read`] if it cannot be read, or is a folder, a device or a pipe, which has no size.
pub fn read_blocks(path: &Path, options: &SampleOptions) -> Result<Blocks, SizingError> {
    let read = || {
        // Looked at before it is opened: that would wait for whoever writes to a pipe.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut blocks = Vec::new();
        for (offset, length) in places(size, options) {
            blocks.push(block(&mut file, offset, length)?);
        }
        Ok(Blocks { size, blocks })
    };
    read().map_err(|source| SizingError::Read { path: path.to_path_buf(), source })
}

/// Returns offset and length of each block.
fn places(size: u64, options: &SampleOptions) -> Vec<(u64, u64)> {
    let bytes = options.bytes.bytes().min(MOST);
    let count = options.blocks.max(1);
    let length = bytes / count;
    if size <= bytes || length == 0 || count == 1 {
        return vec![(0, size.min(bytes))];
    }
    let step = (size - length) / (count - 1);
    let mut places: Vec<(u64, u64)> = (0..count - 1).map(|place| (place * step, length)).collect();
    places.push((size - length, length));
    places
}

fn block(file: &mut File, offset: u64, length: u64) -> io::Result<Block> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Block { offset, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_spread_from_start_to_end() {
        let options = SampleOptions { bytes: ByteCount::new(40), blocks: 4 };
        assert_eq!(places(40, &options), [(0, 40)]);
        assert_eq!(places(100, &options), [(0, 10), (30, 10), (60, 10), (90, 10)]);
        assert_eq!(places(1_000, &SampleOptions { blocks: 1, ..options }), [(0, 40)]);
        let huge = SampleOptions { bytes: ByteCount::new(u64::MAX), blocks: 8 };
        assert_eq!(places(1 << 40, &huge).iter().map(|(_, length)| length).sum::<u64>(), MOST);
    }

    #[test]
    fn a_file_is_read_at_these_places() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"0123456789abcdefghij").unwrap();
        let options = SampleOptions { bytes: ByteCount::new(6), blocks: 3 };
        let blocks = read_blocks(file.path(), &options).unwrap();
        let found: Vec<_> = blocks.blocks.iter().map(|block| (block.offset, block.bytes.as_slice())).collect();
        assert_eq!(found, [(0, &b"01"[..]), (9, b"9a"), (18, b"ij")]);
        assert!(!blocks.is_whole() && read_blocks(file.path(), &SampleOptions::default()).unwrap().is_whole());
        let error = read_blocks(Path::new("/no/such/file"), &options).unwrap_err();
        assert!(error.to_string().starts_with("read `/no/such/file`: "), "{error}");
    }

    #[test]
    fn what_has_no_size_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [Path::new("/dev/zero"), folder.path(), &pipe] {
            let error = read_blocks(path, &SampleOptions::default()).unwrap_err();
            assert_eq!(error.to_string(), format!("read `{}`: not a file", path.display()));
        }
    }
}
