//! How many values of a column differ.

use crate::range::{Range, ratio, times};
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

/// More values than this are called many, and are no longer counted: no category would have them.
const MOST: usize = 1 << 16;

/// Counts the values of a column that differ, by their hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distinct {
    /// Whether a value was seen more than once.
    seen: HashMap<u64, bool, BuildHasherDefault<DefaultHasher>>,
    once: u64,
    is_over: bool,
}

impl Distinct {
    pub(crate) fn see(&mut self, value: &[u8]) {
        if self.is_over {
            return;
        }
        let hash = self.seen.hasher().hash_one(value);
        match self.seen.get_mut(&hash) {
            None => {
                self.seen.insert(hash, false);
                self.once += 1;
            }
            Some(repeated) if !*repeated => {
                *repeated = true;
                self.once -= 1;
            }
            Some(_) => {}
        }
        if self.seen.len() > MOST {
            self.is_over = true;
            self.seen = HashMap::default();
        }
    }

    /// Returns whether most values were seen once: then nearly all of the file's differ.
    pub(crate) fn is_mostly_unique(&self, sampled: u64) -> bool {
        self.is_over || self.once * 2 > sampled
    }

    /// Returns how many values differ in `rows` rows of which `sampled` were seen, or nothing if they are too many to count.
    ///
    /// Values seen once stand for those that were not seen: the more there are, the wider is the range. The expected number
    /// is the estimator whose ratio error is the least possible in the worst case (Charikar and others, 2000).
    pub(crate) fn estimate(&self, sampled: u64, rows: u64) -> Option<Range> {
        if self.is_over {
            return None;
        }
        let seen = u64::try_from(self.seen.len()).ok()?;
        if rows <= sampled {
            return Some(Range::exact(seen));
        }
        let scale = ratio(rows, sampled);
        let repeated = seen - self.once;
        let with = |factor: f64| repeated.saturating_add(times(self.once, factor));
        Some(Range { low: seen, expected: with(scale.sqrt()), high: with(scale) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct(values: impl Iterator<Item = u64>) -> Distinct {
        let mut distinct = Distinct::default();
        values.for_each(|value| distinct.see(&value.to_le_bytes()));
        distinct
    }

    #[test]
    fn values_that_repeat_are_all_there_are() {
        let few = distinct((0..1_000).map(|value| value % 7));
        assert_eq!(few.estimate(1_000, 1_000_000), Some(Range::exact(7)));
    }

    #[test]
    fn values_seen_once_stand_for_more() {
        let ids = distinct(0..1_000);
        assert_eq!(ids.estimate(1_000, 1_000), Some(Range::exact(1_000)));
        let range = Range { low: 1_000, expected: 10_000, high: 100_000 };
        assert_eq!(ids.estimate(1_000, 100_000), Some(range));
        assert_eq!(distinct(0..70_000).estimate(70_000, 70_000), None);
        assert!(ids.is_mostly_unique(1_000) && !ids.is_mostly_unique(3_000));
    }
}
