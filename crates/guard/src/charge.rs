//! Which line of the person's is charged with a site, and the sums by line.
//!
//! *Rule.* The inmost line of the person's own code in the thread that allocated; else that of whoever gave the thread its work;
//! else the inmost line of all; else no line. Code of the interpreter and of installed packages is not the person's own.

use crate::counted::{Counted, Line};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tidegate_memory::ByteCount;

/// Threads give work to threads, but not without end.
const MOST_PARENTS: usize = 8;

/// The line that is charged, and how it came to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Charged {
    /// The line; without a file where no Python ran.
    pub(crate) line: Line,
    /// What it called, such as `read_csv`; empty if it allocated itself.
    pub(crate) through: String,
    pub(crate) by: Way,
}

/// How an allocation came to its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Way {
    /// In its own thread.
    #[default]
    Itself,
    /// In a thread that worked for it.
    Worker,
    /// In a thread without Python, while the main thread waited in it.
    Native,
}

impl Way {
    /// Returns it in words; nothing of what needs none.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Itself => "",
            Self::Worker => "in worker threads",
            Self::Native => "in threads without Python",
        }
    }
}

/// Returns whether a file is of the interpreter or of an installed package.
pub(crate) fn is_library(file: &str) -> bool {
    let parts = ["/site-packages/", "/dist-packages/", "/lib/python3", "/lib/pypy3"];
    let inner = ["<tidegate>", "<shim>"].contains(&file) || file.starts_with("<frozen");
    file.is_empty() || inner || parts.iter().any(|part| file.contains(part))
}

/// Returns the line that is charged with a site.
pub(crate) fn charged(counted: &Counted, number: usize) -> Charged {
    let own = counted.lines(number);
    let native = counted.sites.get(number).is_some_and(|site| site.is_native);
    let first = if native { Way::Native } else { Way::Itself };
    let mut site = number;
    for turn in 0..MOST_PARENTS {
        let lines = if turn == 0 { own.clone() } else { counted.lines(site) };
        if let Some(at) = lines.iter().position(|line| !is_library(&line.file)) {
            let line = lines.get(at).cloned().unwrap_or_default();
            // What the person's line called is where people look first.
            let called = at.checked_sub(1).and_then(|inner| lines.get(inner));
            let through = called.map(|inner| inner.function.clone()).unwrap_or_default();
            return Charged { line, through, by: if turn == 0 { first } else { Way::Worker } };
        }
        site = counted.sites.get(site).map_or(0, |site| site.parent);
        if site == 0 {
            break;
        }
    }
    Charged { line: own.first().cloned().unwrap_or_default(), through: String::new(), by: first }
}

/// The lines that the sites of one process are charged to, found once: a site that has samples never changes.
#[derive(Debug, Default)]
pub(crate) struct Charges(Vec<Option<Arc<Charged>>>);

impl Charges {
    /// Returns the line of a site that has samples.
    pub(crate) fn of(&mut self, counted: &Counted, number: usize) -> Arc<Charged> {
        if let Some(Some(known)) = self.0.get(number) {
            return Arc::clone(known);
        }
        let found = Arc::new(charged(counted, number));
        if self.0.len() < counted.sites.len() {
            self.0.resize(counted.sites.len(), None);
        }
        if let Some(place) = self.0.get_mut(number) {
            *place = Some(Arc::clone(&found));
        }
        found
    }
}

/// Bytes of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// At the peak.
    pub(crate) at_peak: u64,
    /// That lived when the program was seen last.
    pub(crate) live: u64,
    /// Ever allocated.
    pub(crate) total: u64,
    /// Allocations, in thousandths.
    pub(crate) allocations: u64,
}

/// Amounts by line, of all processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) lines: HashMap<Arc<Charged>, Amount>,
    /// What whole stacks held at the peak, the outermost line first: for flame graphs.
    pub(crate) stacks: BTreeMap<Vec<Line>, u64>,
}

/// The most lines that are told apart: programs that make code as they run have new ones without end.
const MOST_LINES: usize = 20_000;

/// The most stacks that are kept, so that what is written stays small.
const MOST_STACKS: usize = 4000;

impl Ledger {
    /// Adds what a process allocated, and what of it lives.
    pub(crate) fn add(&mut self, counted: &Counted, charges: &mut Charges, lives: Lives) {
        for (number, site) in counted.sites.iter().enumerate().filter(|(_, site)| site.samples > 0) {
            let amount = self.amount(charges.of(counted, number));
            amount.total = amount.total.saturating_add(site.total);
            amount.allocations = amount.allocations.saturating_add(site.allocations);
            if lives == Lives::Still {
                amount.live = amount.live.saturating_add(site.live);
            }
        }
    }

    /// Returns the amount of a line; where there are too many, that of no line.
    fn amount(&mut self, line: Arc<Charged>) -> &mut Amount {
        let has_room = self.lines.len() < MOST_LINES || self.lines.contains_key(&line);
        self.lines.entry(if has_room { line } else { Arc::default() }).or_default()
    }

    /// Adds what the sites of a process held at the peak.
    pub(crate) fn add_peak(&mut self, counted: &Counted, held: &[u64]) {
        for (number, held) in held.iter().enumerate().filter(|(_, held)| **held > 0) {
            let amount = self.amount(Arc::new(charged(counted, number)));
            amount.at_peak = amount.at_peak.saturating_add(*held);
            let stack = whole_stack(counted, number);
            if self.stacks.len() < MOST_STACKS || self.stacks.contains_key(&stack) {
                let sum = self.stacks.entry(stack).or_default();
                *sum = sum.saturating_add(*held);
            }
        }
    }

    /// Returns the lines, those with the most at the peak first.
    pub(crate) fn by_peak(&self) -> Vec<(Arc<Charged>, Amount)> {
        let mut lines: Vec<_> = self.lines.iter().map(|(line, amount)| (Arc::clone(line), *amount)).collect();
        let order = |amount: &Amount| std::cmp::Reverse((amount.at_peak, amount.total));
        lines.sort_by(|(line, amount), (other, than)| order(amount).cmp(&order(than)).then_with(|| line.cmp(other)));
        lines
    }

    /// Returns what has an owner at the peak.
    pub(crate) fn at_peak(&self) -> ByteCount {
        ByteCount::new(self.lines.values().map(|amount| amount.at_peak).sum())
    }
}

/// Whether what a process holds still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lives {
    /// It was seen last when the program ended.
    Still,
    /// It ended before.
    NoMore,
}

/// Returns all lines of a site, and of whoever gave it its work, the outermost first.
fn whole_stack(counted: &Counted, number: usize) -> Vec<Line> {
    let mut stack = counted.lines(number);
    let mut site = counted.sites.get(number).map_or(0, |site| site.parent);
    for _ in 0..MOST_PARENTS {
        if site == 0 {
            break;
        }
        stack.extend(counted.lines(site));
        site = counted.sites.get(site).map_or(0, |site| site.parent);
    }
    stack.reverse();
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_packages_is_not_the_persons_own() {
        let check = |file: &str, expected: bool| assert_eq!(is_library(file), expected, "{file}");
        check("/home/a/etl.py", false);
        check("<string>", false);
        check("/home/a/.venv/lib/python3.11/site-packages/pandas/io/parsers.py", true);
        check("/usr/lib/python3/dist-packages/numpy/core.py", true);
        check("/usr/lib/python3.11/threading.py", true);
        check("<frozen importlib._bootstrap>", true);
        check("<tidegate>", true);
        check("", true);
    }
}
