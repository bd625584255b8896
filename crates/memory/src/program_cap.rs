//! How many of the program's own pages may stay in memory: a pure model, told when they were dropped.
//!
//! *Model.* Pages that are dropped cost nothing if they are not touched again, which most are not: a query runs through much code
//! once. A plan whose loops need more of them than may stay would fault them in again after every drop, for ever: half of its
//! time. So where they had to be dropped again and again, more of them may stay, as far as there is memory that nobody else has.
//! What runs for the first time, when a query is planned and begins, is dropped some times as well, but not for long.
//!
//! Planning and starting any query touches some 50 MiB of them. A worker that answers small queries one after the other would spend
//! most of its time on faults, so that a share of the limit is theirs from the beginning.

use crate::{
    ByteCount, Limit,
    budget::{PROGRAM_CAP, PROGRAM_MOST, may_stay},
};
use std::time::Duration;

/// Drops that follow each other this fast are of pages that are needed, if there are many.
const SOON: Duration = Duration::from_millis(8);

/// So many are many.
const MANY: u32 = 16;

/// At a drop after so long without one, no more than usual may stay again.
const LATER: Duration = Duration::from_millis(500);

/// By so much more may stay each time.
const STEP: ByteCount = ByteCount::mib(2);

/// What is left free for pages that come back between two looks.
const COMES_BACK: ByteCount = ByteCount::mib(8);

/// How many program pages may stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramCap {
    /// What may stay where nothing is known of the plan.
    usual: ByteCount,
    wanted: ByteCount,
    dropped: Option<Duration>,
    /// Drops of which each followed soon.
    soon: u32,
}

impl ProgramCap {
    /// Returns what may stay within a limit.
    pub(crate) fn of(limit: Limit) -> Self {
        let usual = may_stay(limit);
        Self { usual, wanted: usual, dropped: None, soon: 0 }
    }

    /// Returns how many bytes of them may stay where `free` bytes of the limit are not anonymous memory.
    pub(crate) fn bytes(self, free: ByteCount) -> ByteCount {
        self.wanted.min(free - COMES_BACK).max(PROGRAM_CAP)
    }

    /// Says that they were dropped at this time since the start.
    pub(crate) fn dropped(&mut self, now: Duration) {
        let before = self.dropped.replace(now);
        match before.map(|before| now.saturating_sub(before)) {
            Some(since) if since <= SOON => {
                self.soon = self.soon.saturating_add(1);
                if self.soon > MANY {
                    self.wanted = PROGRAM_MOST.min(self.wanted + STEP);
                }
            }
            Some(since) if since < LATER => self.soon = 0,
            _ => (self.wanted, self.soon) = (self.usual, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(gaps: &[u64]) -> ProgramCap {
        let (mut cap, mut now) = (ProgramCap::of(Limit::Bytes(ByteCount::mib(64))), Duration::ZERO);
        for gap in gaps {
            now += Duration::from_millis(*gap);
            cap.dropped(now);
        }
        cap
    }

    #[test]
    fn pages_that_come_back_at_once_for_long_may_stay() {
        let free = ByteCount::mib(200);
        let often = |gap, times| vec![gap; times];
        assert_eq!(after(&[]).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&often(1, 17)).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&often(1, 19)).bytes(free), PROGRAM_CAP + STEP + STEP);
        assert_eq!(after(&often(9, 100)).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&[often(1, 10), often(50, 1), often(1, 10)].concat()).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&[often(1, 19), often(100, 1)].concat()).bytes(free), PROGRAM_CAP + STEP + STEP);
        assert_eq!(after(&[often(1, 19), often(600, 1)].concat()).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&often(1, 100)).bytes(free), PROGRAM_MOST);
    }

    #[test]
    fn a_large_limit_has_room_for_all_of_them() {
        let usual = |mib| ProgramCap::of(Limit::Bytes(ByteCount::mib(mib))).bytes(ByteCount::mib(mib));
        assert_eq!((usual(64), usual(100)), (PROGRAM_CAP, PROGRAM_CAP));
        assert_eq!(usual(200), ByteCount::mib(24));
        assert_eq!(usual(1000), PROGRAM_MOST);
        let mut cap = ProgramCap::of(Limit::Bytes(ByteCount::mib(200)));
        cap.dropped(Duration::from_secs(1));
        cap.dropped(Duration::from_secs(9));
        assert_eq!(cap.bytes(ByteCount::mib(200)), ByteCount::mib(24));
        assert_eq!(cap.bytes(ByteCount::mib(30)), ByteCount::mib(22), "what others need goes first");
    }

    #[test]
    fn what_others_need_goes_first() {
        let worn = after(&[1; 100]);
        assert_eq!(worn.bytes(ByteCount::mib(40)), ByteCount::mib(32));
        assert_eq!(worn.bytes(ByteCount::mib(20)), PROGRAM_CAP);
        assert_eq!(worn.bytes(ByteCount::ZERO), PROGRAM_CAP);
    }
}
