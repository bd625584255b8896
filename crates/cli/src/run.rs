//! Runs one query to its end: the watch, the runtime, the bar, the sink.

use crate::{
    bar::{Bar, Sources},
    interrupt,
    monitor::{self, Monitor, Seen},
    printer::Printer,
    restart::Restart,
    settings::Settings,
};
use std::{
    io, process,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};
use tidegate_engine::{
    EngineError, Finished, Inputs, Running, Snapshot, Task, TaskOptions, Unfinished,
    forecast::{Effort, Forecast, forecast},
    sink::{Sink, Verdict},
    threads_of,
};
use tidegate_govern::{Holder, MemoryLimitError, SpillReport};
use tidegate_memory::{
    ByteCount, Limit, Meter, Resident, Watch, WatchOptions, WatchReport, ledger, peak_resident, release,
};
use tidegate_worker::protocol::Freed;
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

/// Virtual, and touched only as deep as a plan recurses.
const STACK: usize = 64 << 20;

/// How long threads of a task that failed may take to see it.
const LAST_STEP: Duration = Duration::from_millis(100);

/// How a query ended.
pub enum Ended {
    /// With its last row.
    Done(Box<Outcome>),
    /// By a signal; this is the exit code that says so.
    Interrupted(u8),
}

/// A query that was run, and what is known of it however it ended.
pub struct Ran {
    /// How it ended.
    pub ended: Result<Ended, EngineError>,
    /// What was seen of it.
    pub traces: Traces,
}

/// What is known of a run however it ended.
#[derive(Clone, Debug)]
pub struct Traces {
    /// When it started.
    pub started: SystemTime,
    /// How long it took.
    pub seconds: f64,
    /// The kernel's own peak of the process.
    pub peak: ByteCount,
    /// What was resident before, and after memory was given back.
    pub before: Option<ByteCount>,
    /// After memory was given back, if it was.
    pub after: Option<ByteCount>,
    /// Whether it was kept.
    pub kept: bool,
    /// Memory over time, and what happened.
    pub seen: Seen,
    /// The counters.
    pub counts: Snapshot,
    /// What was spilled.
    pub spill: SpillReport,
    /// The files.
    pub inputs: Inputs,
    /// Its plans, if it was planned and did not come to its end.
    pub unfinished: Option<Unfinished>,
}

/// What a query did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Counters, rejects, spill.
    pub finished: Finished,
    /// Whether the query was `EXPLAIN MEMORY`.
    pub explained: bool,
}

/// Returns the input that was read for each second.
#[expect(clippy::cast_precision_loss, reason = "a rate, shown without decimals")]
pub fn megabytes_per_second(finished: &Finished, seconds: f64) -> f64 {
    finished.counts.bytes.bytes() as f64 / 1e6 / seconds.max(1e-6)
}

/// Opens the sink for a result, once its columns are known. Rows on the terminal go past the bar.
pub type OpenSink<'a> = dyn FnMut(&Running, &Arc<Bar>) -> Result<Box<dyn Sink + Send>, EngineError> + 'a;

/// Is told the exit code by whoever ends the process before its run is at an end.
pub type EndsNow = Box<dyn Fn(u8) + Send>;

/// Returns one that keeps it to itself.
pub fn nobody() -> EndsNow {
    Box::new(|_| {})
}

/// Starts the watch of this process for tasks of these settings.
///
/// # Errors
/// If `/proc` cannot be read or no thread can be started.
pub fn start_watch(settings: &Settings, printer: Printer, ends: EndsNow) -> Result<Arc<Watch>, EngineError> {
    let threads = threads_of(settings.budget, settings.threads);
    let limit = settings.budget.map(|budget| budget.limit);
    if let Some(limit) = limit {
        ledger::set_quantum(limit, threads);
    }
    let (restart, observer) = (settings.restart.clone(), settings.observer.clone());
    let last_resort = Box::new(move |report: &WatchReport| {
        let asked = Some(report.asked).filter(|asked| *asked > ByteCount::ZERO);
        let asked = asked.map(|bytes| Holder { name: "a single step".into(), bytes });
        let error = MemoryLimitError::now(limit, report, asked);
        if report.replannable
            && let Some(restart) = &restart
        {
            // Where that is not possible, the error is what there is to say.
            let _ = restart.exec(&error);
        }
        let code = printer.failure(&EngineError::MemoryLimit(error.clone()));
        observer.ends_here(&error);
        // What it takes to keep that comes of what can be given back at once.
        release();
        ends(code);
        process::exit(i32::from(code));
    });
    let watch = Watch::start(WatchOptions { budget: settings.budget, last_resort });
    watch.map(Arc::new).map_err(|error| EngineError::file("read", "/proc/self/statm", error))
}

/// What a run needs besides its query.
pub struct Run<'a> {
    /// How it is bounded, and where it finds things.
    pub settings: &'a Settings,
    /// The process's watch.
    pub watch: &'a Arc<Watch>,
    /// Who says how far it is.
    pub printer: Printer,
    /// The exit code of whoever ends it before its end.
    pub interrupted: oneshot::Receiver<u8>,
    /// What becomes of the memory that it has freed.
    pub freed: Freed,
}

