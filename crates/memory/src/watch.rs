//! The watch: a thread that reads the meter and the ledger, decides by [`crate::pressure`], and acts.
//!
//! On a busy machine the thread gets its core late. So whoever passes a gate looks in its place when the last look is too
//! long ago ([`Watch::tend`]), and what grows between two looks is stopped by [`crate::wall`].

use crate::{
    Budget, ByteCount, Limit, Meter, Resident,
    allocator::{jemalloc, program_pages},
    ledger,
    pressure::{self, Action, Pressure, Reading},
    program_cap::ProgramCap,
    timeline::{Moment, Timeline},
    wall,
};
use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Between two looks while memory is calm. A look costs about 4 microseconds.
const CALM: Duration = Duration::from_millis(4);

/// Between two looks while memory fills or program pages come back: at a GB/s of first touches a MB each.
const TIGHT: Duration = Duration::from_millis(1);

/// Program pages come in fastest at the start, when everything runs for the first time.
const WARM_UP: Duration = Duration::from_millis(100);

/// A look that is this late is taken by whoever comes by.
const LATE: Duration = Duration::from_millis(6);

/// How long a task that must end may take to do so before the last resort.
const GRACE: Duration = Duration::from_millis(400);

/// This near to the limit nothing is waited for. Allocations stop earlier, at the wall; this is for what passes it by.
const LAST_MARGIN: ByteCount = ByteCount::mib(1);

/// After a purge that found little, the next one waits: the slack it saw is fragmentation, which no purge lowers.
const AFTER_USELESS_PURGE: Duration = Duration::from_millis(20);

/// What a watch guards.
pub struct WatchOptions {
    /// How the limit is divided; `None` measures without acting.
    pub budget: Option<Budget>,
    /// Called when a task was told to end and memory still does not fall: the caller ends the process with its typed
    /// error. Runs on the watch's thread, where little memory is left.
    pub last_resort: Box<dyn Fn(&WatchReport) + Send>,
}

/// Numbers of the watch, read without waiting for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct WatchReport {
    /// Resident memory at the last look.
    pub resident: Resident,
    /// The largest resident memory at any look. The kernel's own peak is [`crate::peak_resident`].
    pub peak: ByteCount,
    /// The largest resident program and file pages at any look.
    pub peak_file: ByteCount,
    /// The largest anonymous memory at any look.
    pub peak_anonymous: ByteCount,
    /// What the allocator held at that peak beyond the bytes that were asked for: freed pages, rounding, its own tables.
    pub allocator_at_peak: ByteCount,
    /// Live bytes at that peak, on whatever account.
    pub live_at_peak: ByteCount,
    /// Anonymous memory outside of the heap when the watch began: relocations, stacks.
    pub outside_heap: ByteCount,
    /// Resident memory when a task had to end; zero if none had to.
    pub ended_at: ByteCount,
    /// The largest single allocation that has waited for memory, and perhaps waits still.
    pub asked: ByteCount,
    /// Whether the task can be planned again, narrower, because it has not delivered a row yet.
    pub replannable: bool,
    /// How often freed pages were given back.
    pub purges: u64,
    /// How often program pages were dropped.
    pub drops: u64,
}

/// A running watch. Dropping it stops the thread.
#[derive(Debug)]
pub struct Watch {
    started: Instant,
    shared: Arc<Shared>,
    guard: Arc<Mutex<Guard>>,
    /// Which wall it raised.
    wall: u64,
    thread: Option<JoinHandle<()>>,
}

/// What the thread publishes. Independent numbers, so relaxed ordering suffices everywhere.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    pressure: AtomicU8,
    must_end: AtomicBool,
    replannable: AtomicBool,
    /// When the last look was, in microseconds since the start.
    looked_at: AtomicU64,
    ended_at: AtomicU64,
    anonymous: AtomicU64,
    file: AtomicU64,
    peak: AtomicU64,
    peak_file: AtomicU64,
    peak_anonymous: AtomicU64,
    allocator_at_peak: AtomicU64,
    live_at_peak: AtomicU64,
    outside_heap: AtomicU64,
    purges: AtomicU64,
    drops: AtomicU64,
}

impl Watch {
    /// Starts watching.
    ///
    /// # Errors
    /// If the meter cannot be opened or the thread cannot be started.
    pub fn start(options: WatchOptions) -> io::Result<Self> {
        let limit = Limit::from(options.budget);
        let wall = wall::raise(limit)?;
        let started = Instant::now();
        let shared = Arc::new(Shared::default());
        let meter = Meter::open()?;
        let outside = meter.read()?.anonymous - ByteCount::new(jemalloc::resident());
        shared.outside_heap.store(outside.bytes(), Relaxed);
        let guard = Guard {
            meter,
            options,
            shared: Arc::clone(&shared),
            started,
            looked: started,
            critical_since: None,
            purge_after: None,
            program_cap: ProgramCap::of(limit),
            kept_peak: ByteCount::ZERO,
            timeline: Timeline::default(),
        };
        let guard = Arc::new(Mutex::new(guard));
        let looking = (Arc::clone(&guard), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("tidegate-watch".into())
            .spawn(move || wall::pass(|| run(&looking.0, &looking.1)))?;
        Ok(Self { started, shared, guard, wall, thread: Some(thread) })
    }

    /// Stops watching, also where somebody still holds the watch: another may begin.
    pub fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        wall::lower(self.wall);
    }

