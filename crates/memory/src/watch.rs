//! The watch: a thread that reads the meter and the ledger, decides by [`crate::pressure`], and acts.

use crate::{
    Budget, ByteCount, Meter, Resident,
    allocator::{jemalloc, program_pages},
    ledger,
    pressure::{self, Action, Pressure, Reading},
};
use std::{
    io,
    sync::{
        Arc,
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

/// How long critical pressure may last before a task must end: a hash table that doubles passes through it.
const PATIENCE: Duration = Duration::from_millis(60);

/// How long a task that must end may take to do so before the last resort.
const GRACE: Duration = Duration::from_millis(400);

/// What first touches at several GB/s may still take between a look and the end of the process.
const LAST_MARGIN: ByteCount = ByteCount::mib(4);

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
    /// Resident memory when a task had to end; zero if none had to.
    pub ended_at: ByteCount,
    /// How often freed pages were given back.
    pub purges: u64,
    /// How often program pages were dropped.
    pub drops: u64,
}

/// A running watch. Dropping it stops the thread.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread publishes. Independent numbers, so relaxed ordering suffices everywhere.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    pressure: AtomicU8,
    must_end: AtomicBool,
    ended_at: AtomicU64,
    anonymous: AtomicU64,
    file: AtomicU64,
    peak: AtomicU64,
    peak_file: AtomicU64,
    peak_anonymous: AtomicU64,
    purges: AtomicU64,
    drops: AtomicU64,
}

impl Watch {
    /// Starts watching.
    ///
    /// # Errors
    /// If the meter cannot be opened or the thread cannot be started.
    pub fn start(options: WatchOptions) -> io::Result<Self> {
        let meter = Meter::open()?;
        let shared = Arc::new(Shared::default());
        let guard = Guard {
            meter,
            options,
            shared: Arc::clone(&shared),
            started: Instant::now(),
            critical_since: None,
            purge_after: None,
        };
        let thread = thread::Builder::new().name("tidegate-watch".into()).spawn(move || guard.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Returns how tight memory is.
    pub fn pressure(&self) -> Pressure {
        let step = usize::from(self.shared.pressure.load(Relaxed));
        Pressure::ALL.get(step).copied().unwrap_or(Pressure::Critical)
    }

    /// Returns whether a task must end now, because nothing else lowers the kernel's number. Stays true until
    /// [`Watch::reset`].
    pub fn must_end(&self) -> bool {
        self.shared.must_end.load(Relaxed)
    }

    /// Returns the numbers of the last look and the peaks so far.
    pub fn report(&self) -> WatchReport {
        self.shared.report()
    }

    /// Starts the peaks anew, for the next task.
    pub fn reset(&self) {
        self.shared.must_end.store(false, Relaxed);
        self.shared.ended_at.store(0, Relaxed);
        for peak in [&self.shared.peak, &self.shared.peak_file, &self.shared.peak_anonymous] {
            peak.store(0, Relaxed);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
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
            ended_at: bytes(&self.ended_at),
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

/// The thread's own state.
struct Guard {
    meter: Meter,
    options: WatchOptions,
    shared: Arc<Shared>,
    started: Instant,
    critical_since: Option<Instant>,
    purge_after: Option<Instant>,
}

impl Guard {
    fn run(mut self) {
        while !self.shared.stop.load(Relaxed) {
            let pause = match self.meter.read() {
                Ok(resident) => self.look(resident),
                Err(_) => CALM,
            };
            thread::park_timeout(pause);
        }
    }

    /// Looks once, acts, and returns the time until the next look.
    fn look(&mut self, resident: Resident) -> Duration {
        self.shared.publish(resident);
        let Some(budget) = self.options.budget else { return CALM };
        let reading = Reading { budget, resident, live: ledger::live() };
        let pressure = pressure::pressure(&reading);
        self.shared.pressure.store(pressure as u8, Relaxed);
        match pressure::decide(&reading) {
            Action::Wait => {}
            Action::End => self.end(&reading),
            Action::DropProgramPages => {
                program_pages::drop_pages();
                self.shared.drops.fetch_add(1, Relaxed);
            }
            Action::Purge => self.purge(&reading),
        }
        self.end_if_at_the_limit(&reading);
        self.end_if_critical(pressure, &reading);
        let filling = reading.resident.file >= budget.program.percent(30) || reading.live >= budget.heap().percent(50);
        if filling || self.started.elapsed() < WARM_UP { TIGHT } else { CALM }
    }

    fn purge(&mut self, before: &Reading) {
        if self.purge_after.is_some_and(|time| Instant::now() < time) {
            return;
        }
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

    /// Ends the process when the limit is a few MB away in spite of what was just done: what grows this fast, such as
    /// planning or a copy of everything, is not told between two batches.
    fn end_if_at_the_limit(&self, reading: &Reading) {
        let near = |resident: Resident| resident.total() + LAST_MARGIN >= reading.budget.limit;
        if near(reading.resident) && self.meter.read().is_ok_and(near) {
            self.end(reading);
            (self.options.last_resort)(&self.shared.report());
        }
    }

    fn end_if_critical(&mut self, pressure: Pressure, reading: &Reading) {
        if pressure < Pressure::Critical {
            self.critical_since = None;
            return;
        }
        let since = *self.critical_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            self.end(reading);
        }
        if since.elapsed() >= PATIENCE + GRACE {
            (self.options.last_resort)(&self.shared.report());
        }
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
