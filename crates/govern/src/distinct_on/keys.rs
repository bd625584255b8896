//! The keys that were seen: a hash table that asks before it grows, and that several threads use.
//!
//! *Concurrency.* The table is made of parts, each behind a lock of its own, which is held for the keys of one batch that belong
//! to it. Nothing waits for anything else while it holds one.

use crate::{memory_error::is_exhausted, spill::place};
use datafusion::{
    common::{Result, exec_err, internal_err},
    execution::memory_pool::MemoryReservation,
};
use hashbrown::HashTable;
use std::{
    array, mem,
    sync::{Mutex, PoisonError},
};

/// The table has so many parts. Each grows by itself, so that the old and the new one are both there for a part alone.
const PARTS: usize = 64;

/// Bytes that are held in any case, some hundred keys, so that every pass over rows gets on; or one key that is longer.
const LEAST: usize = 128 << 10;

/// Keys are stored one after the other in chunks, the first of so many bytes, the next ones each twice as large, up to 2 to the
/// power of [`CHUNK_BITS`]; a longer key has a chunk to itself.
const FIRST_CHUNK: usize = 1 << 10;
const CHUNK_BITS: u32 = 18;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It came before.
    Before,
    /// It did not, and is remembered from now on.
    First,
    /// It did not since there is no more memory for keys, and is not remembered.
    Unknown,
}

/// The keys of some rows, as far as memory is granted for them.
pub(super) struct Keys {
    parts: Box<[Mutex<Part>]>,
    held: MemoryReservation,
}

#[derive(Default)]
struct Part {
    table: HashTable<Entry>,
    chunks: Vec<Vec<u8>>,
    full: bool,
}

/// Where a key is stored: the number of its chunk and its place there, in the lower 40 bits, below 24 bits of its hash. The key
/// has its length before it.
#[derive(Clone, Copy)]
struct Entry(u64);

const PLACE_BITS: u32 = 40;
const LENGTH: usize = size_of::<u32>();

impl Entry {
    fn new(hash: u64, chunk: usize, at: usize) -> Option<Self> {
        let place = u64::try_from(chunk).ok()? << CHUNK_BITS | u64::try_from(at).ok()?;
        (place >> PLACE_BITS == 0).then_some(Self(hash << PLACE_BITS | place))
    }