    /// Looks in the thread's place if it is late. For gates that are passed often; costs as much as reading a clock.
    pub fn tend(&self) {
        let looked_at = Duration::from_micros(self.shared.looked_at.load(Relaxed));
        if self.started.elapsed().saturating_sub(looked_at) < LATE || self.shared.stop.load(Relaxed) {
            return;
        }
        // Who holds the lock is looking.
        if let Ok(mut guard) = self.guard.try_lock() {
            wall::pass(|| guard.look());
        }
    }

    /// Returns how tight memory is.
    pub fn pressure(&self) -> Pressure {
        let step = usize::from(self.shared.pressure.load(Relaxed));
        Pressure::ALL.get(step).copied().unwrap_or(Pressure::Critical)
    }

    /// Returns whether a task must end now, because nothing else lowers the kernel's number. Stays true until
    /// [`Watch::resume`].
    pub fn must_end(&self) -> bool {
        self.shared.must_end.load(Relaxed)
    }

    /// Returns the numbers of the last look and the peaks so far.
    pub fn report(&self) -> WatchReport {
        self.shared.report()
    }

    /// Says whether the task can be planned again, narrower, because it has not delivered a row yet.
    pub fn set_replannable(&self, replannable: bool) {
        self.shared.replannable.store(replannable, Relaxed);
    }

    /// Lets a task, or a narrower plan of it, begin after one that had to end. The peak of the accounts is that of the new one.
    pub fn resume(&self) {
        let mut guard = self.lock();
        guard.critical_since = None;
        guard.kept_peak = ByteCount::ZERO;
        drop(guard);
        self.shared.peak_anonymous.store(0, Relaxed);
        self.shared.must_end.store(false, Relaxed);
    }

