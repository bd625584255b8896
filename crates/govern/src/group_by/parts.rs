//! Groups in one table for each part of the hashes of their keys, of which some are on disk.

use super::table::{Shape, Table, slices};
use crate::spill::{Divided, FILES, Overflow, place};
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, UInt64Array},
        compute::take_record_batch,
    },
    common::{
        Result,
        hash_utils::{QualityRandomState, create_hashes},
    },
};
use std::slice;

/// What is known of a part.
#[derive(Default)]
struct Part {
    table: Option<Table>,
    /// What the table takes.
    bytes: usize,
    /// Whether its rows go to disk.
    spilled: bool,
}

/// The parts.
pub(super) struct Parts {
    by_hash: [Part; FILES],
    overflow: Overflow,
    hasher: Hasher,
}

/// Rows of tables, in the order of their parts.
pub(super) struct Arranged {
    rows: RecordBatch,
    /// Where the rows of each part begin; those of the last one end with the batch.
    starts: [usize; FILES],
}

impl Arranged {
    /// Returns the rows of each part that has any.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, RecordBatch)> {
        let ends = self.starts.iter().skip(1).copied().chain([self.rows.num_rows()]);
        let ranges = self.starts.iter().zip(ends).enumerate();
        ranges
            .filter(|(_, (start, end))| end > start)
            .map(|(part, (start, end))| (part, self.rows.slice(*start, end - start)))
    }
}

impl Parts {
    /// Returns parts without rows. `depth` is how often these rows were divided before.
    pub(super) fn new(overflow: Overflow, depth: u64) -> Self {
        let hasher = Hasher { depth, hashes: Vec::new() };
        Self { by_hash: Default::default(), overflow, hasher }
    }

    /// Sends rows of parts that are on disk there, and returns the others.
    pub(super) fn arrange(&mut self, shape: &Shape, batch: &RecordBatch) -> Result<Arranged> {
        let hashes = self.hasher.hash(shape.keys(batch), batch.num_rows())?;
        let mut rows = [const { Vec::new() }; FILES];
        let mut beyond = Vec::new();
        for (row, hash) in hashes.iter().enumerate() {
            let at = place(*hash, FILES);
            match (self.by_hash.get(at), rows.get_mut(at)) {
                (Some(part), Some(rows)) if !part.spilled => rows.push(u64::try_from(row).unwrap_or(u64::MAX)),
                _ => beyond.push((row, *hash)),
            }
        }
        let mut sum = 0;
        let starts = rows.each_ref().map(|rows| {
            sum += rows.len();
            sum - rows.len()
        });
        self.overflow.push(batch, &beyond)?;
        Ok(Arranged { rows: take_record_batch(batch, &UInt64Array::from(rows.concat()))?, starts })
    }

    /// Merges rows of a part. Sends them to disk if the part went there meanwhile.
    pub(super) fn merge(&mut self, shape: &Shape, part: usize, rows: &RecordBatch) -> Result<()> {
        match self.by_hash.get_mut(part) {
            Some(Part { table, bytes, spilled: false }) => {
                let table = match table {
                    Some(table) => table,
                    None => table.insert(Table::new(shape)?),
                };
                table.merge(shape, rows)?;
                *bytes = table.bytes();
                Ok(())
            }
            _ => self.send(shape, rows),
        }
    }

    /// Sends rows to disk, whatever their parts.
    fn send(&mut self, shape: &Shape, rows: &RecordBatch) -> Result<()> {
        let hashes = self.hasher.hash(shape.keys(rows), rows.num_rows())?;
        let all: Vec<_> = hashes.iter().copied().enumerate().collect();
        self.overflow.push(rows, &all)
    }

    /// Sends a table to disk. Nothing of it is held after that.
    pub(super) fn send_table(&mut self, shape: &Shape, table: Table) -> Result<()> {
        let states = table.into_states(shape)?;
        slices(&states, self.overflow.batch_rows()).try_for_each(|rows| self.send(shape, &rows))?;
        self.overflow.write()
    }

    /// Returns the bytes that all tables take, and those of the largest.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let bytes = || self.by_hash.iter().map(|part| part.bytes);
        (bytes().sum(), bytes().max().unwrap_or_default())
    }

    /// Takes the largest table, whose part is on disk from now on; `None` if there is none.
    pub(super) fn take_largest(&mut self) -> Option<Table> {
        let part = self.by_hash.iter_mut().max_by_key(|part| part.bytes)?;
        let table = part.table.take()?;
        *part = Part { table: None, bytes: 0, spilled: true };
        Some(table)
    }

    /// Ends them: returns the tables and the files.
    pub(super) fn finish(mut self) -> Result<(impl Iterator<Item = Option<Table>>, Divided)> {
        let files = self.overflow.finish()?;
        Ok((self.by_hash.into_iter().map(|part| part.table), files))
    }
}

/// Hashes keys as nobody else does: those of a part of an exchange, or of a part that was divided before, differ.
struct Hasher {
    depth: u64,
    hashes: Vec<u64>,
}

/// What tells our hashes from those of DataFusion.
const SEED: u64 = 0x7469_6465;

impl Hasher {
    fn hash(&mut self, keys: &[ArrayRef], rows: usize) -> Result<&[u64]> {
        self.hashes.clear();
        self.hashes.resize(rows, 0);
        create_hashes(keys, &QualityRandomState::with_seed(SEED), &mut self.hashes)?;
        // Not by other seeds: after a NULL, DataFusion hashes numbers by what came before alone.
        for hash in &mut self.hashes {
            *hash = mixed(*hash, self.depth);
        }
        Ok(&self.hashes)
    }
}

/// Returns the hash of a hash and the depth: `SplitMix64`, by Sebastiano Vigna.
fn mixed(hash: u64, depth: u64) -> u64 {
    let sum = hash.wrapping_add((depth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let first = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    second ^ (second >> 31)
}

/// Returns whether keys of these columns can be hashed.
pub(super) fn are_hashable(keys: &[ArrayRef]) -> bool {
    let mut hasher = Hasher { depth: 0, hashes: Vec::new() };
    keys.iter().all(|key| hasher.hash(slice::from_ref(key), key.len()).is_ok())
}
