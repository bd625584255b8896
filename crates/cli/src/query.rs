//! `tidegate query`.

use crate::{
    Metering,
    args::{Forecasting, QueryArgs},
    bar::{Bar, PastBar},
    events::{Observer, Opening},
    expectation::{self, Asked},
    kept::Kept,
    outputs,
    printer::Printer,
    record,
    restart::{Carried, Restart},
    run::{Ended, EndsNow, Outcome, Ran, Run, run, signals, start_watch},
    settings::{Settings, cache_folder, spill_folder},
    sql,
    table::TableSink,
};
use std::{
    io::{self, BufWriter, IsTerminal},
    sync::Arc,
};
use tidegate_engine::{
    EngineError, MemoryReport, Running,
    sink::{self, OutputFile, OutputFormat, Sink, Target, Verdict},
};
use tidegate_govern::is_in_memory;
use tidegate_memory::{ByteCount, machine::Machine};
use tidegate_worker::protocol::Freed;

/// Exit code of a task with more rejects than allowed.
const TOO_MANY_REJECTS: u8 = 4;

/// Runs the command and returns its exit code.
///
/// # Errors
/// Those that come before the query itself; errors of the query are said here, with a caret where possible.
pub fn run_command(arguments: &QueryArgs, printer: Printer, metering: Metering) -> Result<u8, EngineError> {
    outputs::check(arguments)?;
    let sql = sql::text(&arguments.sql)?;
    outputs::check_inputs(arguments, &sql)?;
    let record = arguments.record.as_deref().map(OutputFile::create).transpose()?;
    let printer = if arguments.events.logs_to_stderr() { printer.without_progress() } else { printer };
    let usual = Settings::of(&arguments.limit)?;
    let mut settings = Settings {
        budget: usual.budget.filter(|_| metering == Metering::On),
        cache: cache_folder(arguments.cache.as_deref()),
        rejects: arguments.rejects.clone(),
        max_rejects: arguments.max_rejects,
        metered: metering == Metering::On,
        restart: (arguments.sql != "-" && outputs::reopen(arguments)).then(Restart::of_process),
        ..usual
    };
    settings.observer =
        Observer::open(Opening { arguments: &arguments.events, settings: &settings, text: &sql, printer })?;
    warn_of_less(&settings, printer);
    let carried = Carried::of(&settings);
    let kept = Kept::open(&arguments.history, printer, carried.run());
    let watch = start_watch(&settings, printer, ends(&kept))?;
    let forecast = carried.forecast().or_else(|| {
        let (settings, watch, wish) = (&settings, &watch, arguments.forecast);
        // Who has started anew has no time for it, and knows that it did not fit.
        let wish = if carried.is_first() { wish } else { Forecasting::Never };
        expectation::of(&Asked { sql: &sql, settings, watch, kept: &kept, wish, printer })
    });
    if let (Some(forecast), true) = (&forecast, carried.is_first()) {
        settings.observer.forecast(forecast);
    }
    let expected = record::Given { sql: &sql, settings: &settings, forecast };
    let interrupted = signals(ends(&kept))?;
    let given = Run { settings: &settings, watch: &watch, printer, interrupted, freed: Freed::GivenBack };
    let ran = run(&sql, given, &mut |running, bar| {
        let sink = open(arguments, running, bar)?;
        kept.begin(&record::begun(&expected, &running.progress().inputs()));
        carried.leave(kept.run().as_ref(), expected.forecast.as_ref());
        Ok(sink)
    });
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            let code = printer.failure_in(&error, &sql);
            settings.observer.failed(&error);
            return Ok(code);
        }
    };
    let whole = record::of(&expected, &ran);
    let code = told(arguments, printer, &ran, &sql);
    // Slips of the pen are no runs.
    if ran.traces.counts.scans > 0 || ran.ended.is_ok() {
        kept.end(&record::row(&whole, &ran));
    } else {
        kept.forget();
    }
    let code = code?;
    if let (Some(file), Ok(Ended::Done(_))) = (record, &ran.ended) {
        record::write(file, &whole)?;
    }
    settings.observer.ended(&whole, &ran.traces.seen.last);
    Ok(code)
}

