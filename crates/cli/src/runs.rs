//! `tidegate runs` and `tidegate report`: what is known of runs that are over.

use crate::{
    args::{Color, ReportArgs, ReportForm, RunsArgs, TextForm},
    history,
    printer::Printer,
    record::{self, milliseconds},
    say::say,
};
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, SystemTime},
};
use tidegate_engine::{EngineError, sink::OutputFile};
use tidegate_memory::ByteCount;
use tidegate_report::{
    html, json as record_json, prometheus,
    record::{How, RunRecord},
    terminal,
};
use tidegate_tasks::{
    TasksError,
    history::{History, Prune, Run, RunFilter},
};

/// Runs `tidegate runs` and returns its exit code.
///
/// # Errors
/// If the standard output cannot be written.
pub fn run_command(arguments: &RunsArgs, printer: Printer) -> Result<u8, EngineError> {
    let Some(mut history) = history::open(&arguments.history, printer) else { return Ok(no_history(printer)) };
    // Before there were clocks there were no runs.
    let days = |days: u64| {
        let ago = days.checked_mul(24 * 3600).map(Duration::from_secs);
        ago.and_then(|ago| SystemTime::now().checked_sub(ago)).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    let prune = match (arguments.keep, arguments.drop_older.map(days)) {
        (Some(keep), _) => Some(Prune::KeepNewest(keep)),
        (None, Some(time)) => Some(Prune::Before(time)),
        (None, None) => None,
    };
    if let Some(prune) = prune {
        return Ok(match history.prune(prune) {
            Ok(dropped) => {
                printer.note(&format!("{dropped} runs dropped"));
                0
            }
            Err(error) => failed(&error, printer),
        });
    }
    let filter = RunFilter {
        text: arguments.text.clone(),
        outcome: arguments.outcome,
        since: arguments.days.map(days),
        kind: None,
        count: Some(arguments.count),
    };
    let records = history.list(&filter).and_then(|runs| records(&mut history, &runs));
    match records {
        Ok(records)
            if records.is_empty()
                && arguments.format == TextForm::Text
                && history.count().is_ok_and(|count| count > 0) =>
        {
            say("no run of the history is like that; `tidegate runs` lists the newest")?;
            Ok(0)
        }
        Ok(records) => shown(&records, arguments.format),
        Err(error) => Ok(failed(&error, printer)),
    }
}

fn shown(records: &[RunRecord], form: TextForm) -> Result<u8, EngineError> {
    match form {
        TextForm::Json => {
            let values: Vec<Value> = records.iter().map(|record| json!(record)).collect();
            say(&format!("{:#}", Value::Array(values)))?;
        }
        TextForm::Text => print_text(&terminal::runs(records, style()))?,
    }
    Ok(0)
}

/// Runs `tidegate report` and returns its exit code.
///
/// # Errors
/// If the report cannot be written.
pub fn report_command(arguments: &ReportArgs, printer: Printer) -> Result<u8, EngineError> {
    let Some(mut history) = history::open(&arguments.history, printer) else { return Ok(no_history(printer)) };
    let text = if arguments.all { all(&mut history, arguments) } else { one(&mut history, arguments) };
    let text = match text {
        Ok(text) => text,
        Err(error) => return Ok(failed(&error, printer)),
    };
    match &arguments.output {
        Some(path) => {
            let mut file = OutputFile::create(path)?;
            file.write_all(text.as_bytes()).map_err(|error| file.error(error))?;
            file.commit()?;
            printer.note(&format!("the report is in {}", path.display()));
        }
        None => print_text(&text)?,
    }
    Ok(0)
}

fn one(history: &mut History, arguments: &ReportArgs) -> Result<String, TasksError> {
    let run = history.get(&arguments.run)?;
    let record = whole(history, &run)?;
    Ok(match form(arguments) {
        ReportForm::Html => html::run_page(&record),
        ReportForm::Terminal => terminal::run(&record, style()),
        ReportForm::Json => record_json::write(&record).unwrap_or_default() + "\n",
        ReportForm::Prometheus => prometheus::run(&record),
    })
}

fn all(history: &mut History, arguments: &ReportArgs) -> Result<String, TasksError> {
    let runs = history.list(&RunFilter { count: Some(html::MOST_RUNS), ..RunFilter::default() })?;
    let records = records(history, &runs)?;
    Ok(match form(arguments) {
        ReportForm::Html => html::runs_page(&records, history.count()?),
        ReportForm::Terminal => terminal::runs(&records, style()),
        ReportForm::Json => format!("{:#}\n", json!(records)),
        ReportForm::Prometheus => prometheus::newest(&records),
    })
}

/// Returns the form that is asked for: the page for a file, text for a terminal.
fn form(arguments: &ReportArgs) -> ReportForm {
    match (arguments.format, &arguments.output) {
        (Some(form), _) => form,
        (None, Some(_)) if !arguments.terminal => ReportForm::Html,
        (None, _) => ReportForm::Terminal,
    }
}

fn records(history: &mut History, runs: &[Run]) -> Result<Vec<RunRecord>, TasksError> {
    runs.iter().map(|run| whole(history, run)).collect()
}

/// Returns the record of a run. One that cannot be read leaves what the history itself knows.
fn whole(history: &mut History, run: &Run) -> Result<RunRecord, TasksError> {
    let text = history.record(&run.id)?;
    let mut record = record_json::read(&text).unwrap_or_else(|_| RunRecord {
        text: run.facts.text.clone(),
        limit: run.facts.limit.bytes(),
        started_ms: Some(milliseconds(run.facts.started)),
        ..RunRecord::default()
    });
    if record.ended.how == How::Unknown {
        // It was kept when it began, and its process ended before it could say more.
        record.ended = record::ended_of(run.facts.outcome, run.facts.exit_code);
        record.seconds = run.facts.duration.as_secs_f64();
        record.peak = Some(run.facts.peak).filter(|peak| *peak > ByteCount::ZERO);
    }
    record.id = run.id.to_string();
    Ok(record)
}

fn style() -> terminal::Style {
    terminal::Style { colored: Color::Auto.shows(io::stdout().is_terminal()), ..terminal::Style::default() }
}

fn print_text(text: &str) -> Result<(), EngineError> {
    say(text.trim_end_matches('\n'))
}

/// Says that there is no history, and returns the exit code.
pub fn no_history(printer: Printer) -> u8 {
    printer.problem("there is no history of runs to look at", Some("name one: --history FILE"), 1)
}

fn failed(error: &TasksError, printer: Printer) -> u8 {
    printer.problem(&error.to_string(), error.help().as_deref(), error.exit_code())
}