    /// Returns a hash of the bits that are kept. The table looks at the highest and the lowest ones; multiplication by the golden
    /// ratio spreads them (Knuth, The Art of Computer Programming, volume 3, 6.4).
    fn hash(self) -> u64 {
        (self.0 >> PLACE_BITS).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// Returns whether this is the place of the key.
    fn is(self, key: &[u8], chunks: &[Vec<u8>]) -> bool {
        let place = self.0 & ((1 << PLACE_BITS) - 1);
        let of = |bits: u64| usize::try_from(bits).ok();
        let (Some(chunk), Some(at)) = (of(place >> CHUNK_BITS), of(place & ((1 << CHUNK_BITS) - 1))) else {
            return false;
        };
        let stored = chunks.get(chunk).and_then(|chunk| chunk.get(at..));
        let stored = stored.and_then(|stored| stored.split_first_chunk::<LENGTH>());
        stored.is_some_and(|(length, stored)| {
            usize::try_from(u32::from_le_bytes(*length)) == Ok(key.len()) && stored.starts_with(key)
        })
    }
}

/// What is known of the keys of a batch. Used again, so that its memory is.
pub(super) struct Look {
    /// What is known of each key, in their order.
    pub(super) seen: Vec<Seen>,
    /// Places of keys by the part of the table that they belong to.
    by_part: [Vec<usize>; PARTS],
}

impl Default for Look {
    fn default() -> Self {
        Self { seen: Vec::new(), by_part: array::from_fn(|_| Vec::new()) }
    }
}

impl Keys {
    /// Returns a table without keys, which reserves what it takes.
    pub(super) fn new(held: MemoryReservation) -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), held }
    }

    /// Takes the keys of a batch, given by their hashes and their places.
    pub(super) fn see<'k>(&self, hashes: &[u64], key: impl Fn(usize) -> &'k [u8], look: &mut Look) -> Result<()> {
        let Look { seen, by_part } = look;
        seen.clear();
        seen.resize(hashes.len(), Seen::Unknown);
        for (row, hash) in hashes.iter().enumerate() {
            match by_part.get_mut(place(*hash, PARTS)) {
                Some(rows) => rows.push(row),
                None => return internal_err!("a hash without a part"),
            }
        }
        for (rows, part) in by_part.iter_mut().zip(self.parts.iter()) {
            if rows.is_empty() {
                continue;
            }
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            for row in rows.drain(..) {
                if let (Some(hash), Some(seen)) = (hashes.get(row), seen.get_mut(row)) {
                    *seen = self.see_one(&mut part, key(row), *hash)?;
                }
            }
        }
        Ok(())
    }

    fn see_one(&self, part: &mut Part, key: &[u8], hash: u64) -> Result<Seen> {
        let wanted = Entry(hash << PLACE_BITS).hash();
        if part.table.find(wanted, |entry| entry.hash() == wanted && entry.is(key, &part.chunks)).is_some() {
            return Ok(Seen::Before);
        }
        if part.full || !self.make_room(part, LENGTH + key.len())? {
            part.full = true;
            return Ok(Seen::Unknown);
        }
        part.store(key, hash)?;
        Ok(Seen::First)
    }

    /// Makes room for a key of so many bytes, with its length. Returns whether that was granted.
    fn make_room(&self, part: &mut Part, length: usize) -> Result<bool> {
        let no_chunk = part.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < length);
        let usual = (FIRST_CHUNK << part.chunks.len().min(16)).min(1 << CHUNK_BITS);
        let chunk = if no_chunk { usual.max(length) } else { 0 };
        let is_full = part.table.len() == part.table.capacity();
        let buckets = if is_full { (part.table.num_buckets() * 2).max(4) } else { 0 };
        let wanted = chunk + buckets * (size_of::<Entry>() + 1);
        if wanted == 0 {
            return Ok(true);
        }
        let held = self.held.size();
        if held == 0 || held + wanted <= LEAST {
            self.held.grow(wanted);
        } else if let Err(error) = self.held.try_grow(wanted) {
            return if is_exhausted(&error) { Ok(false) } else { Err(error) };
        }
        if chunk > 0 {
            part.chunks.push(Vec::with_capacity(chunk));
        }
        if buckets > 0 {
            let before = part.table.allocation_size();
            part.table.reserve(1, |entry| entry.hash());
            self.held.grow(part.table.allocation_size());
            self.held.shrink(buckets * (size_of::<Entry>() + 1) + before);
        }
        Ok(true)
    }

    /// Returns whether there are keys that were not remembered.
    pub(super) fn is_full(&self) -> bool {
        self.parts.iter().any(|part| part.lock().unwrap_or_else(PoisonError::into_inner).full)
    }

    /// Forgets all keys and gives their memory back.
    pub(super) fn clear(&self) {
        for part in &self.parts {
            drop(mem::take(&mut *part.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        self.held.free();
    }
}

impl Part {
    fn store(&mut self, key: &[u8], hash: u64) -> Result<()> {
        let Some((last, chunks)) = self.chunks.split_last_mut() else { return internal_err!("no room for a key") };
        let (Some(entry), Ok(length)) = (Entry::new(hash, chunks.len(), last.len()), u32::try_from(key.len())) else {
            return exec_err!("a key of `DISTINCT ON` is longer than 4 GiB, or all of them take more than a tebibyte");
        };
        last.extend_from_slice(&length.to_le_bytes());
        last.extend_from_slice(key);
        self.table.insert_unique(entry.hash(), entry, |entry| entry.hash());
        Ok(())
    }
}
