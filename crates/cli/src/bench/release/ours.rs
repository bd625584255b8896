//! The load, answered by workers of this program that are kept.

use super::{
    load::{Load, LogFile, Request},
    measured::{By, Contender, Fate, Measured},
    sampler::Sampler,
};
use std::{
    mem,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use tidegate_engine::EngineError;
use tidegate_memory::{ByteCount, Limit, release_policy::ReleasePolicy};
use tidegate_tasks::needs::{Fared, Needs};
use tidegate_worker::{
    Cgroup, Event, Granted, Running, SharedOptions, SharedPool, WorkerError, WorkerOptions,
    protocol::{Cache, FailureKind, Freed, Output, Task},
};

/// How the load is answered.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// This program.
    pub(super) program: PathBuf,
    /// The limit of all workers together.
    pub(super) limit: ByteCount,
    /// Requests at a time.
    pub(super) concurrency: NonZeroUsize,
}

/// Workers that answer the load, in turns with whatever it is measured beside.
pub(super) struct Serving<'a> {
    service: &'a Service,
    load: &'a Load,
    stop: &'a AtomicBool,
    policy: ReleasePolicy,
    pool: SharedPool,
    /// The place of the next request in the plan.
    next: AtomicUsize,
    needs: Mutex<Needs>,
    seen: Mutex<Seen>,
    /// The turns that are over, each to its last answer.
    elapsed: Duration,
    peak: ByteCount,
}

/// What the threads that ask have in common during a turn.
struct Asking<'a> {
    serving: &'a Serving<'a>,
    time: Duration,
    start: Instant,
}

/// What all turns showed so far.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    /// When the last answer of this turn came.
    last: Duration,
    largest: ByteCount,
    /// After how much of this turn a request failed, and why.
    failure: Option<(Duration, String)>,
}

/// How one request ended.
enum Answered {
    Done(Fared),
    Failed(String),
}

impl Service {
    /// Starts the workers.
    ///
    /// # Errors
    /// If they cannot be started.
    pub(super) fn serve<'a>(
        &'a self,
        load: &'a Load,
        policy: ReleasePolicy,
        stop: &'a AtomicBool,
    ) -> Result<Serving<'a>, EngineError> {
        let pool = SharedPool::new(SharedOptions { worker: self.worker(), most: self.concurrency, policy });
        pool.warm().map_err(|error| lost(&error))?;
        let (next, needs, seen) = (AtomicUsize::new(0), Mutex::default(), Mutex::default());
        let (elapsed, peak) = (Duration::ZERO, ByteCount::ZERO);
        Ok(Serving { service: self, load, stop, policy, pool, next, needs, seen, elapsed, peak })
    }

    /// Writes the answers of requests into a folder, by their places.
    ///
    /// # Errors
    /// If one of them fails.
    pub(super) fn write_answers(&self, load: &Load, requests: &[Request], folder: &Path) -> Result<(), EngineError> {
        let pool = SharedPool::new(SharedOptions {
            worker: self.worker(),
            most: NonZeroUsize::MIN,
            policy: ReleasePolicy::Auto,
        });
        for (at, request) in requests.iter().enumerate() {
            let Some(file) = load.file(*request) else { continue };
            let Granted { worker, grant } = pool.take(None).map_err(|error| lost(&error))?;
            let output = Output::File { path: folder.join(format!("{at}.csv")), format: None };
            let task = Task { output, ..task(file, *request, grant.limit(), self.threads()) };
            let mut running = worker.run(&task).map_err(|error| lost(&error))?;
            if let Answered::Failed(message) = answered(&mut running, grant.limit()).map_err(|error| lost(&error))? {
                return Err(EngineError::Run(format!("`{}`: {message}", task.sql)));
            }
            let worker = running.end().map_err(|error| lost(&error))?;
            grant.give_back(worker).map_err(|error| lost(&error))?;
        }
        Ok(())
    }

    /// The kernel is asked for no wall around each worker: that all of them together stay below the limit is what is measured.
    fn worker(&self) -> WorkerOptions {
        let mut options = WorkerOptions::new(&self.program, &["worker"], Limit::Bytes(self.limit));
        options.cgroup = Cgroup::Off;
        options
    }

    /// Returns the threads of each task: the cores, shared out.
    fn threads(&self) -> u16 {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        u16::try_from(cores / self.concurrency.get()).unwrap_or(u16::MAX).max(1)
    }
}

