//! Looks at a run while it runs, for its record: memory over time, by operator, and what happened when.
//!
//! *Model.* The first looks are close together, so that a short run has some as well. When there are as many as are kept, each
//! two become one, and the time between looks doubles. So what is kept is bounded whatever the run, and below a MB.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tidegate_engine::{Live, Progress};
use tidegate_govern::SpillFiles;
use tidegate_memory::{ByteCount, Watch, ledger, pressure::Pressure};
use tidegate_report::record::{Event, EventKind, Sample};

/// Between the first looks.
const FIRST: Duration = Duration::from_millis(5);

/// Samples that are kept, with so many numbers of operators in all.
const SAMPLES: usize = 256;
const NUMBERS: usize = 16 << 10;

/// Events that are kept; later ones of a kind are counted in the last.
const EVENTS: usize = 128;

/// What is looked at.
pub struct Sources {
    /// Rows read.
    pub progress: Arc<Progress>,
    /// What was spilled.
    pub spill: Arc<SpillFiles>,
    /// Memory, and what was done about it.
    pub watch: Arc<Watch>,
    /// What operators hold.
    pub live: Live,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Samples, oldest first.
    pub timeline: Vec<Sample>,
    /// Events, oldest first.
    pub events: Vec<Event>,
}

/// A thread that looks until it is told to stop.
pub struct Monitor {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Monitor {
    /// Starts to look. Without a thread nothing is seen, and the run goes on all the same.
    pub fn start(sources: Sources) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let look = move || look(&sources, &stopped);
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

fn look(sources: &Sources, stop: &AtomicBool) -> Seen {
    let start = Instant::now();
    let (mut seen, mut before, mut pause) = (Seen::default(), State::default(), FIRST);
    loop {
        let last = stop.load(Relaxed);
        let mut now = State::of(sources);
        if last {
            // The plan is gone; what it held at its end was what it held before.
            now.operators.clone_from(&before.operators);
        }
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        now.events_since(&before, |kind, text| add(&mut seen.events, Event { ms, kind, text }));
        let most = (NUMBERS / now.operators.len().max(1)).clamp(32, SAMPLES);
        if seen.timeline.len() >= most {
            halve(&mut seen.timeline);
            pause *= 2;
        }
        seen.timeline.push(now.sample(ms));
        before = now;
        if last {
            return seen;
        }
        thread::park_timeout(pause);
    }
}

/// Adds an event; where there are many, the last of its kind stands for those that come.
fn add(events: &mut Vec<Event>, event: Event) {
    if events.len() < EVENTS {
        events.push(event);
    } else if let Some(last) = events.iter_mut().rev().find(|last| last.kind == event.kind) {
        *last = event;
    }
}

/// Makes one sample of each two: the one in which more was resident.
fn halve(samples: &mut Vec<Sample>) {
    let mut kept: Vec<Sample> = Vec::with_capacity(samples.len() / 2 + 1);
    for (at, sample) in samples.drain(..).enumerate() {
        match kept.last_mut() {
            Some(first) if at % 2 == 1 => {
                if sample.resident > first.resident {
                    *first = sample;
                }
            }
            _ => kept.push(sample),
        }
    }
    *samples = kept;
}

/// What a look sees.
#[derive(Default)]
struct State {
    resident: ByteCount,
    anonymous: ByteCount,
    live: ByteCount,
    spilled: ByteCount,
    rows: u64,
    pressure: Pressure,
    operators: Vec<ByteCount>,
    plan: usize,
    purges: u64,
    drops: u64,
}

impl State {
    fn of(sources: &Sources) -> Self {
        let report = sources.watch.report();
        let (plan, operators) = sources.live.operators();
        Self {
            resident: report.resident.total(),
            anonymous: report.resident.anonymous,
            live: ledger::live(),
            spilled: sources.spill.report().written,
            rows: sources.progress.snapshot().rows,
            pressure: sources.watch.pressure(),
            operators,
            plan,
            purges: report.purges,
            drops: report.drops,
        }
    }

    fn events_since(&self, before: &Self, mut tell: impl FnMut(EventKind, String)) {
        if self.plan > before.plan.max(1) {
            tell(EventKind::Replan, format!("plan {}", self.plan));
        }
        if self.spilled > before.spilled {
            tell(EventKind::Spill, format!("{} so far", self.spilled));
        }
        if self.purges > before.purges {
            tell(EventKind::Purge, counted(self.purges - before.purges));
        }
        if self.drops > before.drops {
            tell(EventKind::PagesDropped, counted(self.drops - before.drops));
        }
        if self.pressure >= Pressure::Rising && before.pressure < Pressure::Rising {
            tell(EventKind::Refusal, "memory is tight; operators that can spill do so".into());
        }
        if self.pressure >= Pressure::High && before.pressure < Pressure::High {
            tell(EventKind::Pause, String::new());
        }
    }

    fn sample(&self, ms: u64) -> Sample {
        Sample {
            ms,
            resident: self.resident,
            anonymous: Some(self.anonymous),
            live: Some(self.live),
            spilled: Some(self.spilled),
            rows: Some(self.rows),
            pressure: self.pressure.into(),
            operators: self.operators.clone(),
        }
    }
}

fn counted(times: u64) -> String {
    if times == 1 { String::new() } else { format!("{times} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_samples_the_larger_stays() {
        let sample = |(ms, mib)| Sample { ms, resident: ByteCount::mib(mib), ..Sample::default() };
        let mut samples: Vec<_> = [(1, 5), (2, 4), (3, 1), (4, 9), (5, 2)].map(sample).to_vec();
        halve(&mut samples);
        let kept: Vec<_> = samples.iter().map(|sample| (sample.ms, sample.resident)).collect();
        assert_eq!(kept, [(1, ByteCount::mib(5)), (4, ByteCount::mib(9)), (5, ByteCount::mib(2))]);
    }

    #[test]
    fn many_events_stay_few() {
        let mut events = Vec::new();
        for ms in 0..1000 {
            add(&mut events, Event { ms, kind: EventKind::Purge, text: String::new() });
        }
        assert_eq!((events.len(), events[EVENTS - 1].ms), (EVENTS, 999));
    }

    #[test]
    fn what_changed_is_told() {
        let (before, mut kinds) = (State { plan: 1, purges: 3, ..State::default() }, Vec::new());
        let now =
            State { plan: 2, purges: 5, spilled: ByteCount::mib(1), pressure: Pressure::High, ..State::default() };
        now.events_since(&before, |kind, _| kinds.push(kind));
        let all = [EventKind::Replan, EventKind::Spill, EventKind::Purge, EventKind::Refusal, EventKind::Pause];
        assert_eq!(kinds, all);
    }
}
