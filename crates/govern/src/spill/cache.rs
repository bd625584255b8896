//! How much of the page cache spilled state may take, and letting go of the rest.
//!
//! The page cache makes spilling cheap while memory is free: what is read back soon never waits for the disk. But inside a
//! small cgroup it is charged to the task, and pages that are not on disk yet cannot be taken away when they are in the way.
//! So what is beyond the room for it is written out behind the writer, and dropped when that is done.

use rustix::fs::{Advice, fadvise};
use std::{
    fs::File,
    num::NonZeroU64,
    ops::Range,
    sync::{Arc, OnceLock},
};
use tidegate_memory::{ByteCount, Limit};

/// Bytes let go of at a time. Smaller ones cost calls and make small writes, larger ones hold more memory for each file.
pub(super) const WINDOW: u64 = 4 << 20;

/// How much of the page cache the files of a task may take. It is found out when something is spilled for the first time: that
/// costs half a ms, and most tasks spill nothing.
#[derive(Clone, Debug)]
pub struct CacheRoom {
    limit: Limit,
    free: fn() -> ByteCount,
    found: Arc<OnceLock<ByteCount>>,
}

impl CacheRoom {
    /// Returns the room of a task of this limit; `free` tells what memory is free.
    pub fn of(limit: Limit, free: fn() -> ByteCount) -> Self {
        Self { limit, free, found: Arc::default() }
    }

    pub(super) fn bytes(&self) -> ByteCount {
        *self.found.get_or_init(|| cache_room((self.free)(), self.limit))
    }
}

/// Returns how many bytes of spill files a task of this limit may leave to the page cache, of the memory that is free.
///
/// It is a tenth of what is free beside the task: also where the kernel begins to write out by itself, as a rule.
fn cache_room(free: ByteCount, limit: Limit) -> ByteCount {
    (free - limit.bytes().unwrap_or_default()).percent(10)
}

/// What was let go of in a file that is written or read from its beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Behind {
    from: u64,
}

impl Behind {
    /// Returns the windows that were completed since the last call, now that the position is `to`.
    pub fn pass(&mut self, to: u64) -> Option<Range<u64>> {
        let edge = to - to % WINDOW;
        (edge > self.from).then(|| std::mem::replace(&mut self.from, edge)..edge)
    }
}

/// Begins to write out these bytes and drops those that are on disk already; Linux does both for this advice.
///
/// It fails where there is no page cache to speak of, which is as well.
pub(super) fn let_go(file: &File, range: Range<u64>) {
    if let Some(length) = NonZeroU64::new(range.end.saturating_sub(range.start)) {
        let _ = fadvise(file, range.start, Some(length), Advice::DontNeed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_fills_its_cgroup_has_no_room_in_the_cache() {
        let check = |free, limit, room| assert_eq!(cache_room(ByteCount::mib(free), limit), ByteCount::mib(room));
        check(128, Limit::Bytes(ByteCount::mib(128)), 0);
        check(64, Limit::Bytes(ByteCount::mib(128)), 0);
        check(1128, Limit::Bytes(ByteCount::mib(128)), 100);
        check(1000, Limit::Unlimited, 100);
    }

    #[test]
    fn whole_windows_are_passed_once() {
        let mut behind = Behind::default();
        assert_eq!(behind.pass(WINDOW - 1), None);
        assert_eq!(behind.pass(WINDOW + 5), Some(0..WINDOW));
        assert_eq!(behind.pass(2 * WINDOW - 1), None);
        assert_eq!(behind.pass(4 * WINDOW), Some(WINDOW..4 * WINDOW));
    }
}
