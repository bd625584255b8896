//! What tests of spill files share: seeded numbers, files with something in them, and damage that is proved to be done.

use super::{
    CacheRoom, SpillFailure, SpillFiles, SpillOptions,
    block::{BLOCK, HEADER},
    file::{Shared, UnnamedFile},
};
use bytes::Bytes;
use datafusion::{
    common::{DataFusionError, Result},
    execution::spill_file::SpillFile,
};
use futures::TryStreamExt;
use std::{io::Write, ops::Range, os::unix::fs::FileExt, path::Path};
use tidegate_memory::{ByteCount, Limit};

/// Splitmix64: the same numbers in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(length).collect()
    }
}

pub fn files(folder: &Path) -> SpillFiles {
    limited_files(folder, Limit::Unlimited)
}

pub fn limited_files(folder: &Path, limit: Limit) -> SpillFiles {
    SpillFiles::new(SpillOptions {
        folder: folder.to_path_buf(),
        limit,
        cache_room: CacheRoom::of(limit, || ByteCount::ZERO),
    })
}

/// Makes a file of whole blocks and some short ones, and returns what is in it.
pub fn written(files: &SpillFiles, random: &mut Random, length: usize) -> (UnnamedFile, Vec<u8>) {
    let file = files.create("test").unwrap();
    let content = random.bytes(length);
    let mut writer = file.open_writer().unwrap();
    let mut rest = content.as_slice();
    while !rest.is_empty() {
        let most = usize::try_from(random.below(3 * BLOCK as u64)).unwrap() + 1;
        let (piece, after) = rest.split_at(most.min(rest.len()));
        writer.write_all(piece).unwrap();
        if random.below(4) == 0 {
            writer.flush().unwrap();
        }
        rest = after;
    }
    writer.finish().unwrap();
    (file, content)
}

pub fn read(file: &dyn SpillFile) -> Result<Vec<u8>> {
    let chunks: Result<Vec<Bytes>> = futures::executor::block_on(file.read_stream()?.try_collect());
    Ok(chunks?.concat())
}

/// Returns the typed failure of an error, however deep it is wrapped.
pub fn failure(error: &DataFusionError) -> &SpillFailure {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref().unwrap_or_else(|| panic!("not ours: {inner}")),
        other => panic!("not ours: {other}"),
    }
}

pub fn assert_damaged<T>(result: Result<T>, what: &str) {
    match result {
        Err(error) => assert!(matches!(failure(&error), SpillFailure::Damaged { .. }), "{what}: {error}"),
        Ok(_) => panic!("{what}: nobody noticed"),
    }
}

/// Flips a bit of the file and proves that it did.
pub fn flip(file: &Shared, bit: u64) {
    let before = bytes_of(file, bit / 8..bit / 8 + 1);
    let after = [before[0] ^ (1 << (bit % 8))];
    file.file().write_all_at(&after, bit / 8).unwrap();
    let found = bytes_of(file, bit / 8..bit / 8 + 1);
    assert_ne!(found, before, "bit {bit} was not flipped");
    assert_eq!(found, after);
}

pub fn bytes_of(file: &Shared, range: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
    file.file().read_exact_at(&mut bytes, range.start).unwrap();
    bytes
}

/// Returns where each block of a sound file lies.
pub fn blocks_of(file: &Shared) -> Vec<Range<u64>> {
    let mut blocks = Vec::new();
    let mut start = 0;
    while start < file.size() {
        let length = bytes_of(file, start + 8..start + 12);
        let end = start + HEADER as u64 + u64::from(u32::from_le_bytes(length.try_into().unwrap()));
        blocks.push(start..end);
        start = end;
    }
    assert_eq!(start, file.size());
    blocks
}
