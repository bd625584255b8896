//! The ledger: live heap bytes, counted as they are allocated and freed.
//!
//! Every thread counts into a cell of its own and adds it to the sum when it has drifted by the quantum. So the sum is off
//! by at most `threads x quantum` in either direction, and counting costs a few nanoseconds a call however many threads
//! there are (one shared atomic costs 73 ns with two threads, a cell about 5).

use crate::ByteCount;
use std::{
    cell::Cell,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

/// The largest drift of one thread, in bytes. Divided by the limit it must stay small: 64 KiB is the right size from
/// 128 MB on, see [`set_quantum`].
const LARGEST_QUANTUM: i64 = 64 << 10;
const SMALLEST_QUANTUM: i64 = 4 << 10;

static LIVE: AtomicI64 = AtomicI64::new(0);
static QUANTUM: AtomicI64 = AtomicI64::new(LARGEST_QUANTUM);

thread_local! {
    /// Constant and without a destructor, so that the allocator may use it at any time in a thread's life.
    static DRIFT: Cell<i64> = const { Cell::new(0) };
}

/// Returns the live heap bytes, give or take the threads' drift.
pub fn live() -> ByteCount {
    count(LIVE.load(Relaxed))
}

/// Bounds the drift of each of `threads` to a 1024th of the limit between them.
pub fn set_quantum(limit: ByteCount, threads: usize) {
    let share = limit.bytes() / 1024 / (threads.max(1) as u64);
    let quantum = i64::try_from(share).unwrap_or(LARGEST_QUANTUM).clamp(SMALLEST_QUANTUM, LARGEST_QUANTUM);
    QUANTUM.store(quantum, Relaxed);
}

/// Adds this thread's drift to the sum. For threads that are about to park or to end.
pub fn flush_thread() {
    DRIFT.with(|drift| add(drift.take()));
}

/// Counts bytes allocated (positive) or freed (negative) by this thread. Never allocates, locks or fails.
pub(crate) fn record(bytes: i64) {
    DRIFT.with(|drift| {
        let sum = drift.get() + bytes;
        if sum.abs() < QUANTUM.load(Relaxed) {
            drift.set(sum);
        } else {
            drift.set(0);
            add(sum);
        }
    });
}

fn add(bytes: i64) {
    LIVE.fetch_add(bytes, Relaxed);
}

/// A sum below zero is drift: frees that were counted before their allocations.
fn count(bytes: i64) -> ByteCount {
    ByteCount::new(u64::try_from(bytes).unwrap_or(0))
}