/// Says if the machine, or the cgroup, allows less than the limit. A cgroup counts in pages, so that its limit may be a little less.
fn warn_of_less(settings: &Settings, printer: Printer) {
    let Some(limit) = settings.budget.map(|budget| budget.limit) else { return };
    if let Some(allowed) = Machine::read().allowed().filter(|allowed| *allowed + ByteCount::mib(1) < limit) {
        let less = format!(
            "{limit} is more than the {allowed} that there are here: the kernel may end this before the limit does"
        );
        printer.warning("limit", &less);
    }
}

/// Keeps the end of a run by whoever ends the process.
fn ends(kept: &Kept) -> EndsNow {
    let kept = kept.clone();
    Box::new(move |code| kept.end_now(code))
}

/// Says how the query went, and returns its exit code.
fn told(arguments: &QueryArgs, printer: Printer, ran: &Ran, sql: &str) -> Result<u8, EngineError> {
    let outcome = match &ran.ended {
        Ok(Ended::Done(outcome)) => outcome,
        Ok(Ended::Interrupted(code)) => {
            printer.note("interrupted");
            return Ok(*code);
        }
        Err(error) => return Ok(printer.failure_in(error, sql)),
    };
    printer.summary(outcome, &ran.traces, arguments.limit.limit);
    let folder = spill_folder(arguments.limit.spill_dir.as_deref());
    if outcome.finished.spill.written > ByteCount::ZERO && is_in_memory(&folder) {
        printer.spilled_to_memory(&folder);
    }
    if arguments.explain_memory {
        explain_memory(outcome)?;
    }
    if arguments.explain_memory || outcome.explained {
        printer.timeline(outcome, &ran.traces, arguments.limit.limit);
    }
    if outcome.finished.too_many_rejects {
        printer.too_many_rejects(&outcome.finished, arguments.rejects.as_deref());
        return Ok(TOO_MANY_REJECTS);
    }
    Ok(0)
}

/// Shows where the memory was, beside the rows of the query.
fn explain_memory(outcome: &Outcome) -> Result<(), EngineError> {
    let rows = outcome.finished.memory.to_batch().map_err(|error| EngineError::Run(error.to_string()))?;
    let stderr = Target::Stream(Box::new(io::stderr()));
    let mut table: Box<dyn Sink> = Box::new(TableSink::new(stderr, &MemoryReport::schema(), false));
    table.write(&rows)?;
    table.finish(Verdict::Keep)
}

fn open(arguments: &QueryArgs, running: &Running, bar: &Arc<Bar>) -> Result<Box<dyn Sink + Send>, EngineError> {
    let terminal = io::stdout().is_terminal();
    let format = match (&arguments.output, arguments.format) {
        (_, Some(format)) => format,
        (Some(path), None) => outputs::format_of(path).ok_or_else(|| {
            EngineError::query_with_help(
                format!("the extension of `{}` names no format", path.display()),
                "add --format csv, ndjson, arrow, parquet or table",
            )
        })?,
        (None, None) if terminal => OutputFormat::Table,
        (None, None) => OutputFormat::Csv,
    };
    let file = arguments.output.as_deref().map(OutputFile::create).transpose()?;
    let shown = terminal && file.is_none();
    let target = match file {
        Some(file) => Target::File(file),
        None if terminal && matches!(format, OutputFormat::Arrow | OutputFormat::Parquet) => {
            return Err(EngineError::query_with_help("binary rows are not written to a terminal", "add -o FILE"));
        }
        None => Target::Stream(Box::new(BufWriter::new(PastBar::new(bar, io::stdout(), terminal)))),
    };
    if format == OutputFormat::Table {
        return Ok(Box::new(TableSink::new(target, running.schema(), shown)));
    }
    sink::open(format, target, running.schema(), running.profile())
}
