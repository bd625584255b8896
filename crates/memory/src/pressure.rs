//! What to do at a given reading: pure functions, tested alone.
//!
//! *Model.* The heap line is what the heap may hold so that heap, baseline and program pages stay below the limit. Two
//! numbers are held against it: `live`, what the ledger counts, which only the operators can lower; and `anonymous`, what
//! the kernel counts, which is `live` plus the baseline plus freed pages that the allocator keeps. Freed pages are given
//! back before anybody is refused anything ([`Action::Purge`]); page cache is in neither number.

use crate::{Budget, ByteCount, Resident};
use std::time::Duration;

/// How long critical pressure, or a wait at the wall, may last before a task must end: a hash table that doubles passes
/// through it.
pub const PATIENCE: Duration = Duration::from_millis(60);

/// How tight memory is. Each step includes the restrictions of those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Everybody may grow.
    #[default]
    Calm,
    /// Operators that can spill are refused growth, and spill.
    Rising,
    /// Scans pause between batches and cut them smaller, so that operators can work off what they hold.
    High,
    /// Nobody may grow.
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
    /// How long a thread has been waiting at the wall for memory that the limit does not have.
    pub waiting: Option<Duration>,
    /// How long pressure has been critical.
    pub critical_for: Duration,
    /// Whether a purge is worth trying: the last one found freed pages, or is some time ago. What it cannot give back is
    /// fragmentation.
    pub purge_helps: bool,
    /// Whether the task can be planned again, narrower, because it has not delivered a row yet.
    pub replannable: bool,
}

/// What is done. Each is tried before those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing: everybody may grow.
    Grant,
    /// Give freed pages back to the kernel.
    Purge,
    /// Refuse growth to operators that can spill, so that they do.
    Refuse,
    /// Let scans wait and cut smaller batches.
    Pause,
    /// End the plan, and start a narrower one.
    Replan,
    /// End one task: nothing else is left that lowers the kernel's number.
    End,
}

impl Reading {
    /// Returns the freed bytes that the allocator keeps resident.
    pub fn slack(&self) -> ByteCount {
        self.resident.anonymous - self.budget.baseline - self.live
    }

    fn purgeable(&self) -> bool {
        let heap = self.budget.heap() + self.budget.baseline;
        let near = self.resident.anonymous + purge_room(heap) >= heap || self.waiting.is_some();
        near && self.purge_helps && self.slack() >= least_purge(heap)
    }

    /// Within three per cent of the limit, and freed pages are not to blame.
    fn out_of_memory(&self) -> bool {
        let heap = self.budget.heap() + self.budget.baseline;
        self.resident.anonymous >= heap.percent(97) && !(self.purge_helps && self.slack() >= least_purge(heap))
    }
}

/// Returns how tight memory is.
pub fn pressure(reading: &Reading) -> Pressure {
    let heap = reading.budget.heap();
    if reading.out_of_memory() || reading.live >= heap.percent(98) {
        Pressure::Critical
    } else if reading.live >= heap.percent(85) || reading.waiting.is_some() {
        Pressure::High
    } else if reading.live >= heap.percent(70) {
        Pressure::Rising
    } else {
        Pressure::Calm
    }
}

/// Returns what to do now: purge, refuse, pause, plan again, end, in this order.
pub fn decide(reading: &Reading) -> Action {
    let patient = reading.critical_for.max(reading.waiting.unwrap_or_default()) < PATIENCE;
    match pressure(reading) {
        _ if reading.purgeable() => Action::Purge,
        Pressure::Calm => Action::Grant,
        Pressure::Rising => Action::Refuse,
        Pressure::High | Pressure::Critical if patient => Action::Pause,
        Pressure::High if reading.waiting.is_none() => Action::Pause,
        _ if reading.replannable => Action::Replan,
        _ => Action::End,
    }
}

/// Freed pages are left alone while there is so much room: whoever takes them again would have to fault them in.
fn purge_room(heap: ByteCount) -> ByteCount {
    heap.percent(25).min(ByteCount::mib(48))
}

/// A purge costs about 50 microseconds and 5 ms for each 100 MB; below this it would run without end.
fn least_purge(heap: ByteCount) -> ByteCount {
    ByteCount::mib(1).max(heap.percent(3))
}

#[cfg(test)]
#[path = "pressure_tests.rs"]
mod tests;
