//! Peaks between two looks: what processes remember themselves, put together.
//!
//! *Rule.* A process remembers when it held the most, until when, and what each line held then. The tree's peak may be at such a
//! moment: then those that held their most count with it, others with what was seen of them at the looks beside it.

use std::ops::RangeInclusive;
use tidegate_memory::ByteCount;

/// What is known of one process at a look. Times are microseconds of a clock that all processes have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// The most that it ever held.
    pub(crate) most: ByteCount,
    /// No look has seen that much of it, and it was not told before.
    pub(crate) is_news: bool,
    /// When it held the most.
    pub(crate) held: RangeInclusive<u64>,
    /// When it lived.
    pub(crate) lived: RangeInclusive<u64>,
    /// What it holds now; of one that is gone, what was seen of it last.
    pub(crate) now: ByteCount,
}

/// What a process counts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Most,
    Now,
    /// It was not there.
    Nothing,
}

impl Life {
    fn at(&self, moment: u64) -> Part {
        match () {
            () if !self.lived.contains(&moment) => Part::Nothing,
            () if self.most > self.now && self.held.contains(&moment) => Part::Most,
            () => Part::Now,
        }
    }

    fn bytes(&self, part: Part) -> ByteCount {
        match part {
            Part::Most => self.most,
            Part::Now => self.now,
            Part::Nothing => ByteCount::ZERO,
        }
    }
}

/// Returns the most that all held together when one of them held what is news, and what each counts with; `None` without news.
pub(crate) fn peak(lives: &[Life]) -> Option<(ByteCount, Vec<Part>)> {
    let moments = lives.iter().filter(|life| life.is_news).map(|life| *life.held.start());
    let at = |moment: u64| {
        let parts: Vec<Part> = lives.iter().map(|life| life.at(moment)).collect();
        (lives.iter().zip(&parts).map(|(life, part)| life.bytes(*part)).sum::<ByteCount>(), parts)
    };
    moments.map(at).max_by_key(|(sum, _)| *sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(most: u64, now: u64, held: RangeInclusive<u64>, lived: RangeInclusive<u64>) -> Life {
        Life { most: ByteCount::mib(most), is_news: true, held, lived, now: ByteCount::mib(now) }
    }

    fn mib(lives: &[Life]) -> Option<(u64, Vec<Part>)> {
        peak(lives).map(|(sum, parts)| (sum.bytes() >> 20, parts))
    }

    #[test]
    fn what_was_held_at_the_same_time_is_added() {
        let (first, second) = (life(50, 5, 10..=30, 0..=99), life(60, 6, 20..=40, 0..=99));
        assert_eq!(mib(&[first, second]), Some((110, vec![Part::Most, Part::Most])));
    }

    #[test]
    fn what_was_held_one_after_the_other_is_not() {
        let (first, second) = (life(50, 5, 10..=15, 0..=16), life(60, 6, 20..=40, 17..=99));
        assert_eq!(mib(&[first, second]), Some((60, vec![Part::Nothing, Part::Most])));
    }

    #[test]
    fn others_count_with_what_was_seen() {
        let seen = Life { is_news: false, ..life(200, 30, 1..=2, 0..=99) };
        assert_eq!(mib(&[seen.clone(), life(60, 6, 20..=40, 17..=99)]), Some((90, vec![Part::Now, Part::Most])));
        assert_eq!(mib(&[seen]), None);
    }
}
