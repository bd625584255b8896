//! Who is told what happens in one run, or in one unit of a loop.

use super::{EventArgs, EventLog, MetricsFile, Webhook, host, last_words::LastWords, now_ms, run_id};
use crate::{monitor::Look, printer::Printer, settings::Settings};
use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tidegate_engine::EngineError;
use tidegate_govern::MemoryLimitError;
use tidegate_memory::ByteCount;
use tidegate_report::{
    live::{Live, Stage},
    log::{Happened, Numbers, Outcome},
    notice::{About, Notice},
    prometheus,
    record::{Ended, Forecast, How, RunRecord},
};
use tidegate_worker::protocol::Events;

/// Is told what happens in a run, and tells others. A clone is of the same run; the default is told and tells nobody.
#[derive(Clone, Debug, Default)]
pub struct Observer(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    run: String,
    unit: Option<String>,
    text: String,
    started_ms: u64,
    limit: Option<ByteCount>,
    printer: Printer,
    log: Option<EventLog>,
    metrics: Option<MetricsFile>,
    webhook: Option<Webhook>,
    /// The share of the limit, in percent, that is told of when the peak passes it, and whether that was.
    above: u8,
    is_above: AtomicBool,
}

/// What a run's observers have to know.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// What is wanted.
    pub arguments: &'a EventArgs,
    /// How the run is bounded, and whether it goes on from a process before.
    pub settings: &'a Settings,
    /// The query.
    pub text: &'a str,
    /// Who says what fails.
    pub printer: Printer,
}

impl Observer {
    /// Opens all that a run is told to, and tells that it starts.
    ///
    /// # Errors
    /// If the log or the file of metrics cannot be written.
    pub fn open(opening: Opening<'_>) -> Result<Self, EngineError> {
        let Opening { arguments, settings, text, printer } = opening;
        arguments.check()?;
        let restart = settings.restart.as_ref();
        let run = restart.map_or_else(run_id, |restart| restart.run.clone());
        let limit = settings.budget.map(|budget| budget.limit);
        let log = arguments.log().map(|path| EventLog::open(path, &run, printer)).transpose()?;
        let started_ms = now_ms();
        let first = Live { text: text.to_owned(), started_ms, limit, ..Live::default() };
        let metrics =
            arguments.metrics().map(|path| MetricsFile::begin(path, printer, &first.to_text())).transpose()?;
        let webhook = arguments.webhook().map(Webhook::new);
        if log.is_none() && metrics.is_none() && webhook.is_none() {
            return Ok(Self::default());
        }
        let (unit, above) = (None, arguments.webhook_above);
        let (text, is_above) = (text.to_owned(), AtomicBool::new(false));
        let shared = Shared { run, unit, text, started_ms, limit, printer, log, metrics, webhook, above, is_above };
        shared.started(settings.threads, restart.map_or(0, |restart| restart.given_up.reasons().len()));
        Ok(Self(Some(Arc::new(shared))))
    }

    /// Opens the log of a loop for what happens in one of its units; where that fails, nothing is told. That the unit starts and
    /// ends, the loop tells itself, as it does all else.
    pub fn of_unit(events: Option<&Events>, limit: Option<ByteCount>, printer: Printer) -> Self {
        let Some(Events { log, run, unit, above }) = events else { return Self::default() };
        let Ok(log) = EventLog::open(log, run, printer) else { return Self::default() };
        Self(Some(Arc::new(Shared {
            run: run.clone(),
            unit: Some(unit.clone()),
            text: String::new(),
            started_ms: now_ms(),
            limit,
            printer,
            log: Some(log),
            metrics: None,
            webhook: None,
            above: *above,
            is_above: AtomicBool::new(false),
        })))
    }

    /// Returns whether anybody is told.
    pub fn is_told(&self) -> bool {
        self.0.is_some()
    }

    /// Tells what happened.
    pub fn happened(&self, happened: Happened, numbers: Numbers) {
        let Some(Shared { log: Some(log), unit, .. }) = self.0.as_deref() else { return };
        log.write(unit.as_deref(), happened, numbers);
    }

    /// Tells what is expected of the run.
    pub fn forecast(&self, forecast: &Forecast) {
        let Forecast { expected, bound, mode, .. } = *forecast;
        self.happened(Happened::Forecast { expected, bound, mode: Some(mode) }, Numbers::default());
    }

    /// Tells what a look at the run saw, to those who want to know.
    pub fn looked(&self, look: &Look) {
        let Some(shared) = &self.0 else { return };
        shared.peaked(look.peak);
        if let Some(metrics) = &shared.metrics {
            metrics.tick(|| shared.live(look, Stage::Running).to_text());
        }
    }

