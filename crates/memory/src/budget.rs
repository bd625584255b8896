//! From the limit to the budget: what the operators of a task may use.

use crate::ByteCount;

/// The smallest limit that is accepted. Below it, the program's own pages, the baseline and the reserve leave nothing to
/// work with.
pub const MINIMUM_LIMIT: ByteCount = ByteCount::mib(64);

/// Resident program pages at which the watch drops them.
#[cfg(feature = "allocator")]
pub(crate) const PROGRAM_CAP: ByteCount = ByteCount::mib(12);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_limit() {
        for mib in [64, 96, 128, 256, 1024, 65_536] {
            let budget = Budget::of(ByteCount::mib(mib), ByteCount::mib(7));
            assert_eq!(budget.program + budget.baseline + budget.reserve + budget.operators, budget.limit);
            assert!(budget.operators >= ByteCount::mib(20), "{budget:?}");
        }
    }
}
