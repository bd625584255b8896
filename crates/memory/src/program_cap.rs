//! How many of the program's own pages may stay in memory: a pure model, told when they were dropped.
//!
//! *Model.* Pages that are dropped cost nothing if they are not touched again, which most are not: a query runs through much code
//! once. A plan whose loops need more of them than may stay would fault them in again after every drop, for ever: half of its
//! time. So where they had to be dropped again soon, more of them may stay, as far as there is memory that nobody else has.

use crate::{ByteCount, budget::PROGRAM_CAP};
use std::time::Duration;

/// Drops that follow each other this fast are of pages that are needed.
const SOON: Duration = Duration::from_millis(25);

/// After this time without a drop, no more than usual may stay.
const LATER: Duration = Duration::from_millis(500);

/// By so much more may stay each time.
const STEP: ByteCount = ByteCount::mib(2);

/// No plan was seen to need more.
const MOST: ByteCount = ByteCount::mib(64);

/// What is left free for pages that come back between two looks.
const COMES_BACK: ByteCount = ByteCount::mib(8);

/// How many program pages may stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramCap {
    wanted: ByteCount,
    dropped: Option<Duration>,
}

impl Default for ProgramCap {
    fn default() -> Self {
        Self { wanted: PROGRAM_CAP, dropped: None }
    }
}

impl ProgramCap {
    /// Returns how many bytes of them may stay where `free` bytes of the limit are not anonymous memory.
    pub(crate) fn bytes(self, free: ByteCount) -> ByteCount {
        self.wanted.min(free - COMES_BACK).max(PROGRAM_CAP)
    }

    /// Says that they were dropped at this time since the start.
    pub(crate) fn dropped(&mut self, now: Duration) {
        let before = self.dropped.replace(now);
        match before.map(|before| now.saturating_sub(before)) {
            Some(since) if since <= SOON => self.wanted = MOST.min(self.wanted + STEP),
            Some(since) if since < LATER => {}
            _ => self.wanted = PROGRAM_CAP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(gaps: &[u64]) -> ProgramCap {
        let (mut cap, mut now) = (ProgramCap::default(), Duration::ZERO);
        for gap in gaps {
            now += Duration::from_millis(*gap);
            cap.dropped(now);
        }
        cap
    }

    #[test]
    fn pages_that_come_back_at_once_may_stay() {
        let free = ByteCount::mib(200);
        assert_eq!(after(&[]).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&[1]).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&[1, 2, 3]).bytes(free), PROGRAM_CAP + STEP + STEP);
        assert_eq!(after(&[1, 2, 3, 100]).bytes(free), PROGRAM_CAP + STEP + STEP);
        assert_eq!(after(&[1, 2, 3, 600]).bytes(free), PROGRAM_CAP);
        assert_eq!(after(&[1; 100]).bytes(free), MOST);
    }

    #[test]
    fn what_others_need_goes_first() {
        let worn = after(&[1; 100]);
        assert_eq!(worn.bytes(ByteCount::mib(40)), ByteCount::mib(32));
        assert_eq!(worn.bytes(ByteCount::mib(20)), PROGRAM_CAP);
        assert_eq!(worn.bytes(ByteCount::ZERO), PROGRAM_CAP);
    }
}
