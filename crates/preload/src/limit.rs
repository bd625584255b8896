//! The limit inside of the process: what is in use, when to give back, what to refuse.
//!
//! *Model.* In use is what is resident, but for mapped files that hold data, which the kernel can drop; and what other processes
//! of the tree hold, as the guard tells. An allocation that was let through and is not touched yet is **pending** for a moment.

use crate::{helper, layout::word, local::Local, shared, stack, sys};
use core::{
    ffi::CStr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Allocations from here on are refused when they do not fit.
pub(crate) const LARGE: usize = 1 << 20;

/// Between two looks at what is in use this much is allocated.
pub(crate) const LOOK: u64 = 4 << 20;

/// An allocation that was let through is touched by then, or later than anybody waits.
const PENDING_MS: u64 = 200;

/// Between two attempts to give memory back.
const TRIM_MS: u64 = 100;

/// Between two runs of the collector.
const COLLECT_MS: u64 = 1000;

/// And after one, so many times as long as it took.
const COLLECT_REST: u64 = 30;

static LIMIT: AtomicU64 = AtomicU64::new(0);
static SOFT: AtomicU64 = AtomicU64::new(0);
static GUARD: AtomicU64 = AtomicU64::new(0);
static LAST_IN_USE: AtomicU64 = AtomicU64::new(0);
static LAST_LIVE: AtomicU64 = AtomicU64::new(0);
static LAST_TRIM: AtomicU64 = AtomicU64::new(0);
static LAST_COLLECT: AtomicU64 = AtomicU64::new(0);
static COLLECTED_AT: AtomicU64 = AtomicU64::new(0);
static NEXT_COLLECT: AtomicU64 = AtomicU64::new(0);
static LOOKED_AT: AtomicU64 = AtomicU64::new(0);

/// Variables are looked at when a tenth more lives than at the look before, and this at least.
const LOOK_AGAIN: u64 = 16 << 20;

/// What holds for the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// The limit; 0 for none.
    pub(crate) limit: u64,
    /// From here on, memory is given back.
    pub(crate) soft: u64,
    /// The process that ends what is far above the limit; 0 where the kernel does.
    pub(crate) guard: u64,
}

/// Sets what holds for the tree.
pub(crate) fn set(held: Held) {
    LIMIT.store(held.limit, Relaxed);
    SOFT.store(held.soft, Relaxed);
    GUARD.store(held.guard, Relaxed);
}

/// Returns what this process has in use, and what the tree has.
pub(crate) fn in_use() -> (u64, u64) {
    let (anonymous, file) = resident();
    let own = anonymous + file.saturating_sub(shared::word(word::MAPPED).load(Relaxed));
    LAST_IN_USE.store(own, Relaxed);
    shared::word(word::MOST_IN_USE).fetch_max(own, Relaxed);
    (own, own + shared::word(word::OTHERS).load(Relaxed))
}

/// Returns what is resident: what is anonymous, and what is pages of files and shared memory.
pub(crate) fn resident() -> (u64, u64) {
    let mut text = [0; 128];
    let read = sys::read_start(c"/proc/self/statm", &mut text);
    let mut numbers = text.get(..read).unwrap_or_default().split(|byte| *byte == b' ').skip(1).map(number);
    let (resident, file) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let page = page();
    (resident.saturating_sub(file) * page, file * page)
}

/// Returns what was in use at the last look.
pub(crate) fn last_in_use() -> u64 {
    LAST_IN_USE.load(Relaxed)
}