/// Returns what ends a run when somebody ends the process by a signal.
///
/// # Errors
/// If no thread can be started.
pub fn signals(ends: EndsNow) -> Result<oneshot::Receiver<u8>, EngineError> {
    interrupt::watch(ends).map_err(|error| EngineError::Run(format!("no thread for signals: {error}")))
}

/// Runs a query and gives its memory back, if that is asked for. Where it fails the sink is dropped unfinished, and no file appears.
///
/// # Errors
/// Any [`EngineError`] of what comes before the query's text: threads, the file of rejects.
pub fn run(sql: &str, run: Run<'_>, open: &mut OpenSink<'_>) -> Result<Ran, EngineError> {
    let Run { settings, watch, printer, mut interrupted, freed } = run;
    let (start, started, before) = (Instant::now(), SystemTime::now(), resident());
    let runtime = runtime(threads_of(settings.budget, settings.threads))?;
    let task = Task::new(settings.options(sql, watch))?;
    let limit = Limit::from(settings.budget);
    let (progress, spill, plans) = (task.progress(), task.spill(), task.plans());
    let (looked, spilled) = (Arc::clone(&progress), Arc::clone(&spill));
    let looked = monitor::Sources { progress: looked, spill: spilled, watch: Arc::clone(watch), live: task.live() };
    let monitor = Monitor::start(looked, settings.observer.clone());
    let sources =
        Sources { progress: Arc::clone(&progress), spill: Arc::clone(&spill), watch: Arc::clone(watch), limit };
    let bar = Arc::new(Bar::start(sources, printer.shows_progress()));
    let result = runtime.block_on(async {
        tokio::select! {
            biased;
            Ok(code) = &mut interrupted => Ok(Err(code)),
            result = drive(task, open, &bar) => result.map(Ok),
        }
    });
    bar.clear();
    let seconds = settings.restart.as_ref().map_or_else(|| start.elapsed().as_secs_f64(), Restart::seconds);
    let seen = monitor.end();
    let unfinished = if matches!(result, Ok(Ok(_))) { None } else { plans.unfinished() };
    match &result {
        Ok(Ok(_)) => drop(runtime),
        // What they hold is to be given back as well. Those that compute for longer end at their next await, in whatever task.
        _ => runtime.shutdown_timeout(LAST_STEP),
    }
    let peak = peak_resident().unwrap_or_else(|| watch.report().peak);
    if freed == Freed::GivenBack {
        release();
    }
    let ended = result.map(|ended| match ended {
        Ok((finished, explained)) => Ended::Done(Box::new(Outcome { finished, explained })),
        Err(code) => Ended::Interrupted(code),
    });
    let (counts, spill, inputs) = (progress.snapshot(), spill.report(), progress.inputs());
    let (after, kept) = (resident(), freed == Freed::Kept);
    let traces = Traces { started, seconds, peak, before, after, kept, seen, counts, spill, inputs, unfinished };
    Ok(Ran { ended, traces })
}

fn resident() -> Option<ByteCount> {
    Meter::open().and_then(|meter| meter.read()).map(Resident::total).ok()
}

/// Tells what a query will need.
///
/// # Errors
/// Any [`EngineError`] of the query's text and its files.
pub fn run_forecast(options: &TaskOptions, effort: Effort) -> Result<Forecast, EngineError> {
    let runtime = runtime(threads_of(options.budget, options.threads))?;
    let forecast = runtime.block_on(forecast(options, effort));
    if forecast.is_err() {
        // A sample that took too long ends at its next step, and nobody waits for it.
        runtime.shutdown_background();
    }
    forecast
}

/// Does something that may recurse as deep as a query is nested. Without a thread it is not done.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("tidegate-text".into()).stack_size(STACK);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// Returns a size that was calculated.
pub fn shown_size(bytes: f64) -> ByteCount {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and it saturates")]
    ByteCount::new(bytes.round() as u64)
}

async fn drive(task: Task, open: &mut OpenSink<'_>, bar: &Arc<Bar>) -> Result<(Finished, bool), EngineError> {
    let mut running = task.start().await?;
    let entered = running.output().enter();
    let sink = open(&running, bar);
    drop(entered);
    let mut sink = sink?;
    while let Some(batch) = running.next().await? {
        let entered = running.output().enter();
        let written = if running.explains_memory() { Ok(()) } else { sink.write(&batch) };
        drop(batch);
        drop(entered);
        if let Err(error) = written {
            // Whoever reads the rows has enough of them; the rejects so far are kept all the same.
            if matches!(error, EngineError::BrokenPipe) {
                running.finish()?;
            }
            return Err(error);
        }
    }
    let explains_memory = running.explains_memory();
    let finished = running.finish()?;
    if explains_memory {
        let rows = finished.memory.to_batch().map_err(|error| EngineError::Run(error.to_string()))?;
        sink.write(&rows)?;
    }
    sink.finish(if finished.too_many_rejects { Verdict::Discard } else { Verdict::Keep })?;
    Ok((finished, explains_memory))
}

fn runtime(threads: usize) -> Result<Runtime, EngineError> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(4)
        .thread_stack_size(STACK)
        .thread_name("tidegate-worker")
        .on_thread_park(ledger::flush_thread)
        .on_thread_stop(ledger::flush_thread)
        .enable_all()
        .build()
        .map_err(|error: io::Error| EngineError::Run(format!("threads could not be started: {error}")))
}
