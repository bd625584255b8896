//! The wall: the last check before memory is taken, made by the thread that takes it.
//!
//! *Model.* The watch looks every few milliseconds, and on a busy machine it gets its core late; a copy of a batch can take
//! a hundred MB in that time. So the line up to which the heap may grow is kept where every allocation passes: a thread whose
//! growth would cross it reads the kernel's number itself, gives back what nobody uses, and if that is not enough it
//! **waits**, for a bounded time, until others have freed memory. The watch sees the waiting, stops those that can be stopped,
//! and ends the task or the process if nothing helps. Nobody is ever refused here: a null aborts the process.
//!
//! *Concurrency.* All numbers are independent hints, checked again by reading the kernel, so relaxed ordering suffices. The
//! watch's own thread, and a thread that is inside the wall already, pass freely; a wait is bounded, so that a thread that
//! holds a lock cannot keep the others from it for ever.

use crate::{
    ByteCount, Limit, Meter, Resident,
    allocator::{jemalloc, large, program_pages},
    budget::{PROGRAM_CAP, may_stay},
    ledger,
};
use std::{
    cell::Cell,
    io,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// Allocations from this size on are held against the line before they are made; smaller ones when a thread's count is
/// added to the ledger, every 64 KiB at most.
pub(crate) const LARGE: usize = 1 << 20;

/// What is left free below the limit: what threads have not counted yet, stacks, program pages above their cap.
const MARGIN: i64 = 3 << 20;

/// The longest that one allocation waits. By then the watch has ended the process, unless it waits for this very thread.
const LONGEST: Duration = Duration::from_secs(1);

/// How late the watch may be before others do its most urgent work.
const TOLERANCE: Duration = Duration::from_millis(1);

/// Between two looks of a thread that waits.
const STEP: Duration = Duration::from_millis(1);

static LIMIT: AtomicI64 = AtomicI64::new(i64::MAX);
/// Live bytes of the ledger at which a thread has to look.
static LINE: AtomicI64 = AtomicI64::new(i64::MAX);
static WAITERS: AtomicU32 = AtomicU32::new(0);
/// When the first of those that wait began, in microseconds of [`now`].
static WAITING_SINCE: AtomicU64 = AtomicU64::new(0);
/// The largest allocation that waits.
static ASKED: AtomicI64 = AtomicI64::new(0);
static GIVING_BACK: AtomicBool = AtomicBool::new(false);
/// When the watch is late, in microseconds of [`now`]; never without a limit.
static LATE: AtomicU64 = AtomicU64::new(u64::MAX);
/// How many program pages may stay.
static PROGRAM: AtomicI64 = AtomicI64::new(0);
static METER: OnceLock<Meter> = OnceLock::new();
static START: OnceLock<Instant> = OnceLock::new();

thread_local! {
    /// Constant and without a destructor, so that the allocator may use it at any time in a thread's life.
    static PASSES: Cell<bool> = const { Cell::new(false) };
}

/// How often the wall was raised.
static RAISED: AtomicU64 = AtomicU64::new(0);

/// Raises the wall for this process, or takes it down where there is no limit. Returns which wall it is.
pub(crate) fn raise(limit: Limit) -> io::Result<u64> {
    if METER.get().is_none() {
        let _ = METER.set(Meter::open()?);
    }
    START.get_or_init(Instant::now);
    let bytes = limit.bytes();
    LINE.store(if bytes.is_some() { 0 } else { i64::MAX }, Relaxed);
    LATE.store(if bytes.is_some() { 0 } else { u64::MAX }, Relaxed);
    LIMIT.store(bytes.map_or(i64::MAX, signed), Relaxed);
    let_stay(may_stay(limit));
    Ok(RAISED.fetch_add(1, Relaxed) + 1)
}

/// Takes a wall down, unless another was raised in its place.
pub(crate) fn lower(wall: u64) {
    if RAISED.load(Relaxed) == wall {
        LINE.store(i64::MAX, Relaxed);
        LATE.store(u64::MAX, Relaxed);
        LIMIT.store(i64::MAX, Relaxed);
    }
}

/// Lets the calling thread pass the wall while it runs `work`: whoever frees memory must not wait for it.
pub(crate) fn pass<T>(work: impl FnOnce() -> T) -> T {
    let before = PASSES.replace(true);
    let result = work();
    PASSES.set(before);
    result
}

/// Lets the calling thread allocate without waiting while it runs `work`. For helpers beside a task: they hold little, for which
/// room is left below the limit, and must not be taken for a task that lacks memory.
pub fn past_the_wall<T>(work: impl FnOnce() -> T) -> T {
    pass(work)
}

/// Returns how long allocations have been waiting, if any are.
pub(crate) fn waiting() -> Option<Duration> {
    (WAITERS.load(Relaxed) > 0).then(|| Duration::from_micros(now().saturating_sub(WAITING_SINCE.load(Relaxed))))
}

/// Returns the largest allocation that waits.
pub(crate) fn asked() -> ByteCount {
    u64::try_from(ASKED.load(Relaxed)).map_or(ByteCount::ZERO, ByteCount::new)
}

/// Says how many bytes of program pages may stay.
pub(crate) fn let_stay(bytes: ByteCount) {
    PROGRAM.store(signed(bytes), Relaxed);
}

/// Moves the line to what the kernel counts now.
pub(crate) fn observe(resident: Resident) {
    if LIMIT.load(Relaxed) != i64::MAX {
        LINE.store(ledger::raw().saturating_add(room(resident, 0)), Relaxed);
    }
}

/// Says when the watch will look again.
pub(crate) fn looks_in(pause: Duration) {
    if LIMIT.load(Relaxed) != i64::MAX {
        LATE.store(now().saturating_add(micros(pause + TOLERANCE)), Relaxed);
    }
}

/// Called at every so many allocations and frees: does what cannot wait for a watch that did not get its core. Program pages come in at
/// several MB in a millisecond where code runs for the first time, and pass no wall.
pub(crate) fn tick() {
    let late = LATE.load(Relaxed);
    if late == u64::MAX {
        return;
    }
    let now = now();
    let next = now.saturating_add(micros(TOLERANCE));
    if now < late || PASSES.get() || LATE.compare_exchange(late, next, Relaxed, Relaxed).is_err() {
        return;
    }
    let Some(Ok(resident)) = METER.get().map(Meter::read) else { return };
    observe(resident);
    if signed(resident.file) >= PROGRAM.load(Relaxed) {
        program_pages::drop_pages();
    }
}

/// Lets nobody pass any more who does not [`pass`]: the process ends.
pub(crate) fn close() {
    LIMIT.store(0, Relaxed);
    LINE.store(0, Relaxed);
    give_back();
}

/// Called when the ledger reached `live`.
#[inline]
pub(crate) fn grown_to(live: i64) {
    if live >= LINE.load(Relaxed) {
        arrive(0);
    }
}

/// Called before an allocation of [`LARGE`] or more.
pub(crate) fn before(size: i64) {
    if ledger::raw().saturating_add(size) >= LINE.load(Relaxed) {
        arrive(size);
    }
}

#[cold]
#[inline(never)]
fn arrive(additional: i64) {
    if PASSES.replace(true) {
        return;
    }
    // What costs least goes first.
    let is_room = has_room(additional) || (drop_program() && has_room(additional));
    if !is_room {
        give_back();
        if !has_room(additional) {
            wait(additional);
        }
    }
    PASSES.set(false);
}

fn wait(additional: i64) {
    if WAITERS.fetch_add(1, Relaxed) == 0 {
        WAITING_SINCE.store(now(), Relaxed);
        ASKED.store(0, Relaxed);
    }
    ASKED.fetch_max(additional, Relaxed);
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        thread::sleep(STEP);
        give_back();
        if has_room(additional) {
            break;
        }
    }
    WAITERS.fetch_sub(1, Relaxed);
}

