//! Which rows a forecast reads: places spread over all messages of all files.

use super::{Index, batch::Batch};
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

/// Bytes of the columns that are read at one place.
const PLACE: u64 = 64 << 10;

/// Rows that stand for all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampled {
    /// By the input and the message.
    rows: BTreeMap<(usize, usize), VecDeque<Range<usize>>>,
    /// Bytes of an input of which no places are known.
    pub(super) most: Option<u64>,
    /// Bytes that are read, of all.
    pub planned: u64,
}

/// A file, and the bytes of the columns that are read of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// What its messages say of themselves.
    pub index: &'a Index,
    /// The bytes of the columns that are read.
    pub bytes: u64,
}

impl Sampled {
    /// Returns so many first bytes of each input, of those whose places are not known.
    pub fn beginning(most: u64) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    /// Returns rows of about `most` bytes of the columns that are read; `None` if that is all.
    pub fn of(files: &[Known<'_>], most: u64) -> Option<Self> {
        let all: u64 = files.iter().map(|file| file.bytes).sum();
        if all <= most {
            return None;
        }
        let rows = files.iter().map(|file| file.index.rows()).fold(0, u64::saturating_add);
        let each = scaled(rows, PLACE, all).max(1);
        let mut wanted = places(rows, each, (most / PLACE).max(1)).peekable();
        let (mut sampled, mut taken, mut before) = (Self::default(), 0, 0_u64);
        for (order, file) in files.iter().enumerate() {
            for (number, of_batch) in file.index.batches.iter().enumerate() {
                let end = before.saturating_add(*of_batch);
                while let Some(place) = wanted.peek().filter(|place| place.start < end).cloned() {
                    let part = place.start.max(before) - before..place.end.min(end).saturating_sub(before);
                    let part = if file.index.is_compressed && part.start < part.end { 0..*of_batch } else { part };
                    taken += sampled.add((order, number), part);
                    if place.end > end {
                        break;
                    }
                    wanted.next();
                }
                before = end;
            }
        }
        sampled.planned = scaled(all, taken, rows);
        Some(sampled)
    }

    /// Adds rows of a message, and returns how many are new: one that is read whole is read once.
    fn add(&mut self, at: (usize, usize), rows: Range<u64>) -> u64 {
        let number = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
        let before = self.rows.get(&at).and_then(|ranges| ranges.back()).map_or(0, |last| last.end);
        let new = before.max(number(rows.start))..number(rows.end);
        if new.start >= new.end {
            return 0;
        }
        let count = new.len() as u64;
        self.rows.entry(at).or_default().push_back(new);
        count
    }

    /// Returns the next message of an input of which rows are wanted.
    pub(super) fn next(&self, order: usize, batch: usize) -> Option<usize> {
        let next = self.rows.range((order, batch)..).next();
        next.map(|(place, _)| *place).filter(|(of, _)| *of == order).map(|(_, batch)| batch)
    }

    pub(super) fn wants(&self, order: usize, batch: usize) -> bool {
        self.most.is_some() || self.rows.contains_key(&(order, batch))
    }

    /// Returns the rows of a message that are wanted; `None` if all are.
    pub(super) fn rows(&self, order: usize, batch: &Batch) -> Option<VecDeque<Range<usize>>> {
        if self.most.is_some() {
            return None;
        }
        let mut rows = self.rows.get(&(order, batch.number)).cloned().unwrap_or_default();
        rows.retain(|rows| rows.end <= batch.rows);
        Some(rows)
    }
}

/// Returns `count` places of `each` rows, the first and the last rows among them.
fn places(rows: u64, each: u64, count: u64) -> impl Iterator<Item = Range<u64>> {
    let last = rows.saturating_sub(each);
    let start = move |at: u64| scaled(last, at, count.saturating_sub(1).max(1));
    (0..count).map(move |at| start(at)..start(at).saturating_add(each).min(rows))
}

/// Returns `of` by `part` in `whole`.
fn scaled(of: u64, part: u64, whole: u64) -> u64 {
    let scaled = u128::from(of) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}