fn number(digits: &[u8]) -> u64 {
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u64, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

fn page() -> u64 {
    // SAFETY: it reads a constant of the system.
    u64::try_from(unsafe { sys::sysconf(sys::SC_PAGESIZE) }).unwrap_or(4096)
}

/// Is told, at a sample, what lives: from time to time, looks at what is in use, and has memory given back.
pub(crate) fn grown(live: u64) {
    let looked_at = LOOKED_AT.load(Relaxed);
    if live > looked_at + (looked_at / 10).max(LOOK_AGAIN) {
        LOOKED_AT.store(live, Relaxed);
        helper::look();
    }
    let limit = LIMIT.load(Relaxed);
    if live.abs_diff(LAST_LIVE.load(Relaxed)) < LOOK {
        return;
    }
    LAST_LIVE.store(live, Relaxed);
    let (_, tree) = in_use();
    if limit == 0 || tree < SOFT.load(Relaxed) {
        COLLECTED_AT.store(0, Relaxed);
        return;
    }
    let now = sys::milliseconds();
    let has_grown = tree > COLLECTED_AT.load(Relaxed).saturating_add(limit / 20);
    let is_late = now.saturating_sub(LAST_COLLECT.load(Relaxed)) > COLLECT_MS;
    if (has_grown || is_late) && now >= NEXT_COLLECT.load(Relaxed) {
        LAST_COLLECT.store(now, Relaxed);
        COLLECTED_AT.store(tree, Relaxed);
        helper::collect();
    }
    if tree > limit && trimmed() > limit {
        helper::raise();
        end_if_alone(limit);
    }
}

/// Ends this process if it is far above the limit, and whoever would end it is gone.
fn end_if_alone(limit: u64) {
    let guard = GUARD.load(Relaxed);
    if guard != 0 && LAST_IN_USE.load(Relaxed) > limit + limit / 8 && sys::is_gone(guard) {
        sys::end_self();
    }
}

/// Returns whether so much lives that it is worth a look at variables.
pub(crate) fn is_worth_a_look() -> bool {
    LOOKED_AT.load(Relaxed) > 0 && shared::word(word::LIVE).load(Relaxed) >= LOOK_AGAIN
}

/// Is told how long the collector took: of a program with many objects it may take long, and must not take most of its time.
pub(crate) fn collected(took_ms: u64) {
    // Unless it was worth it.
    let rest = if in_use().1 < SOFT.load(Relaxed) { 0 } else { took_ms.saturating_mul(COLLECT_REST) };
    NEXT_COLLECT.store(sys::milliseconds().saturating_add(rest), Relaxed);
}

/// Returns whether the tree has more in use than it may.
pub(crate) fn is_past() -> bool {
    let limit = LIMIT.load(Relaxed);
    limit != 0 && in_use().1 > limit
}

/// Returns whether an allocation must be refused. `caller` is the address in the code that asked.
pub(crate) fn refuses(size: usize, caller: usize, entry: Entry) -> bool {
    let limit = LIMIT.load(Relaxed);
    if limit == 0 {
        return false;
    }
    let errno = sys::Errno::keep();
    // The first allocation after a fork may be large.
    if !crate::sampler::aside(shared::ready).unwrap_or(false) {
        return false;
    }
    let size = size as u64;
    // What this thread was let through with before is touched by now, or later than anybody waits.
    Pending::settle();
    let refused = !fits(in_use().1, size, limit) && !fits(trimmed(), size, limit) && told(size, caller, entry);
    if !refused {
        Pending::add(size);
    }
    drop(errno);
    refused
}

fn fits(in_use: u64, size: u64, limit: u64) -> bool {
    in_use.saturating_add(Pending::of_others(in_use)).saturating_add(size) <= limit
}

/// What threads were let through with and have perhaps not touched yet: of this span of time and of the one before.
struct Pending;

static SPAN: AtomicU64 = AtomicU64::new(0);
static NOW: AtomicU64 = AtomicU64::new(0);
static BEFORE: AtomicU64 = AtomicU64::new(0);
/// What was in use when the span before began: what was touched since is no longer pending.
static IN_USE_BEFORE: AtomicU64 = AtomicU64::new(0);
static IN_USE_NOW: AtomicU64 = AtomicU64::new(0);

impl Pending {
    /// Returns the span of now, after it has moved what was pending on.
    fn span() -> u64 {
        let now = sys::milliseconds() / PENDING_MS;
        let span = SPAN.swap(now, Relaxed);
        if span != now {
            let last = NOW.swap(0, Relaxed);
            BEFORE.store(if span + 1 == now { last } else { 0 }, Relaxed);
            IN_USE_BEFORE.store(IN_USE_NOW.swap(LAST_IN_USE.load(Relaxed), Relaxed), Relaxed);
        }
        now
    }

    fn add(size: u64) {
        let span = Self::span();
        NOW.fetch_add(size, Relaxed);
        Local::with(|local| local.let_through.set((span, size)));
    }

    fn settle() {
        let now = Self::span();
        let (span, size) = Local::with(|local| local.let_through.replace((0, 0)));
        let place = if span == now { &NOW } else { &BEFORE };
        if span == now || span + 1 == now {
            let _ = place.fetch_update(Relaxed, Relaxed, |pending| Some(pending.saturating_sub(size)));
        }
    }

    fn of_others(in_use: u64) -> u64 {
        let touched = in_use.saturating_sub(IN_USE_BEFORE.load(Relaxed));
        (NOW.load(Relaxed) + BEFORE.load(Relaxed)).saturating_sub(touched)
    }
}

/// Gives freed memory back, unless that was just done, and returns what the tree has in use then.
fn trimmed() -> u64 {
    let now = sys::milliseconds();
    if now.saturating_sub(LAST_TRIM.load(Relaxed)) > TRIM_MS {
        LAST_TRIM.store(now, Relaxed);
        trim();
    }
    in_use().1
}

/// Gives freed memory back.
pub(crate) fn trim() {
    // SAFETY: it locks each arena by itself, and this thread holds none: it stands before or behind an allocation.
    unsafe { sys::malloc_trim(0) };
    shared::add(word::TRIMS, 1);
}

/// Tells the guard, unless whoever asks would end the process instead of telling its caller.
fn told(size: u64, caller: usize, entry: Entry) -> bool {
    if !takes_no_for_an_answer(caller, entry) {
        shared::add(word::SPARED, 1);
        return false;
    }
    let place = crate::sampler::aside(stack::here).unwrap_or(0);
    shared::word(word::REFUSED_SITE).store(u64::from(place), Relaxed);
    shared::word(word::REFUSED_BYTES).store(size, Relaxed);
    shared::word(word::REFUSED_IN_USE).store(LAST_IN_USE.load(Relaxed), Relaxed);
    shared::add(word::REFUSED, 1);
    helper::refused();
    true
}

/// How an allocation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// By `malloc` and its kin, or `mmap`.
    Plain,
    /// By `posix_memalign`, whose error Arrow's pool looks at, as it does not everywhere else.
    Aligned,
}

