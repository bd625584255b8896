//! Whether it fits, and how it ends if not.

use crate::range::Range;
use tidegate_memory::{
    ByteCount,
    machine::{Machine, OvercommitMode, Ulimit},
};

/// How a Python program ends that wants more memory than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The kernel refuses, and Python raises `MemoryError`.
    MemoryError,
    /// The kernel promises, and kills the program when it uses what was promised: exit code 137, no message.
    Killed,
}

/// What there is for a Python program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What it can have now.
    pub available: ByteCount,
    /// The largest single request that the kernel grants; none if it grants all.
    pub largest_request: Option<ByteCount>,
    /// How it ends if it wants more.
    pub ending: Ending,
}

/// Whether it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Even the most it may need is there.
    Fits,
    /// It may need more than there is.
    Risky,
    /// It needs more than there is, and raises `MemoryError`.
    MemoryError,
    /// It needs more than there is, and is killed.
    Killed,
}

impl Room {
    /// Returns what a machine has; none if it does not tell.
    pub fn of(machine: &Machine) -> Option<Self> {
        let available = machine.available()?;
        let soft = |limit: Option<Ulimit>| limit.and_then(Ulimit::soft);
        let ulimits = [soft(machine.ulimits.address_space), soft(machine.ulimits.data)];
        let overcommit = machine.overcommit;
        let left = match (overcommit.mode, overcommit.limit) {
            (Some(OvercommitMode::Never), Some(limit)) => Some(limit - overcommit.committed.unwrap_or_default()),
            _ => None,
        };
        let refused = ulimits.into_iter().flatten().map(ByteCount::new).chain(left).min();
        let swap = machine.memory.swap.unwrap_or_default();
        let largest = match overcommit.mode {
            Some(OvercommitMode::Always) => None,
            _ => machine.memory.total.map(|total| total + swap),
        };
        let ending =
            if refused.is_some_and(|refused| refused <= available) { Ending::MemoryError } else { Ending::Killed };
        Some(Self {
            available: refused.map_or(available, |refused| refused.min(available)),
            largest_request: refused.into_iter().chain(largest).min(),
            ending,
        })
    }

    /// Returns whether a need fits.
    pub fn verdict(&self, need: Range) -> Verdict {
        let available = self.available.bytes();
        match self.ending {
            _ if need.high <= available => Verdict::Fits,
            _ if need.low <= available => Verdict::Risky,
            Ending::MemoryError => Verdict::MemoryError,
            Ending::Killed => Verdict::Killed,
        }
    }

    /// Returns whether one array fits, which is asked for at once.
    pub fn verdict_of_request(&self, bytes: ByteCount) -> Verdict {
        if self.largest_request.is_some_and(|largest| bytes > largest) {
            return Verdict::MemoryError;
        }
        self.verdict(Range::exact(bytes.bytes()))
    }
}

impl Verdict {
    /// Returns the word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Risky => "risky",
            Self::MemoryError => "MemoryError",
            Self::Killed => "killed",
        }
    }

    /// Says what will happen.
    pub fn sentence(self, need: Range, available: ByteCount) -> String {
        let (low, high) = (ByteCount::new(need.low), ByteCount::new(need.high));
        match self {
            Self::Fits => format!("fits: the process needs {high} at most, {available} are available"),
            Self::Risky => {
                format!("risky: the process needs {low} to {high}, {available} are available")
            }
            Self::MemoryError => {
                format!("will raise MemoryError: the process needs {low} at least, {available} are available")
            }
            Self::Killed => format!(
                "will be killed, without a MemoryError (exit code 137): the process needs {low} at least, {available} are \
                 available, and the kernel promises more than it has"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::machine::{Bound, HostMemory};

    fn machine() -> Machine {
        let size = |gb: u64| Some(ByteCount::new(gb * 1_000_000_000));
        Machine {
            memory: HostMemory { total: size(16), available: size(10), swap: size(0), swap_free: size(0) },
            ..Machine::default()
        }
    }

    fn gb(low: u64, high: u64) -> Range {
        Range { low: low * 1_000_000_000, expected: low * 1_000_000_000, high: high * 1_000_000_000 }
    }

    #[test]
    fn more_than_there_is_is_killed_or_refused() {
        let room = Room::of(&machine()).unwrap();
        assert_eq!(
            [gb(1, 10), gb(9, 11), gb(11, 12)].map(|need| room.verdict(need).word()),
            ["fits", "risky", "killed"]
        );
        let sentence = room.verdict(gb(11, 12)).sentence(gb(11, 12), room.available);
        assert!(
            sentence.starts_with("will be killed, without a MemoryError (exit code 137): the process needs 11.0 GB")
        );
        let mut strict = machine();
        strict.overcommit.mode = Some(OvercommitMode::Never);
        strict.overcommit.limit = Some(ByteCount::new(8_000_000_000));
        strict.overcommit.committed = Some(ByteCount::new(3_000_000_000));
        let room = Room::of(&strict).unwrap();
        assert_eq!(room.available, ByteCount::new(5_000_000_000));
        assert_eq!(room.verdict(gb(6, 7)), Verdict::MemoryError);
        let mut narrow = machine();
        let limit = Bound::At(2_000_000_000);
        narrow.ulimits.address_space = Some(Ulimit { soft: limit, hard: limit });
        assert_eq!(Room::of(&narrow).unwrap().verdict(gb(3, 3)), Verdict::MemoryError);
        assert_eq!(Room::of(&Machine::default()), None);
    }

    #[test]
    fn one_request_beyond_all_memory_is_refused_at_once() {
        let request = |machine: &Machine, gb: u64| {
            Room::of(machine).unwrap().verdict_of_request(ByteCount::new(gb * 1_000_000_000))
        };
        assert_eq!(
            [5, 12, 80].map(|gb| request(&machine(), gb)),
            [Verdict::Fits, Verdict::Killed, Verdict::MemoryError]
        );
        let mut promising = machine();
        promising.overcommit.mode = Some(OvercommitMode::Always);
        assert_eq!(request(&promising, 80), Verdict::Killed);
    }
}
