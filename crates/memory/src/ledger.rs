//! The ledger: live heap bytes, counted as they are allocated and freed, by account.
//!
//! *Model.* Every thread works on one **account** at a time ([`Account::enter`]); what it allocates is added there, what it
//! frees is taken off there. A batch that goes from one owner to another is moved by [`Account::hand_over`]. So the sum of all
//! accounts is the live heap exactly, and one account is off by what was handed over at a size that is not the one freed.
//!
//! *Concurrency.* Every thread counts into a cell of its own and adds it to the sums when it has drifted by the quantum, or
//! when it changes its account. So the sum is off by at most `threads x quantum` in either direction, and counting costs a few
//! nanoseconds a call however many threads there are (one shared atomic costs 73 ns with two threads, a cell about 5).

use crate::{ByteCount, wall};
use std::{
    cell::Cell,
    marker::PhantomData,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// The largest drift of one thread, in bytes. Divided by the limit it must stay small: 64 KiB is the right size from
/// 128 MB on, see [`set_quantum`].
const LARGEST_QUANTUM: i64 = 64 << 10;
const SMALLEST_QUANTUM: i64 = 4 << 10;

/// Accounts that can be open at a time; nodes of larger plans share the last one.
const ACCOUNTS: usize = 1024;

/// What belongs to nobody in particular: the runtime, what was there before.
const NOBODY: usize = 0;

static LIVE: AtomicI64 = AtomicI64::new(0);
static QUANTUM: AtomicI64 = AtomicI64::new(LARGEST_QUANTUM);
static SLOTS: [Slot; ACCOUNTS] = [const { Slot::new() }; ACCOUNTS];
static REGISTER: Mutex<Register> = Mutex::new(Register { names: Vec::new(), closed: Vec::new() });

thread_local! {
    /// Constant and without a destructor, so that the allocator may use it at any time in a thread's life.
    static DRIFT: Cell<i64> = const { Cell::new(0) };
    static CURRENT: Cell<usize> = const { Cell::new(NOBODY) };
    static CALLS: Cell<u8> = const { Cell::new(0) };
}

#[derive(Debug)]
struct Slot {
    balance: AtomicI64,
    peak: AtomicI64,
    /// The balance when the kernel's number was at its peak.
    at_peak: AtomicI64,
}

impl Slot {
    const fn new() -> Self {
        Self { balance: AtomicI64::new(0), peak: AtomicI64::new(0), at_peak: AtomicI64::new(0) }
    }
}

/// Who has which slot. Slot `i + 1` has the name at `i`.
struct Register {
    names: Vec<String>,
    closed: Vec<usize>,
}

/// An account of the ledger. The last clone that is dropped closes it; what it still holds goes to nobody.
#[derive(Clone, Debug)]
pub struct Account(Arc<Owned>);

#[derive(Debug)]
struct Owned(usize);

/// While it lives, the thread works on an account. Must be dropped in reverse order of entering, on the same thread.
#[derive(Debug)]
#[must_use = "the thread leaves the account when this is dropped"]
pub struct Entered {
    before: usize,
    thread: PhantomData<*const ()>,
}

/// Bytes that a library in another language holds: counted while this lives, as what is allocated and freed here is.
#[derive(Debug)]
#[must_use = "the bytes are counted until this is dropped"]
pub struct Held(i64);

impl Held {
    /// Counts bytes on the account that the calling thread works on.
    pub fn new(bytes: ByteCount) -> Self {
        let held = i64::try_from(bytes.bytes()).unwrap_or(i64::MAX >> 1);
        record(held);
        Self(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        record(-self.0);
    }
}

impl Account {
    /// Opens an account under a name, by which errors and reports call it.
    pub fn open(name: impl Into<String>) -> Self {
        let name = name.into();
        let mut register = lock();
        let slot = register.closed.pop().unwrap_or_else(|| (register.names.len() + 1).min(ACCOUNTS - 1));
        match register.names.get_mut(slot - 1) {
            Some(old) => *old = name,
            None => register.names.push(name),
        }
        if let Some(slot) = SLOTS.get(slot) {
            slot.peak.store(slot.balance.load(Relaxed), Relaxed);
            slot.at_peak.store(0, Relaxed);
        }
        Self(Arc::new(Owned(slot)))
    }

    /// Makes the calling thread work on this account until the guard is dropped.
    pub fn enter(&self) -> Entered {
        Entered { before: switch(self.0.0), thread: PhantomData }
    }

    /// Returns what the account holds.
    pub fn balance(&self) -> ByteCount {
        slot(self.0.0).map_or(ByteCount::ZERO, |slot| count(slot.balance.load(Relaxed)))
    }

    /// Returns the most that the account held.
    pub fn peak(&self) -> ByteCount {
        slot(self.0.0).map_or(ByteCount::ZERO, |slot| count(slot.peak.load(Relaxed)))
    }

    /// Returns what the account held when the kernel's number was at its peak.
    pub fn at_peak(&self) -> ByteCount {
        slot(self.0.0).map_or(ByteCount::ZERO, |slot| count(slot.at_peak.load(Relaxed)))
    }

    /// Takes over `bytes` from this account to the one that the calling thread works on.
    pub fn hand_over(&self, bytes: ByteCount) {
        let (from, to) = (self.0.0, CURRENT.get());
        if from != to {
            let bytes = i64::try_from(bytes.bytes()).unwrap_or(i64::MAX);
            post(from, -bytes);
            post(to, bytes);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.0 == NOBODY || self.0 == ACCOUNTS - 1 {
            return;
        }
        if let Some(slot) = slot(self.0) {
            post(NOBODY, slot.balance.swap(0, Relaxed));
        }
        let mut register = lock();
        if let Some(name) = register.names.get_mut(self.0 - 1) {
            name.clear();
        }
        register.closed.push(self.0);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        switch(self.before);
    }
}

/// Returns the accounts that hold the most now, largest first, `most` of them at most.
pub fn largest(most: usize) -> Vec<(String, ByteCount)> {
    let register = lock();
    let balance = |at: usize| slot(at).map_or(ByteCount::ZERO, |slot| count(slot.balance.load(Relaxed)));
    let named = register.names.iter().enumerate().filter(|(_, name)| !name.is_empty());
    let mut holders: Vec<_> = named.map(|(at, name)| (name.clone(), balance(at + 1))).collect();
    holders.push(("runtime and buffers".into(), balance(NOBODY)));
    holders.retain(|(_, bytes)| *bytes > ByteCount::ZERO);
    holders.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    holders.truncate(most);
    holders
}

/// Keeps every balance as it is now as the one at the peak. The watch calls it when the kernel's number is higher than ever.
pub(crate) fn keep_peak() {
    for slot in &SLOTS {
        let balance = slot.balance.load(Relaxed);
        // Most slots are of nobody and stay untouched, so that their memory is never written.
        if balance != 0 || slot.at_peak.load(Relaxed) != 0 {
            slot.at_peak.store(balance, Relaxed);
        }
    }
}

/// Returns what was on no account at the peak.
pub fn unowned_at_peak() -> ByteCount {
    slot(NOBODY).map_or(ByteCount::ZERO, |slot| count(slot.at_peak.load(Relaxed)))
}

/// Returns the live heap bytes, give or take the threads' drift.
pub fn live() -> ByteCount {
    count(raw())
}

/// Returns what the calling thread works on: spawned work goes on for the same account.
pub fn current() -> Context {
    Context(CURRENT.get())
}

/// An account that is worked on, kept for work on another thread. It must not outlive the account's task.
#[derive(Clone, Copy, Debug)]
pub struct Context(usize);

impl Context {
    /// Makes the calling thread work on the account until the guard is dropped.
    pub fn enter(self) -> Entered {
        Entered { before: switch(self.0), thread: PhantomData }
    }
}

/// Bounds the drift of each of `threads` to a 1024th of the limit between them.
pub fn set_quantum(limit: ByteCount, threads: usize) {
    let share = limit.bytes() / 1024 / (threads.max(1) as u64);
    let quantum = i64::try_from(share).unwrap_or(LARGEST_QUANTUM).clamp(SMALLEST_QUANTUM, LARGEST_QUANTUM);
    QUANTUM.store(quantum, Relaxed);
}

/// Adds this thread's drift to the sums. For threads that are about to park or to end.
pub fn flush_thread() {
    add(DRIFT.take());
}

/// Counts bytes allocated (positive) or freed (negative) by this thread. Never allocates, locks or fails.
#[inline]
pub(crate) fn record(bytes: i64) {
    let calls = CALLS.get().wrapping_add(1);
    CALLS.set(calls);
    if calls == 0 {
        wall::tick();
    }
    let sum = DRIFT.get() + bytes;
    if sum.abs() < QUANTUM.load(Relaxed) {
        DRIFT.set(sum);
    } else {
        DRIFT.set(0);
        add(sum);
        if sum > 0 {
            wall::grown_to(raw());
        }
    }
}

/// Returns the sum of all accounts, which drift may take below zero.
pub(crate) fn raw() -> i64 {
    LIVE.load(Relaxed)
}

fn switch(to: usize) -> usize {
    let before = CURRENT.get();
    if before != to {
        add(DRIFT.take());
        CURRENT.set(to);
    }
    before
}

fn add(bytes: i64) {
    if bytes != 0 {
        LIVE.fetch_add(bytes, Relaxed);
        post(CURRENT.get(), bytes);
    }
}

fn post(account: usize, bytes: i64) {
    if let Some(slot) = slot(account) {
        let balance = slot.balance.fetch_add(bytes, Relaxed) + bytes;
        if bytes > 0 && balance > slot.peak.load(Relaxed) {
            slot.peak.fetch_max(balance, Relaxed);
        }
    }
}

fn lock() -> MutexGuard<'static, Register> {
    REGISTER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn slot(account: usize) -> Option<&'static Slot> {
    SLOTS.get(account)
}

/// A sum below zero is drift: frees that were counted before their allocations.
fn count(bytes: i64) -> ByteCount {
    ByteCount::new(u64::try_from(bytes).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: i64 = 1024;

    /// One test opens all accounts that there are, and others would share the last one meanwhile.
    fn alone() -> MutexGuard<'static, ()> {
        static ALONE: Mutex<()> = Mutex::new(());
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn what_is_allocated_inside_is_on_the_account() {
        let _alone = alone();
        let (first, second) = (Account::open("first"), Account::open("second"));
        {
            let _entered = first.enter();
            record(100 * KIB);
            let _inner = second.enter();
            record(10 * KIB);
        }
        assert_eq!((first.balance(), second.balance()), (ByteCount::new(100 << 10), ByteCount::new(10 << 10)));
        let entered = second.enter();
        first.hand_over(ByteCount::new(60 << 10));
        record(-70 * KIB);
        drop(entered);
        assert_eq!((first.balance(), second.balance()), (ByteCount::new(40 << 10), ByteCount::ZERO));
        assert_eq!((first.peak(), second.peak()), (ByteCount::new(100 << 10), ByteCount::new(70 << 10)));
        assert!(largest(1000).contains(&("first".into(), ByteCount::new(40 << 10))));
        record(-40 * KIB);
    }

    #[test]
    fn what_a_library_holds_is_counted_while_it_does() {
        let _alone = alone();
        let account = Account::open("account");
        let entered = account.enter();
        let held = Held::new(ByteCount::mib(8));
        assert_eq!(account.balance(), ByteCount::mib(8));
        drop(held);
        assert_eq!(account.balance(), ByteCount::ZERO);
        drop(entered);
    }

    #[test]
    fn a_closed_account_leaves_what_it_holds_to_nobody_and_is_used_again() {
        let _alone = alone();
        let account = Account::open("account");
        let entered = account.enter();
        record(64 * KIB);
        drop((entered, account));
        let again: Vec<Account> = (0..2 * ACCOUNTS).map(|_| Account::open("again")).collect();
        assert!(again.iter().take(8).all(|account| account.balance() == ByteCount::ZERO));
        record(-64 * KIB);
    }

    #[test]
    fn spawned_work_goes_on_for_the_same_account() {
        let _alone = alone();
        let account = Account::open("account");
        let entered = account.enter();
        let context = current();
        std::thread::spawn(move || {
            let _entered = context.enter();
            record(8 * KIB);
        })
        .join()
        .unwrap();
        drop(entered);
        assert_eq!(account.balance(), ByteCount::new(8 << 10));
    }
}