/// Libraries that turn a refused allocation into a `MemoryError`. All others may abort, or not look at all: pandas fills its hash
/// tables without a look, and so are they left to the wall. Its columns are NumPy's.
const POLITE: [&[u8]; 4] = [b"/numpy/", b"/numpy.libs/", b"libpython", b"/lib-dynload/"];
const POLITE_WHEN_ALIGNED: [&[u8]; 2] = [b"/pyarrow/", b"libarrow"];

fn takes_no_for_an_answer(caller: usize, entry: Entry) -> bool {
    let nothing = core::ptr::null();
    let mut info =
        sys::DlInfo { file: nothing, base: core::ptr::null_mut(), symbol: nothing, address: core::ptr::null_mut() };
    // SAFETY: it writes what it knows of an address into `info`, whose texts live as long as the library.
    let is_known = unsafe { sys::dladdr(caller as *const _, &raw mut info) } != 0 && !info.file.is_null();
    if !is_known {
        return false;
    }
    // SAFETY: it is a text that ends with a NUL.
    let file = unsafe { CStr::from_ptr(info.file) }.to_bytes();
    let has = |part: &[u8]| file.windows(part.len()).any(|window| window == part);
    let aligned = entry == Entry::Aligned && POLITE_WHEN_ALIGNED.iter().any(|part| has(part));
    aligned || POLITE.iter().any(|part| has(part)) || helper::is_interpreter(info.base as usize)
}
