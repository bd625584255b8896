//! Looks at a run while it runs, for its record and for those who are told: memory over time, by operator, and what happened.
//!
//! *Model.* A look is taken ten times a second; the first looks are closer together, so that a short run has some as well.
//! Of looks, samples are kept, and where there are as many as are kept, each two become one ([`kept`]). So what is kept is
//! bounded whatever the run, and below a MB.

mod changes;
mod kept;
mod look;

pub use kept::Seen;
pub use look::{Look, Sources};

use crate::events::Observer;
use changes::Changes;
use kept::Kept;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Between two looks, and between the first of them.
const PAUSE: Duration = Duration::from_millis(100);
const FIRST: Duration = Duration::from_millis(5);

/// Of a young run a look is taken after so much of its age.
const OF_AGE: u32 = 64;

/// The least between two events of a kind that are told.
const TELL: Duration = Duration::from_secs(1);

/// A thread that looks until it is told to stop.
pub struct Monitor {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Monitor {
    /// Starts to look. Without a thread nothing is seen, and the run goes on all the same.
    pub fn start(sources: Sources, observer: Observer) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let look = move || look(&sources, &observer, &stopped);
        Self { stop, thread: thread::Builder::new().name("tidegate-monitor".into()).spawn(look).ok() }
    }

    /// Ends it, and returns what was seen.
    pub fn end(mut self) -> Seen {
        self.stop.store(true, Relaxed);
        let Some(thread) = self.thread.take() else { return Seen::default() };
        thread.thread().unpark();
        thread.join().unwrap_or_default()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

fn look(sources: &Sources, observer: &Observer, stop: &AtomicBool) -> Seen {
    let start = Instant::now();
    let (mut kept, mut before) = (Kept::default(), Look::default());
    let (mut noted, mut told) = (Changes::every(Duration::ZERO), Changes::every(TELL));
    loop {
        let is_last = stop.load(Relaxed);
        let mut now = Look::of(sources);
        if is_last {
            // The plan is gone; what it held at its end was what it held before.
            now.operators.clone_from(&before.operators);
            told.tell_all();
        }
        let age = start.elapsed();
        noted.since(&now, age, |happened| kept.add_event(age, &happened));
        if observer.is_told() {
            told.since(&now, age, |happened| observer.happened(happened, now.numbers()));
            observer.looked(&now);
        }
        if is_last {
            return kept.end(age, now);
        }
        kept.add(age, &now);
        before = now;
        thread::park_timeout(pause(age));
    }
}

/// Returns how long to wait until the next look at a run of this age.
fn pause(age: Duration) -> Duration {
    (age / OF_AGE).clamp(FIRST, PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_taken_ten_times_a_second() {
        let (mut age, mut looks) = (Duration::ZERO, 0);
        while age < Duration::from_hours(1) {
            age += pause(age);
            looks += 1;
        }
        assert!((36_000..36_300).contains(&looks), "{looks}");
        assert_eq!((pause(Duration::ZERO), pause(Duration::from_secs(7))), (FIRST, PAUSE));
    }
}
