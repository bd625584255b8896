//! Who is told what happens in a loop.

use super::{board::Board, endpoint::Endpoint};
use crate::{
    args::RunArgs,
    events::{EventLog, MetricsFile, Webhook, host, now_ms, run_id},
    printer::Printer,
};
use std::{
    path::{Path, PathBuf, absolute},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};
use tidegate_engine::EngineError;
use tidegate_memory::ByteCount;
use tidegate_report::{
    live::{Live, Stage},
    log::{Happened, Numbers, Outcome},
    notice::{About, Notice},
};
use tidegate_tasks::{
    Forecast,
    plan::Unit,
    turn::{Ended, Event, Failure, Summary},
};
use tidegate_worker::protocol::{Events, Progress};

/// Between two times that the file of metrics is replaced.
const TICK: Duration = Duration::from_secs(1);

/// Is told what happens in a loop, and tells others. A clone is of the same loop.
#[derive(Clone, Debug)]
pub(super) struct LoopObserver(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    run: String,
    text: String,
    started_ms: u64,
    limit: ByteCount,
    printer: Printer,
    log: Option<EventLog>,
    /// The log as workers find it.
    workers_log: Option<PathBuf>,
    metrics: Option<MetricsFile>,
    webhook: Option<Webhook>,
    /// The share of a unit's limit that is told of when its peak passes it, and whether that was.
    above: u8,
    is_above: AtomicBool,
    board: Board,
}

/// What goes on beside a loop until it is dropped.
#[derive(Debug)]
pub(super) struct Beside {
    _endpoint: Option<Endpoint>,
    _ticks: Option<Ticks>,
}

/// A thread that replaces the file of metrics again and again, until this is dropped.
#[derive(Debug)]
struct Ticks {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Ticks {
    /// What is written last must not be replaced by what is older.
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked writes nothing either.
            let _ = thread.join();
        }
    }
}

impl LoopObserver {
    /// Opens all that a loop of this limit is told to.
    ///
    /// # Errors
    /// If the log or the metrics cannot be written.
    pub(super) fn open(arguments: &RunArgs, limit: ByteCount, printer: Printer) -> Result<Self, EngineError> {
        let (events, run) = (&arguments.events, run_id());
        events.check()?;
        let log = events.log().map(|path| EventLog::open(path, &run, printer)).transpose()?;
        let workers_log = events.log().filter(|path| *path != Path::new("-")).and_then(|path| absolute(path).ok());
        let (text, started_ms) = (arguments.file.display().to_string(), now_ms());
        let board = Board::default();
        let first = Live { text: text.clone(), started_ms, limit: Some(limit), ..board.live() };
        let metrics = events.metrics().map(|path| MetricsFile::begin(path, printer, &first.to_text())).transpose()?;
        let webhook = events.webhook().map(Webhook::new);
        let (above, is_above) = (events.webhook_above, AtomicBool::new(false));
        let observer = Self(Arc::new(Shared {
            run,
            text,
            started_ms,
            limit,
            printer,
            log,
            workers_log,
            metrics,
            webhook,
            above,
            is_above,
            board,
        }));
        observer.started();
        Ok(observer)
    }

    fn started(&self) {
        let Shared { text, limit, .. } = &*self.0;
        let (text, limit, pid) = (text.clone(), Some(*limit), Some(process::id()));
        self.0.write(None, Happened::Started { text, limit, threads: None, pid });
    }

    /// Starts what goes on beside the loop.
    ///
    /// # Errors
    /// If the address of the endpoint cannot be had.
    pub(super) fn beside(&self, arguments: &RunArgs) -> Result<Beside, EngineError> {
        let metrics = self.clone();
        let endpoint = arguments.metrics_listen.map(|address| {
            Endpoint::open(address, move || metrics.0.live(Stage::Running).to_text())
                .map_err(|error| EngineError::Run(format!("listen at {address} for --metrics-listen: {error}")))
        });
        let endpoint = endpoint.transpose()?;
        if let Some(endpoint) = &endpoint {
            self.0.printer.note(&format!("metrics: http://{}/metrics", endpoint.address()));
        }
        Ok(Beside { _endpoint: endpoint, _ticks: self.ticks() })
    }

    /// Starts to replace the file of metrics again and again.
    fn ticks(&self) -> Option<Ticks> {
        self.0.metrics.as_ref()?;
        let (sender, stopped) = mpsc::channel();
        let observer = self.clone();
        let tick = move || {
            while matches!(stopped.recv_timeout(TICK), Err(RecvTimeoutError::Timeout)) {
                if let Some(metrics) = &observer.0.metrics {
                    metrics.tick(|| observer.0.live(Stage::Running).to_text());
                }
            }
        };
        // Without a thread the file is written at the end.
        let thread = thread::Builder::new().name("tidegate-metrics".into()).spawn(tick).ok()?;
        Some(Ticks { stop: Some(sender), thread: Some(thread) })
    }

    /// Returns where a worker tells what happens in a unit.
    pub(super) fn events(&self, unit: &str) -> Option<Events> {
        let Shared { run, workers_log, above, .. } = &*self.0;
        let log = workers_log.clone()?;
        Some(Events { log, run: run.clone(), unit: unit.to_owned(), above: *above })
    }