impl Contender for Serving<'_> {
    fn turn(&mut self, time: Duration) -> Result<(), EngineError> {
        let looked = self.pool.clone();
        let sampler = Sampler::start(move || looked.processes(), |_| {});
        let asking = Asking { serving: self, time, start: Instant::now() };
        thread::scope(|scope| {
            for _ in 0..self.service.concurrency.get() {
                scope.spawn(|| asking.ask());
            }
        });
        self.peak = self.peak.max(sampler.end());
        let mut seen = lock(&self.seen);
        if seen.failure.is_none() {
            self.elapsed += mem::take(&mut seen.last);
        }
        Ok(())
    }

    fn over(&self) -> bool {
        lock(&self.seen).failure.is_some()
    }

    fn end(self: Box<Self>) -> Result<Measured, EngineError> {
        let counts = self.pool.counts();
        let mut seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        seen.times.sort_unstable();
        let fate = match seen.failure {
            Some((after, message)) => Fate::Failed(self.elapsed + after, message),
            None if self.peak > self.service.limit => Fate::Crossed,
            None => Fate::Survived,
        };
        Ok(Measured {
            by: By::Tidegate,
            mode: self.policy.name(),
            times: seen.times,
            elapsed: self.elapsed + seen.last,
            peak: self.peak,
            largest: Some(seen.largest),
            released: Some(counts.released),
            replaced: Some(counts.ended),
            waited: Some(counts.waited),
            fate,
        })
    }
}

impl Asking<'_> {
    /// Asks one request after the other.
    fn ask(&self) {
        let Serving { load, stop, .. } = self.serving;
        while self.start.elapsed() < self.time && !stop.load(Relaxed) && !self.serving.over() {
            let place = self.serving.next.fetch_add(1, Relaxed) % load.plan.len().max(1);
            let Some(request) = load.plan.get(place).copied() else { return };
            let Some(file) = load.file(request) else { return };
            if let Err(message) = self.one(request, file) {
                let failure = Some((self.start.elapsed(), message));
                let mut seen = lock(&self.serving.seen);
                seen.failure = seen.failure.take().or(failure);
            }
        }
    }

    fn one(&self, request: Request, file: &LogFile) -> Result<(), String> {
        let Serving { pool, needs, seen, service, .. } = self.serving;
        let begun = self.start.elapsed();
        let kind = format!("{} {}", request.question.name, file.format_name());
        let forecast = lock(needs).forecast(&kind, file.bytes);
        let Granted { worker, grant } = pool.take(forecast).map_err(|error| error.to_string())?;
        let task = task(file, request, grant.limit(), service.threads());
        let mut running = worker.run(&task).map_err(|error| error.to_string())?;
        let answered = answered(&mut running, grant.limit()).map_err(|error| error.to_string())?;
        let ended = self.start.elapsed();
        let worker = running.end().map_err(|error| error.to_string())?;
        grant.give_back(worker).map_err(|error| error.to_string())?;
        match answered {
            Answered::Failed(message) => Err(message),
            Answered::Done(fared) => {
                lock(needs).saw(&kind, file.bytes, fared);
                let mut seen = lock(seen);
                seen.times.push(ended.saturating_sub(begun));
                seen.last = seen.last.max(ended);
                if let Fared::Fitted(peak) = fared {
                    seen.largest = seen.largest.max(peak);
                }
                Ok(())
            }
        }
    }
}

/// Reads what a task answers, to its end.
fn answered(running: &mut Running, limit: ByteCount) -> Result<Answered, WorkerError> {
    let mut answered = Answered::Failed("the worker said nothing".to_owned());
    for event in running {
        match event? {
            Event::Finished(finished) => answered = Answered::Done(fared(&finished.record, limit)),
            Event::Failed(failure) if failure.kind == FailureKind::MemoryLimit => {
                answered = Answered::Failed(format!("{failure} (of {limit} that it was granted)"));
            }
            Event::Failed(failure) => answered = Answered::Failed(failure.to_string()),
            Event::Schema(_) | Event::Rows(_) | Event::Progress(_) => {}
        }
    }
    Ok(answered)
}

/// Returns how a task got on, by its record.
fn fared(record: &serde_json::Value, limit: ByteCount) -> Fared {
    let bytes = |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_u64).unwrap_or_default();
    let spilled = bytes(record.get("spilled").and_then(|spilled| spilled.get("bytes")));
    let peak = bytes(record.get("peak"));
    if spilled > 0 || peak == 0 { Fared::Short(limit) } else { Fared::Fitted(ByteCount::new(peak)) }
}

fn task(file: &LogFile, request: Request, limit: ByteCount, threads: u16) -> Task {
    Task {
        limit: Some(limit),
        threads: Some(threads),
        cache: Cache::Nowhere,
        freed: Freed::Kept,
        ..Task::of_sql(request.question.sql(&file.path.to_string_lossy()))
    }
}

fn lost(error: &WorkerError) -> EngineError {
    EngineError::Run(error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
