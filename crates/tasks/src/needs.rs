//! What the next of many small tasks will need: memory = C x size, with C from those before it, and no sample read.
//!
//! *Model.* Tasks of one kind (the same question of the same sort of file) differ in their size. For each size that was seen, the
//! **need** is the least peak that a task of it showed: a worker that is kept shows what earlier tasks left behind, too, and only
//! one that kept little shows what the task itself needs. Between sizes that were seen, the need is that of the next larger one;
//! beyond the largest it grows with the size. A task that spilled, or was refused, needed more than it had.
//!
//! The forecast is above the need by what a task must be given so that it can use this much: operators get three quarters of what
//! the program leaves of a limit. A forecast that is too small makes a task slow, not too large: its limit is held all the same.

use std::collections::{BTreeMap, HashMap};
use tidegate_memory::ByteCount;

/// A limit has to be so much in percent of what a task is to use of it.
const LIMIT_FOR_NEED: u64 = 150;

/// So much more does a task need that did not get on with what it had, in percent.
const MORE: u64 = 150;

/// Sizes within one eighth are one.
const STEPS_OF_DOUBLING: u64 = 8;

/// How a task got on with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fared {
    /// It fitted, with this peak.
    Fitted(ByteCount),
    /// It spilled, or needed more than this limit.
    Short(ByteCount),
}

/// What tasks of each kind have needed so far.
#[derive(Clone, Debug, Default)]
pub struct Needs(HashMap<String, BTreeMap<ByteCount, ByteCount>>);

impl Needs {
    /// Remembers how a task got on.
    pub fn saw(&mut self, kind: &str, size: ByteCount, fared: Fared) {
        if !self.0.contains_key(kind) {
            self.0.insert(kind.to_owned(), BTreeMap::new());
        }
        let Some(seen) = self.0.get_mut(kind) else { return };
        let size = step(size);
        match fared {
            Fared::Fitted(peak) => {
                let need = seen.entry(size).or_insert(peak);
                *need = peak.min(*need);
            }
            Fared::Short(limit) => {
                let need = seen.entry(size).or_default();
                *need = limit.percent(MORE).max(*need);
            }
        }
    }

    /// Returns the limit that a task should have; `None` if none of its kind was seen.
    pub fn forecast(&self, kind: &str, size: ByteCount) -> Option<ByteCount> {
        let seen = self.0.get(kind)?;
        let size = step(size);
        let need = if let Some((_, need)) = seen.range(size..).next() {
            *need
        } else {
            let (largest, need) = seen.last_key_value()?;
            let all = u128::from(need.bytes()) * u128::from(size.bytes()) / u128::from(largest.bytes().max(1));
            ByteCount::new(u64::try_from(all).unwrap_or(u64::MAX))
        };
        Some(need.percent(LIMIT_FOR_NEED))
    }
}

/// Returns a size that stands for those a little below it as well, so that not every size of a long service is kept.
fn step(size: ByteCount) -> ByteCount {
    let bytes = size.bytes();
    let unit = (bytes.checked_next_power_of_two().unwrap_or(1 << 63) / STEPS_OF_DOUBLING / 2).max(1);
    ByteCount::new(bytes.div_ceil(unit).saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mib(mib: u64) -> ByteCount {
        ByteCount::mib(mib)
    }

    #[test]
    fn the_need_is_the_least_peak_of_a_size() {
        let mut needs = Needs::default();
        assert_eq!(needs.forecast("paths", mib(8)), None);
        for peak in [120, 40, 200] {
            needs.saw("paths", mib(8), Fared::Fitted(mib(peak)));
        }
        assert_eq!(needs.forecast("paths", mib(8)), Some(mib(60)));
        assert_eq!(needs.forecast("sorted", mib(8)), None);
    }

    #[test]
    fn between_sizes_it_is_that_of_the_larger_and_beyond_them_it_grows() {
        let mut needs = Needs::default();
        needs.saw("paths", mib(2), Fared::Fitted(mib(40)));
        needs.saw("paths", mib(16), Fared::Fitted(mib(100)));
        let check = |size, forecast| assert_eq!(needs.forecast("paths", mib(size)), Some(mib(forecast)), "{size}");
        check(1, 60);
        check(2, 60);
        check(4, 150);
        check(16, 150);
        check(64, 600);
    }

    #[test]
    fn a_task_that_was_short_needs_more_the_next_time() {
        let mut needs = Needs::default();
        needs.saw("sorted", mib(8), Fared::Short(mib(64)));
        assert_eq!(needs.forecast("sorted", mib(8)), Some(mib(144)));
        needs.saw("sorted", mib(8), Fared::Short(mib(100)));
        assert_eq!(needs.forecast("sorted", mib(8)), Some(mib(225)));
        needs.saw("sorted", mib(8), Fared::Fitted(mib(120)));
        assert_eq!(needs.forecast("sorted", mib(8)), Some(mib(180)));
    }

    #[test]
    fn like_sizes_are_one() {
        let mut needs = Needs::default();
        for bytes in 0..100_000 {
            needs.saw("paths", ByteCount::new(1_000_000 + bytes), Fared::Fitted(mib(40)));
        }
        assert!(needs.0["paths"].len() <= 3, "{:?}", needs.0);
        needs.saw("paths", ByteCount::new(u64::MAX), Fared::Fitted(mib(40)));
        assert!(needs.forecast("paths", ByteCount::ZERO).is_some());
    }
}
