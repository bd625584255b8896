//! What to do at a given reading: pure functions, tested alone.
//!
//! *Model.* The heap line is what the heap may hold so that heap, baseline and program pages stay below the limit. Two
//! numbers are held against it: `live`, what the ledger counts, which only the operators can lower; and `anonymous`, what
//! the kernel counts, which is `live` plus the baseline plus freed pages that the allocator keeps. Freed pages are given
//! back before anybody is refused anything ([`Action::Purge`]); page cache is in neither number.

use crate::{Budget, ByteCount, Resident, budget::PROGRAM_CAP};

/// How tight memory is. Each step includes the restrictions of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Everybody may grow.
    #[default]
    Calm,
    /// Operators that can spill are refused growth, and spill.
    Rising,
    /// Scans pause between batches, so that operators can work off what they hold.
    High,
    /// One task ends.
    Critical,
}

impl Pressure {
    /// The steps in order.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Rising, Self::High, Self::Critical];
}

/// One look at the kernel's and the ledger's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How the limit is divided.
    pub budget: Budget,
    /// What the kernel counts.
    pub resident: Resident,
    /// What the ledger counts.
    pub live: ByteCount,
}

/// What the watch does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Wait,
    /// Drop the program's own pages.
    DropProgramPages,
    /// Give freed pages back to the kernel.
    Purge,
    /// End one task: nothing else is left that lowers the kernel's number.
    End,
}

impl Reading {
    /// Returns the freed bytes that the allocator keeps resident.
    pub fn slack(&self) -> ByteCount {
        self.resident.anonymous - self.budget.baseline - self.live
    }
}

/// Returns how tight memory is.
pub fn pressure(reading: &Reading) -> Pressure {
    let heap = reading.budget.heap();
    if out_of_memory(reading) || reading.live >= heap.percent(98) {
        Pressure::Critical
    } else if reading.live >= heap.percent(85) {
        Pressure::High
    } else if reading.live >= heap.percent(70) {
        Pressure::Rising
    } else {
        Pressure::Calm
    }
}

/// Returns what to do now. Purging comes first, ending last.
pub fn decide(reading: &Reading) -> Action {
    let heap = reading.budget.heap() + reading.budget.baseline;
    let near = reading.resident.anonymous >= heap.percent(75);
    if near && reading.slack() >= least_purge(heap) {
        Action::Purge
    } else if reading.resident.file >= PROGRAM_CAP {
        Action::DropProgramPages
    } else if out_of_memory(reading) {
        Action::End
    } else {
        Action::Wait
    }
}

/// Within three per cent of the limit, and neither program pages nor freed ones are to blame.
fn out_of_memory(reading: &Reading) -> bool {
    let heap = reading.budget.heap() + reading.budget.baseline;
    reading.resident.anonymous >= heap.percent(97) && reading.slack() < least_purge(heap)
}

/// A purge costs about 50 microseconds and 5 ms for each 100 MB; below this it would run without end.
fn least_purge(heap: ByteCount) -> ByteCount {
    ByteCount::mib(1).max(heap.percent(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A reading in MiB: a limit of 128 with a baseline of 8 leaves a heap line of 100.
    fn reading(anonymous: u64, file: u64, live: u64) -> Reading {
        Reading {
            budget: Budget::of(ByteCount::mib(128), ByteCount::mib(8)),
            resident: Resident { anonymous: ByteCount::mib(anonymous), file: ByteCount::mib(file) },
            live: ByteCount::mib(live),
        }
    }

    #[test]
    fn each_reading_has_its_answer() {
        let check = |anonymous, file, live, expect_pressure, expect_action| {
            let reading = reading(anonymous, file, live);
            assert_eq!((pressure(&reading), decide(&reading)), (expect_pressure, expect_action), "{reading:?}");
        };
        check(20, 8, 10, Pressure::Calm, Action::Wait);
        check(20, 12, 10, Pressure::Calm, Action::DropProgramPages);
        check(70, 8, 10, Pressure::Calm, Action::Wait);
        check(90, 8, 40, Pressure::Calm, Action::Purge);
        check(90, 12, 40, Pressure::Calm, Action::Purge);
        check(80, 8, 71, Pressure::Rising, Action::Wait);
        check(95, 8, 86, Pressure::High, Action::Wait);
        check(107, 8, 90, Pressure::High, Action::Purge);
        check(107, 8, 97, Pressure::Critical, Action::End);
        check(107, 12, 97, Pressure::Critical, Action::DropProgramPages);
    }

    proptest! {
        #[test]
        fn more_live_bytes_are_never_less_pressure(anonymous in 0_u64..160, file in 0_u64..60, live in 0_u64..150) {
            let less = reading(anonymous, file, live);
            let more = reading(anonymous, file, live + 1);
            prop_assert!(pressure(&more) >= pressure(&less));
        }

        #[test]
        fn a_task_is_only_ended_when_nothing_can_be_given_back(anonymous in 0_u64..160, file in 0_u64..60, live in 0_u64..150) {
            let reading = reading(anonymous, file, live);
            if decide(&reading) == Action::End {
                prop_assert!(reading.slack() < ByteCount::mib(4));
                prop_assert!(reading.resident.file < PROGRAM_CAP);
                prop_assert!(reading.resident.anonymous >= ByteCount::mib(100));
            }
        }
    }
}