    /// Tells how the run ended, and waits for those who are told, for a bounded time. `last` is what the last look saw.
    pub fn ended(&self, record: &RunRecord, last: &Look) {
        let Some(shared) = &self.0 else { return };
        shared.peaked(record.peak.unwrap_or_default());
        shared.write(ended(record));
        if let Some(metrics) = &shared.metrics {
            metrics.replace(&(shared.live(last, Stage::Over).to_text() + &prometheus::run(record)));
        }
        let Some(webhook) = &shared.webhook else { return };
        if record.ended.how == How::MemoryLimit {
            webhook.post(shared.refused(record));
        }
        if let Some(failed) = webhook.finish() {
            shared.printer.warning("webhook", &format!("nobody was told: {failed}"));
        }
    }

    /// Tells that a run ended before it began.
    pub fn failed(&self, error: &EngineError) {
        let ended = Ended {
            how: if matches!(error, EngineError::MemoryLimit(_)) { How::MemoryLimit } else { How::Failed },
            exit_code: i32::from(error.exit_code()),
            message: Some(error.to_string()),
            help: error.help(),
        };
        let Some(shared) = &self.0 else { return };
        self.ended(&RunRecord { ended, ..shared.record() }, &Look::default());
    }

    /// Tells that the process ends where it stands, at its limit. May end it itself.
    pub fn ends_here(&self, error: &MemoryLimitError) {
        let Some(shared) = self.0.as_ref().filter(|shared| shared.unit.is_none()) else { return };
        let (message, help) = (Some(error.to_string()), Some(error.help()));
        let ended = Ended { how: How::MemoryLimit, exit_code: 3, message, help };
        let record = RunRecord { ended, peak: Some(error.used), ..shared.record() };
        shared.write(self::ended(&record));
        if shared.metrics.is_none() && shared.webhook.is_none() {
            return;
        }
        let over = Live { peak: error.used, ..shared.live(&Look::default(), Stage::Over) };
        let text = || over.to_text() + &prometheus::run(&record);
        let words = LastWords {
            metrics: shared.metrics.as_ref().map(|metrics| (metrics.path(), text())),
            notice: shared.webhook.as_ref().map(|webhook| (webhook.url(), shared.refused(&record))),
            exit_code: 3,
        };
        let error = words.exec(shared.printer);
        shared.printer.warning("webhook", &format!("nobody was told: {error}"));
    }
}

impl Shared {
    /// Tells that the run starts, or goes on in another plan where the process had to start anew.
    fn started(&self, threads: usize, plans_before: usize) {
        let (text, limit) = (self.text.clone(), self.limit);
        self.write(match plans_before {
            0 => Happened::Started { text, limit, threads: Some(threads), pid: Some(process::id()) },
            _ => Happened::Replan { plan: plans_before + 1 },
        });
    }

    fn write(&self, happened: Happened) {
        if let Some(log) = &self.log {
            log.write(self.unit.as_deref(), happened, Numbers::default());
        }
    }

    /// Tells, once, that the peak passed the share of the limit.
    fn peaked(&self, peak: ByteCount) {
        let Some(limit) = self.limit else { return };
        if peak < limit.percent(u64::from(self.above)) || self.is_above.swap(true, Relaxed) {
            return;
        }
        self.write(Happened::PeakAbove { percent: self.above, peak, limit });
        if let Some(webhook) = &self.webhook {
            webhook.post(Notice { peak: Some(peak), ..self.notice(About::PeakAbove(self.above)) }.to_json());
        }
    }

    fn refused(&self, record: &RunRecord) -> String {
        let Ended { message, help, .. } = record.ended.clone();
        let about = About::Refused { message: message.unwrap_or_default(), help };
        Notice { peak: record.peak, ..self.notice(about) }.to_json()
    }

    fn notice(&self, about: About) -> Notice {
        Notice {
            time_ms: now_ms(),
            run: self.run.clone(),
            unit: self.unit.clone(),
            host: host(),
            query: self.text.clone(),
            limit: self.limit,
            peak: None,
            about,
        }
    }

    fn live(&self, look: &Look, stage: Stage) -> Live {
        let Self { text, started_ms, limit, .. } = self;
        Live { stage, text: text.clone(), started_ms: *started_ms, limit: *limit, ..look.live_numbers() }
    }

    /// Returns the record of a run of which nothing more is known.
    fn record(&self) -> RunRecord {
        RunRecord {
            text: self.text.clone(),
            started_ms: Some(self.started_ms),
            limit: self.limit,
            ..RunRecord::default()
        }
    }
}

/// Returns the last event of a run.
pub fn ended(record: &RunRecord) -> Happened {
    let outcome = Outcome {
        exit_code: record.ended.exit_code,
        seconds: Some(record.seconds),
        peak: record.peak,
        limit: record.limit,
        spilled: Some(record.spilled.bytes),
        rows: Some(record.lines.rows),
        rejects: Some(record.lines.rejects),
        rows_out: Some(record.rows_out),
        units: None,
        message: record.ended.message.clone(),
        help: record.ended.help.clone(),
    };
    if outcome.exit_code == 0 { Happened::Finished(outcome) } else { Happened::Failed(outcome) }
}
