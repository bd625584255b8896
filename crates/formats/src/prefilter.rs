//! What a record must hold to pass a filter: a test on the bytes of a block, before a line is looked at.
//!
//! A query that wants `status = 404` of an access log wants lines that hold `" 404 `. A search for that passes over the
//! others at several GB/s. It may only let too many lines pass, never too few: the rows are filtered again, exactly. So each
//! format says by which bytes a value can be written ([`Format::needles`]), and says nothing where there are too many ways.

use crate::{ColumnType, Format, access, csv, json, time};
use aho_corasick::{AhoCorasick, packed};
use memchr::memmem;
use std::{fmt, ops::RangeInclusive};

/// The most needles of one filter: as many as are searched for at once by vector instructions.
const MOST: usize = 64;

/// The most days that are searched for.
const MOST_DAYS: i64 = 20;

/// What a filter demands of the value of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand<'a> {
    /// Text that holds these bytes, or is equal to them.
    Holds(&'a [u8]),
    /// A whole number from the first to the last; of a time, its microseconds since 1970 in UTC, of a date, its days.
    Between(i64, i64),
}

/// Bytes of which a record must hold at least one.
pub struct Prefilter {
    needles: Vec<Vec<u8>>,
    searcher: Searcher,
}

enum Searcher {
    One(Box<memmem::Finder<'static>>),
    Some(packed::Searcher),
    Many(AhoCorasick),
}

impl Prefilter {
    /// Returns a search for any of `needles`, or `None` if that is no use: without a needle, with an empty one, or too many.
    pub fn new(needles: Vec<Vec<u8>>) -> Option<Self> {
        if needles.is_empty() || needles.len() > MOST || needles.iter().any(Vec::is_empty) {
            return None;
        }
        let searcher = match needles.as_slice() {
            [needle] => Searcher::One(Box::new(memmem::Finder::new(needle).into_owned())),
            several => match packed::Searcher::new(several) {
                Some(searcher) => Searcher::Some(searcher),
                None => Searcher::Many(AhoCorasick::new(several).ok()?),
            },
        };
        Some(Self { needles, searcher })
    }

    /// Returns the needles.
    pub fn needles(&self) -> &[Vec<u8>] {
        &self.needles
    }

    /// Returns where the first needle begins.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        match &self.searcher {
            Searcher::One(finder) => finder.find(bytes),
            Searcher::Some(searcher) => searcher.find(bytes).map(|found| found.start()),
            Searcher::Many(automaton) => automaton.find(bytes).map(|found| found.start()),
        }
    }
}

impl fmt::Debug for Prefilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prefilter").field("needles", &self.needles).finish_non_exhaustive()
    }
}

impl Format {
    /// Returns bytes of which every record holds at least one whose value of `column`, a place in [`crate::Batch::schema`],
    /// is as demanded; `None` if no such bytes are known.
    pub fn needles(&self, column: usize, demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
        let Some(spec) = self.columns().get(column) else {
            let raw = self.columns().len() + crate::VirtualColumn::ALL.len() - 1;
            return if column == raw { verbatim(demand) } else { None };
        };
        match self {
            Self::Access => access::needles(column, demand),
            Self::Csv(_) => csv::needles(&spec.kind, demand),
            Self::Json(_) => json::needles(&spec.kind, demand),
        }
    }
}

/// Text that stands in the record as it is. What may have been repaired does not.
pub(crate) fn verbatim(demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    match demand {
        Demand::Holds(text) if !text.is_empty() && !text.contains(&b'\n') && !holds_replacement(text) => {
            Some(vec![text.to_vec()])
        }
        _ => None,
    }
}

fn holds_replacement(text: &[u8]) -> bool {
    memmem::find(text, "\u{FFFD}".as_bytes()).is_some()
}

/// The digits of one whole number; signs and zeros may go before them.
pub(crate) fn digits(demand: Demand<'_>) -> Option<Vec<u8>> {
    match demand {
        Demand::Between(low, high) if low == high => Some(low.unsigned_abs().to_string().into_bytes()),
        _ => None,
    }
}

/// The days that a time or a date can be written with.
pub(crate) fn days(kind: &ColumnType, demand: Demand<'_>) -> Option<RangeInclusive<i64>> {
    let Demand::Between(from, to) = demand else { return None };
    let days = if *kind == ColumnType::Date { from..=to } else { time::written_days(from, to)? };
    (days.end().checked_sub(*days.start())? < MOST_DAYS).then_some(days)
}

/// Returns the dates as ISO 8601 writes them, with which every time of these days begins.
pub(crate) fn dates(kind: &ColumnType, demand: Demand<'_>) -> Option<Vec<Vec<u8>>> {
    days(kind, demand)?.map(|day| time::written_date(day).map(String::into_bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_needle_and_several_are_found() {
        let needles = |all: &[&str]| all.iter().map(|needle| needle.as_bytes().to_vec()).collect();
        let find = |all: &[&str], text: &str| Prefilter::new(needles(all)).unwrap().find(text.as_bytes());
        assert_eq!(find(&["ab"], "xxab"), Some(2));
        assert_eq!(find(&["ab"], "xxa"), None);
        assert_eq!(find(&["ab", "c"], "xxcab"), Some(2));
        assert_eq!(find(&["ab", "c"], ""), None);
        for useless in [&[][..], &["a", ""]] {
            assert!(Prefilter::new(needles(useless)).is_none());
        }
        assert!(Prefilter::new(vec![b"a".to_vec(); MOST + 1]).is_none());
    }
}
