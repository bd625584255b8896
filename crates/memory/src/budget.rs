//! From the limit to the budget: what the operators of a task may use.

use crate::{ByteCount, Limit};

/// The smallest limit that is accepted. Below it, the program's own pages, the baseline and the reserve leave nothing to
/// work with.
pub const MINIMUM_LIMIT: ByteCount = ByteCount::mib(64);

/// Resident program pages at which the watch drops them, of small and of large limits, and their share of those in between, in per
/// cent.
pub(crate) const PROGRAM_CAP: ByteCount = ByteCount::mib(12);
pub(crate) const PROGRAM_MOST: ByteCount = ByteCount::mib(64);
const PROGRAM_SHARE: u64 = 12;

/// What a query touches of the program, about.
const PROGRAM: ByteCount = ByteCount::mib(52);

/// Returns how many program pages may stay within a limit where nothing is known of the plan.
pub(crate) fn may_stay(limit: Limit) -> ByteCount {
    limit.bytes().map_or(PROGRAM_MOST, |limit| limit.percent(PROGRAM_SHARE)).min(PROGRAM_MOST).max(PROGRAM_CAP)
}

/// Returns how many program pages a task within a limit shows the kernel, about.
pub fn program_share(limit: Limit) -> ByteCount {
    may_stay(limit).min(PROGRAM)
}

/// What a process has shown the kernel before its task holds anything, about: its pages are not dropped at once, and
/// how many of them the kernel maps at a time depends on what it has in its cache.
pub const START: ByteCount = ByteCount::mib(32);
/// [`START`] at most.
pub const START_AT_MOST: ByteCount = ByteCount::mib(48);

/// What is set aside for program pages: the cap and what comes back between two looks of the watch.
const PROGRAM_ALLOWANCE: ByteCount = ByteCount::mib(20);

/// How a limit is divided: `limit = program + baseline + reserve + operators`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The limit.
    pub limit: ByteCount,
    /// Set aside for the program's own pages.
    pub program: ByteCount,
    /// Anonymous memory before the task: relocations, stacks, the runtime.
    pub baseline: ByteCount,
    /// Set aside for work that nobody reserves: blocks being read, batches between operators, the spilling itself.
    pub reserve: ByteCount,
    /// What operators may reserve.
    pub operators: ByteCount,
}

impl Budget {
    /// Divides `limit` for a process that holds `baseline` anonymous bytes before the task.
    ///
    /// The reserve is 8 MiB and a quarter of the rest. A quarter, because operators reserve about half to four fifths of
    /// what they hold: hash tables double before they ask, and a spilling operator copies what it writes.
    pub fn of(limit: ByteCount, baseline: ByteCount) -> Self {
        let rest = limit - PROGRAM_ALLOWANCE - baseline;
        let reserve = ByteCount::mib(8) + (rest - ByteCount::mib(8)).percent(25);
        Self { limit, program: PROGRAM_ALLOWANCE, baseline, reserve, operators: rest - reserve }
    }

    /// Returns the most live heap that leaves the kernel's number below the limit.
    pub fn heap(self) -> ByteCount {
        self.limit - self.program - self.baseline
    }
}

impl From<Option<Budget>> for Limit {
    /// Returns what a task may have that has this budget, or none.
    fn from(budget: Option<Budget>) -> Self {
        budget.map_or(Self::Unlimited, |budget| Self::Bytes(budget.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_limit_all_pages_of_the_program_may_stay() {
        let of = |mib| (may_stay(Limit::Bytes(ByteCount::mib(mib))), program_share(Limit::Bytes(ByteCount::mib(mib))));
        assert_eq!(of(64), (PROGRAM_CAP, PROGRAM_CAP));
        assert_eq!(of(200), (ByteCount::mib(24), ByteCount::mib(24)));
        assert_eq!(of(4000), (PROGRAM_MOST, PROGRAM));
        assert_eq!(program_share(Limit::Unlimited), PROGRAM);
    }

    #[test]
    fn the_parts_add_up_to_the_limit() {
        for mib in [64, 96, 128, 256, 1024, 65_536] {
            let budget = Budget::of(ByteCount::mib(mib), ByteCount::mib(7));
            assert_eq!(budget.program + budget.baseline + budget.reserve + budget.operators, budget.limit);
            assert!(budget.operators >= ByteCount::mib(20), "{budget:?}");
        }
    }
}