    /// Tells what a unit is expected to need.
    pub(super) fn forecast(&self, unit: &Unit, forecast: Forecast) {
        let Forecast { expected, bound } = forecast;
        self.0.write(Some(unit), Happened::Forecast { expected, bound: Some(bound), mode: None });
    }

    /// Takes down how far a unit is, whose limit is this.
    pub(super) fn progress(&self, unit: &Unit, limit: ByteCount, progress: Progress) {
        self.0.board.progress(&unit.name, progress);
        self.0.peaked(unit, progress.resident, limit);
    }

    /// Tells what happened.
    pub(super) fn told(&self, event: &Event<'_>) {
        self.0.board.told(event);
        let write = |unit, happened| self.0.write(Some(unit), happened);
        match event {
            Event::Started { unit, limit } => {
                write(unit, Happened::Started { text: String::new(), limit: Some(*limit), threads: None, pid: None });
            }
            Event::Retrying { unit, failure } => write(unit, Happened::Retry { message: failure.message.clone() }),
            Event::Skipped { unit, because } => write(unit, Happened::LeftOut { because: (*because).to_owned() }),
            Event::Finished { unit, ended } => {
                let outcome = outcome(Some(ended), None);
                self.0.peaked_at_end(unit, &outcome);
                write(unit, Happened::Finished(outcome));
            }
            Event::Failed { unit, failure, ended } => {
                let outcome = outcome(*ended, Some(failure));
                self.0.peaked_at_end(unit, &outcome);
                if failure.exit_code == 3 {
                    self.0.refused(unit, failure, &outcome);
                }
                write(unit, Happened::Failed(outcome));
            }
            _ => {}
        }
    }

    /// Tells how the loop ended, and waits for those who are told, for a bounded time.
    pub(super) fn ended(&self, summary: &Summary) {
        let shared = &self.0;
        shared.board.over(summary);
        let units = Some(shared.board.units());
        let outcome = Outcome { exit_code: i32::from(summary.exit_code()), units, ..Outcome::default() };
        let happened = if outcome.exit_code == 0 { Happened::Finished(outcome) } else { Happened::Failed(outcome) };
        shared.write(None, happened);
        if let Some(metrics) = &shared.metrics {
            metrics.replace(&shared.live(Stage::Over).to_text());
        }
        if let Some(failed) = shared.webhook.as_ref().and_then(Webhook::finish) {
            shared.printer.warning("webhook", &format!("nobody was told: {failed}"));
        }
    }
}

impl Shared {
    fn write(&self, unit: Option<&Unit>, happened: Happened) {
        if let Some(log) = &self.log {
            log.write(unit.map(|unit| unit.name.as_str()), happened, Numbers::default());
        }
    }

    fn live(&self, stage: Stage) -> Live {
        let Self { text, started_ms, limit, .. } = self;
        Live { stage, text: text.clone(), started_ms: *started_ms, limit: Some(*limit), ..self.board.live() }
    }

    /// Tells, once, that the peak of a unit passed the share of its limit. Its worker tells the log.
    fn peaked(&self, unit: &Unit, peak: ByteCount, limit: ByteCount) {
        let Some(webhook) = &self.webhook else { return };
        if peak < limit.percent(u64::from(self.above)) || self.is_above.swap(true, Relaxed) {
            return;
        }
        let notice = self.notice(unit, About::PeakAbove(self.above));
        webhook.post(Notice { peak: Some(peak), limit: Some(limit), ..notice }.to_json());
    }

    fn peaked_at_end(&self, unit: &Unit, outcome: &Outcome) {
        if let (Some(peak), Some(limit)) = (outcome.peak, outcome.limit) {
            self.peaked(unit, peak, limit);
        }
    }

    fn refused(&self, unit: &Unit, failure: &Failure, outcome: &Outcome) {
        let Some(webhook) = &self.webhook else { return };
        let about = About::Refused { message: failure.message.clone(), help: failure.help.clone() };
        webhook.post(Notice { peak: outcome.peak, limit: outcome.limit, ..self.notice(unit, about) }.to_json());
    }

    fn notice(&self, unit: &Unit, about: About) -> Notice {
        Notice {
            time_ms: now_ms(),
            run: self.run.clone(),
            unit: Some(unit.name.clone()),
            host: host(),
            query: unit.sql().unwrap_or_default(),
            about,
            ..Notice::default()
        }
    }
}

/// Returns how a unit ended, as its record says, if it has one.
fn outcome(ended: Option<&Ended>, failure: Option<&Failure>) -> Outcome {
    let record = ended.and_then(|ended| tidegate_report::json::read(ended.record.as_deref()?).ok());
    let record = record.as_ref();
    Outcome {
        exit_code: failure.map_or(0, |failure| i32::from(failure.exit_code)),
        seconds: record.map(|record| record.seconds),
        peak: ended.and_then(|ended| ended.memory.peak),
        limit: record.and_then(|record| record.limit),
        spilled: record.map(|record| record.spilled.bytes),
        rows: record.map(|record| record.lines.rows),
        rejects: record.map(|record| record.lines.rejects),
        rows_out: record.map(|record| record.rows_out),
        units: None,
        message: failure.map(|failure| failure.message.clone()),
        help: failure.and_then(|failure| failure.help.clone()),
    }
}
