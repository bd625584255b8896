//! Learning the zones of the files of a scan, whose blocks come in any order.

use super::{FileKey, Zone, ZoneMap, ZoneStore};
use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, PoisonError},
};

/// A block that was read whole.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The file's place in the scan.
    pub order: usize,
    /// The first byte of the file after its header.
    pub file_start: u64,
    /// The block's first byte.
    pub start: u64,
    /// What it holds.
    pub zone: Zone,
}

/// Collects the zones of files until they are complete, and has them remembered.
#[derive(Debug)]
pub struct ZoneBuilder {
    store: ZoneStore,
    column: usize,
    files: Vec<Option<FileKey>>,
    learned: Mutex<Vec<Learned>>,
}

/// What is known of one file: its parts by their first bytes. Neighbours are put together, so that there are not many, however
/// large the file is.
#[derive(Clone, Debug, Default)]
struct Learned {
    bytes: u64,
    parts: BTreeMap<u64, Zone>,
}

/// Two neighbours have more bytes than this, and than one of so many parts of their file.
const LEAST: u64 = 1 << 20;
const PARTS: u64 = 4096;

impl Learned {
    fn insert(&mut self, mut start: u64, mut zone: Zone, least: u64) {
        self.bytes += zone.end - start;
        if let Some((&before, known)) = self.parts.range(..start).next_back()
            && known.end == start
            && zone.end - before <= least
        {
            (start, zone) = (before, known.with(zone));
        }
        if let Some(next) = self.parts.get(&zone.end).copied()
            && next.end - start <= least
        {
            self.parts.remove(&zone.end);
            zone = zone.with(next);
        }
        self.parts.insert(start, zone);
    }
}

impl ZoneBuilder {
    /// Returns a builder for those files that have a key, by the times at place `column` of the batches.
    pub fn new(store: ZoneStore, column: usize, files: Vec<Option<FileKey>>) -> Self {
        let learned = Mutex::new(vec![Learned::default(); files.len()]);
        Self { store, column, files, learned }
    }

    /// Returns the place of the times in the batches.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns whether a file is to be learned.
    pub fn wants(&self, order: usize) -> bool {
        self.files.get(order).is_some_and(Option::is_some)
    }

    /// Adds a block. With the last of a file, its map is saved; if it cannot be, the next query learns it again.
    pub fn add(&self, part: Part) {
        let Some(Some(key)) = self.files.get(part.order) else { return };
        let done = {
            let mut files = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(learned) = files.get_mut(part.order) else { return };
            learned.insert(part.start, part.zone, LEAST.max(key.size() / PARTS));
            (part.file_start + learned.bytes == key.size()).then(|| mem::take(learned))
        };
        if let Some(learned) = done.filter(|_| key.is_as_it_was()) {
            let map = ZoneMap { start: part.file_start, zones: learned.parts.into_values().collect() };
            // A cache may be full or not ours.
            let _ = self.store.save(key, &map);
        }
    }
}