/// Returns whether `additional` bytes fit below the limit, and if so moves the line.
fn has_room(additional: i64) -> bool {
    let Some(Ok(resident)) = METER.get().map(Meter::read) else { return true };
    let room = room(resident, additional);
    if additional >= room {
        return false;
    }
    LINE.store(ledger::raw().saturating_add(room), Relaxed);
    true
}

/// Returns what may still be allocated, considering what was and is not resident yet. Where that is surely more than `wanted`
/// and not little, the kernel is not asked what of the large blocks is resident: then it can be more than this.
fn room(resident: Resident, wanted: i64) -> i64 {
    let limit = LIMIT.load(Relaxed);
    // Program pages that were dropped come back as they are touched, and pass no wall.
    let file = signed(resident.file).max(PROGRAM.load(Relaxed));
    let free = limit - MARGIN - signed(resident.anonymous) - file;
    let least = free - large::untouched_at_most();
    if least > wanted && least >= limit / 8 { least } else { free - large::untouched() }
}

/// Drops program pages where more of them were allowed than is left to them at least. Returns whether it was so.
fn drop_program() -> bool {
    let least = signed(PROGRAM_CAP);
    let had_more = PROGRAM.swap(least, Relaxed) > least;
    if had_more {
        program_pages::drop_pages();
    }
    had_more
}

/// Gives back freed pages and program pages, one thread at a time.
fn give_back() {
    if !GIVING_BACK.swap(true, Relaxed) {
        let_stay(PROGRAM_CAP);
        jemalloc::flush_thread_cache();
        jemalloc::purge();
        program_pages::drop_pages();
        GIVING_BACK.store(false, Relaxed);
    }
}

/// Microseconds since the wall was raised for the first time.
fn now() -> u64 {
    START.get().map_or(0, |start| micros(start.elapsed()))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn signed(bytes: ByteCount) -> i64 {
    i64::try_from(bytes.bytes()).unwrap_or(i64::MAX)
}