    /// Returns resident memory over time since the start or the last [`Watch::reset`].
    pub fn timeline(&self) -> Vec<Moment> {
        self.lock().timeline.moments.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the peaks anew, for the next task.
    pub fn reset(&self) {
        self.resume();
        self.lock().timeline = Timeline::default();
        self.shared.ended_at.store(0, Relaxed);
        for peak in [&self.shared.peak, &self.shared.peak_file, &self.shared.peak_anonymous] {
            peak.store(0, Relaxed);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the watch has been printed by its thread; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn report(&self) -> WatchReport {
        let bytes = |number: &AtomicU64| ByteCount::new(number.load(Relaxed));
        WatchReport {
            resident: Resident { anonymous: bytes(&self.anonymous), file: bytes(&self.file) },
            peak: bytes(&self.peak),
            peak_file: bytes(&self.peak_file),
            peak_anonymous: bytes(&self.peak_anonymous),
            allocator_at_peak: bytes(&self.allocator_at_peak),
            live_at_peak: bytes(&self.live_at_peak),
            outside_heap: bytes(&self.outside_heap),
            ended_at: bytes(&self.ended_at),
            asked: wall::asked(),
            replannable: self.replannable.load(Relaxed),
            purges: self.purges.load(Relaxed),
            drops: self.drops.load(Relaxed),
        }
    }

    fn publish(&self, resident: Resident) {
        self.anonymous.store(resident.anonymous.bytes(), Relaxed);
        self.file.store(resident.file.bytes(), Relaxed);
        self.peak.fetch_max(resident.total().bytes(), Relaxed);
        self.peak_file.fetch_max(resident.file.bytes(), Relaxed);
        self.peak_anonymous.fetch_max(resident.anonymous.bytes(), Relaxed);
    }
}

/// What a look needs and keeps, behind a lock because anybody may look.
struct Guard {
    meter: Meter,
    options: WatchOptions,
    shared: Arc<Shared>,
    started: Instant,
    looked: Instant,
    critical_since: Option<Instant>,
    purge_after: Option<Instant>,
    program_cap: ProgramCap,
    /// Anonymous memory when the accounts were last kept as those of the peak.
    kept_peak: ByteCount,
    timeline: Timeline,
}

/// What a look leads to, beyond what it did itself.
struct Looked {
    /// The time until the next look.
    pause: Duration,
    /// Whether nothing helped, and the process has to end.
    hopeless: bool,
}

/// The thread. It alone ends the process: others may hold locks that this needs.
fn run(guard: &Mutex<Guard>, shared: &Shared) {
    while !shared.stop.load(Relaxed) {
        let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
        let Looked { pause, hopeless } = guard.look();
        wall::looks_in(pause);
        if hopeless {
            wall::close();
            (guard.options.last_resort)(&shared.report());
        }
        drop(guard);
        thread::park_timeout(pause);
    }
}

impl Guard {
    /// Looks once and acts.
    fn look(&mut self) -> Looked {
        let calm = Looked { pause: CALM, hopeless: false };
        let now = Instant::now();
        self.looked = now;
        let looked_at = u64::try_from((now - self.started).as_micros()).unwrap_or(u64::MAX);
        self.shared.looked_at.store(looked_at, Relaxed);
        let Ok(resident) = self.meter.read() else { return calm };
        self.shared.publish(resident);
        if resident.anonymous > self.kept_peak + resident.anonymous.percent(1) {
            self.kept_peak = resident.anonymous;
            ledger::keep_peak();
            let live = ledger::live();
            let allocator = ByteCount::new(jemalloc::resident()) - live;
            self.shared.live_at_peak.store(live.bytes(), Relaxed);
            self.shared.allocator_at_peak.store(allocator.bytes(), Relaxed);
        }
        self.timeline.add(self.started.elapsed(), resident.total());
        let Some(budget) = self.options.budget else { return calm };
        // The line leaves room for them, so it moves after they were told.
        let program = self.program_cap.bytes(budget.limit - resident.anonymous);
        wall::let_stay(program);
        wall::observe(resident);
        let reading = self.reading(budget, resident);
        self.shared.pressure.store(pressure::pressure(&reading) as u8, Relaxed);
        match pressure::decide(&reading) {
            Action::Purge => self.purge(&reading),
            Action::Replan | Action::End => self.end(&reading),
            Action::Grant | Action::Refuse | Action::Pause => {}
        }
        // That takes nothing from anybody, so it is no action.
        if resident.file >= program {
            program_pages::drop_pages();
            self.shared.drops.fetch_add(1, Relaxed);
            self.program_cap.dropped(now - self.started);
        }
        Looked { pause: self.pause(&reading), hopeless: self.is_hopeless(&reading) }
    }

    fn reading(&mut self, budget: Budget, resident: Resident) -> Reading {
        let mut reading = Reading {
            budget,
            resident,
            live: ledger::live(),
            waiting: wall::waiting(),
            critical_for: Duration::ZERO,
            purge_helps: self.purge_after.is_none_or(|time| self.looked >= time),
            replannable: self.shared.replannable.load(Relaxed),
        };
        if pressure::pressure(&reading) < Pressure::Critical {
            self.critical_since = None;
        } else {
            reading.critical_for = self.critical_since.get_or_insert(self.looked).elapsed();
        }
        reading
    }

    fn pause(&self, reading: &Reading) -> Duration {
        let Reading { budget, resident, live, .. } = *reading;
        let filling = resident.file >= budget.program.percent(30) || live >= budget.heap().percent(50);
        if filling || self.started.elapsed() < WARM_UP { TIGHT } else { CALM }
    }

    fn purge(&mut self, before: &Reading) {
        jemalloc::purge();
        self.shared.purges.fetch_add(1, Relaxed);
        let after = self.meter.read().unwrap_or_default().anonymous;
        let useless = before.resident.anonymous - after < before.slack().percent(25);
        self.purge_after = useless.then(|| Instant::now() + AFTER_USELESS_PURGE);
    }

    /// Tells the task to end, and keeps what was resident when that became necessary.
    fn end(&self, reading: &Reading) {
        if !self.shared.must_end.swap(true, Relaxed) {
            self.shared.ended_at.store(reading.resident.total().bytes(), Relaxed);
        }
    }

    /// Returns whether the task that was told to end does not, or whether the limit is reached by what no gate sees, such as
    /// stacks.
    fn is_hopeless(&self, reading: &Reading) -> bool {
        let near = |resident: Resident| resident.total() + LAST_MARGIN >= reading.budget.limit;
        let stuck = reading.critical_for.max(reading.waiting.unwrap_or_default());
        let hopeless =
            stuck >= pressure::PATIENCE + GRACE || (near(reading.resident) && self.meter.read().is_ok_and(near));
        if hopeless {
            self.end(reading);
        }
        hopeless
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("budget", &self.options.budget).finish_non_exhaustive()
    }
}

/// Gives everything that is free back to the kernel: this thread's cache, every arena's freed pages, the program's pages.
pub fn release() {
    jemalloc::flush_thread_cache();
    jemalloc::purge();
    program_pages::drop_pages();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_publishes_what_the_kernel_says() {
        let watch = Watch::start(WatchOptions { budget: None, last_resort: Box::new(|_| {}) }).unwrap();
        while watch.report().peak == ByteCount::ZERO {
            thread::yield_now();
        }
        let report = watch.report();
        assert!(report.peak >= report.resident.anonymous);
        assert_eq!(watch.pressure(), Pressure::Calm);
    }
}
