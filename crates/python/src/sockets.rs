//! The ends of sockets and pipes that a forked child must close, so that they end with the process that owns them.
//!
//! *Concurrency.* A fixed set of atomics: a child is a copy of one thread, and must not wait for a lock that another
//! held.

use pyo3::pyfunction;
use std::{
    os::fd::{AsRawFd, RawFd},
    sync::atomic::{AtomicI32, Ordering::Relaxed},
};

const NONE: RawFd = -1;

static OPEN: [AtomicI32; 1024] = [const { AtomicI32::new(NONE) }; 1024];

/// An end that is noted until this is dropped.
#[derive(Debug)]
pub(crate) struct Noted(RawFd);

impl Noted {
    /// Notes an end. Above a thousand, none is: a child that then lives longer than its parent keeps workers waiting.
    pub(crate) fn new(end: &impl AsRawFd) -> Self {
        let end = end.as_raw_fd();
        let free = |place: &&AtomicI32| place.compare_exchange(NONE, end, Relaxed, Relaxed).is_ok();
        let _ = OPEN.iter().find(free);
        Self(end)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mine = |place: &&AtomicI32| place.compare_exchange(self.0, NONE, Relaxed, Relaxed).is_ok();
        let _ = OPEN.iter().find(mine);
    }
}

/// Returns the ends that a forked child has to close, and forgets them.
#[pyfunction]
pub(crate) fn inherited_sockets() -> Vec<RawFd> {
    OPEN.iter().map(|place| place.swap(NONE, Relaxed)).filter(|end| *end != NONE).collect()
}
