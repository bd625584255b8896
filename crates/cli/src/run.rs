//! Runs one query to its end: the watch, the runtime, the bar, the sink.

use crate::{
    bar::{Bar, Sources},
    interrupt,
    printer::Printer,
    restart::Restart,
    settings::Settings,
};
use std::{io, process, sync::Arc, time::Instant};
use tidegate_engine::{
    EngineError, Finished, Running, Task,
    forecast::{Forecast, forecast},
    sink::{Sink, Verdict},
    threads_of,
};
use tidegate_govern::{Holder, MemoryLimitError};
use tidegate_memory::{ByteCount, Limit, Watch, WatchOptions, WatchReport, ledger, peak_resident, release};
use tokio::runtime::{Builder, Runtime};

/// Virtual, and touched only as deep as a plan recurses.
const STACK: usize = 64 << 20;

/// How a query ended.
pub enum Ended {
    /// With its last row.
    Done(Box<Outcome>),
    /// By a signal; this is the exit code that says so.
    Interrupted(u8),
}

/// What a query did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Counters, rejects, spill.
    pub finished: Finished,
    /// Whether the query was `EXPLAIN MEMORY`.
    pub explained: bool,
    /// From the start of the task to its last row.
    pub seconds: f64,
    /// The kernel's own peak of the process.
    pub peak: ByteCount,
}

impl Outcome {
    /// Returns the input read for each second.
    #[expect(clippy::cast_precision_loss, reason = "a rate, shown without decimals")]
    pub fn megabytes_per_second(&self) -> f64 {
        self.finished.counts.bytes.bytes() as f64 / 1e6 / self.seconds.max(1e-6)
    }
}

/// Opens the sink for a result, once its columns are known. Rows on the terminal go past the bar.
pub type OpenSink<'a> = dyn FnMut(&Running, &Arc<Bar>) -> Result<Box<dyn Sink + Send>, EngineError> + 'a;

/// Starts the watch of this process for tasks of these settings.
///
/// # Errors
/// If `/proc` cannot be read or no thread can be started.
pub fn start_watch(settings: &Settings, printer: Printer) -> Result<Arc<Watch>, EngineError> {
    let threads = threads_of(settings.budget, settings.threads);
    let limit = settings.budget.map(|budget| budget.limit);
    if let Some(limit) = limit {
        ledger::set_quantum(limit, threads);
    }
    let restart = settings.restart.clone();
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
        process::exit(i32::from(printer.failure(&EngineError::MemoryLimit(error))));
    });
    let watch = Watch::start(WatchOptions { budget: settings.budget, last_resort });
    watch.map(Arc::new).map_err(|error| EngineError::file("read", "/proc/self/statm", error))
}

/// Runs a query and gives its memory back.
///
/// # Errors
/// Any [`EngineError`]; the sink is dropped unfinished then, and no file appears.
pub fn run(
    sql: &str,
    settings: &Settings,
    watch: &Arc<Watch>,
    printer: Printer,
    open: &mut OpenSink<'_>,
) -> Result<Ended, EngineError> {
    let start = Instant::now();
    let runtime = runtime(threads_of(settings.budget, settings.threads))?;
    let task = Task::new(settings.options(sql, watch))?;
    let limit = settings.budget.map_or(Limit::Unlimited, |budget| Limit::Bytes(budget.limit));
    let sources = Sources { progress: task.progress(), spill: task.spill(), watch: Arc::clone(watch), limit };
    let bar = Arc::new(Bar::start(sources, printer.shows_progress()));
    let mut interrupted =
        interrupt::watch().map_err(|error| EngineError::Run(format!("no thread for signals: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            biased;
            Ok(code) = &mut interrupted => Ok(Err(code)),
            result = drive(task, open, &bar) => result.map(Ok),
        }
    });
    bar.clear();
    // Threads that still compute for a task that failed are left to the end of the process.
    match &result {
        Ok(Ok(_)) => drop(runtime),
        _ => runtime.shutdown_background(),
    }
    let peak = peak_resident().unwrap_or_else(|| watch.report().peak);
    release();
    Ok(match result? {
        Ok((finished, explained)) => {
            let seconds = settings.restart.as_ref().map_or_else(|| start.elapsed().as_secs_f64(), Restart::seconds);
            Ended::Done(Box::new(Outcome { finished, explained, seconds, peak }))
        }
        Err(code) => Ended::Interrupted(code),
    })
}

/// Tells what a query will need.
///
/// # Errors
/// Any [`EngineError`] of the query's text and its files.
pub fn run_forecast(sql: &str, settings: &Settings, watch: &Arc<Watch>) -> Result<Forecast, EngineError> {
    let runtime = runtime(threads_of(settings.budget, settings.threads))?;
    let options = settings.options(sql, watch);
    runtime.block_on(forecast(&options))
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
