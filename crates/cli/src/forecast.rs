//! `tidegate forecast`.

use crate::{
    args::{ForecastArgs, TextForm},
    expectation::taught,
    kept::Kept,
    pandas,
    printer::{Printer, grouped},
    run::{nobody, run_forecast, shown_size, start_watch},
    say::say,
    settings::{Settings, budget},
    sql,
    table::TableSink,
};
use serde_json::{Value, json};
use std::{io, sync::Arc};
use tidegate_engine::{
    EngineError, RecordBatch, SchemaRef,
    arrow::{ArrayRef, ArrowError, DataType, Field, Schema, StringArray},
    forecast::{Effort, Forecast, Part, Range},
    shape,
    sink::{Sink, Target, Verdict},
};
use tidegate_memory::{ByteCount, Limit};

/// The limit of the process that makes a forecast.
const WATCHED: ByteCount = ByteCount::mib(256);

/// Runs the command and returns its exit code.
///
/// # Errors
/// Those that come before the query itself; errors of the query are said here, with a caret where possible.
pub fn run_command(arguments: &ForecastArgs, printer: Printer) -> Result<u8, EngineError> {
    let Some(sql) = &arguments.sql else { return pandas::run(&arguments.pandas, arguments.format, printer) };
    let sql = sql::text(sql)?;
    let settings = Settings::of(&arguments.limit)?;
    // The forecast itself stays small whatever the limit, and drops the pages of the program that it does not use.
    let limit = arguments.limit.limit.bytes().map_or(WATCHED, |limit| limit.min(WATCHED));
    let watched = Settings { budget: budget(Limit::Bytes(limit))?, ..settings.clone() };
    let watch = start_watch(&watched, printer, nobody())?;
    let forecast = match run_forecast(&settings.options(&sql, &watch), Effort::Full) {
        Ok(forecast) => forecast,
        Err(error) => return Ok(printer.failure_in(&error, &sql)),
    };
    let past = Kept::look(&arguments.history, printer).past(&shape(&sql));
    let forecast = taught(forecast, &past, arguments.limit.limit);
    match arguments.format {
        TextForm::Text => text(&forecast, arguments.limit.limit)?,
        TextForm::Json => say(&format!("{:#}", to_json(&forecast)))?,
    }
    Ok(0)
}

/// Prints the forecast for people.
fn text(forecast: &Forecast, limit: Limit) -> Result<(), EngineError> {
    let Forecast { peak, unlimited, mode, reason, spill, seconds, rows_in, rows_out, input, sampled, .. } = forecast;
    let Forecast { runs, first_sight, .. } = forecast;
    say(&format!("peak     {} expected, {} at most (95 %), of {limit}", size(peak.expected), size(peak.most)))?;
    say(&format!("mode     {mode}: {reason}"))?;
    if spill.most > 0.0 {
        say(&format!("spill    {} expected, {} of disk needed at most", size(spill.expected), size(spill.most)))?;
    }
    if *runs > 0 {
        let like = if *runs == 1 { "1 run like it" } else { &format!("{runs} runs like it") };
        let seen =
            first_sight.map(|size| format!("; at first sight {size} if all is held in memory")).unwrap_or_default();
        say(&format!("learned  from {like}{seen}"))?;
    } else {
        say("learned  nothing yet: no runs like it are known")?;
    }
    say(&format!("time     {:.1} s expected, {:.1} to {:.1} s", seconds.expected, seconds.least, seconds.most))?;
    say(&format!("rows     about {} in, {} out", count(rows_in.expected), between(*rows_out)))?;
    let whole = ByteCount::bytes(*input);
    #[expect(clippy::cast_precision_loss, reason = "a factor, shown with three digits")]
    let factor = unlimited.expected / (whole.max(1) as f64);
    say(&format!(
        "C        {factor:.3} bytes of memory for each byte of {input} without a limit: {} to {}",
        size(unlimited.least),
        size(unlimited.most)
    ))?;
    say(&format!("sampled  {sampled} of the input\n"))?;
    let rows = table(&forecast.parts).map_err(|error| EngineError::Run(error.to_string()))?;
    let mut sink: Box<dyn Sink> =
        Box::new(TableSink::new(Target::Stream(Box::new(io::stdout())), &rows.schema(), false));
    sink.write(&rows)?;
    sink.finish(Verdict::Keep)
}

fn table(parts: &[Part]) -> Result<RecordBatch, ArrowError> {
    let field = |name: &str| Field::new(name, DataType::Utf8, true);
    let names = ["what", "bytes each", "of", "held at the peak", "how"];
    let schema: SchemaRef = Arc::new(Schema::new(names.map(field).to_vec()));
    let column =
        |cell: fn(&Part) -> Option<String>| -> ArrayRef { Arc::new(parts.iter().map(cell).collect::<StringArray>()) };
    let columns = vec![
        column(|part| Some(part.name.clone())),
        column(|part| part.each.map(|each| format!("{each:.1}"))),
        column(|part| (part.count.most > 0.0).then(|| between(part.count))),
        column(|part| (part.held.most > 0.0).then(|| sizes(part.held))),
        column(|part| Some(part.how.clone())),
    ];
    RecordBatch::try_new(schema, columns)
}

fn sizes(range: Range) -> String {
    let Range { least, expected, most } = range;
    if most <= least * 1.02 {
        size(expected)
    } else {
        format!("{} ({} to {})", size(expected), size(least), size(most))
    }
}

fn between(range: Range) -> String {
    let Range { least, most, .. } = range;
    if most <= least * 1.02 { count(most) } else { format!("{} to {}", count(least), count(most)) }
}

fn whole(number: f64) -> u64 {
    shown_size(number).bytes()
}

fn size(bytes: f64) -> String {
    shown_size(bytes).to_string()
}

/// Returns a number of rows, of which an estimate has three digits.
fn count(rows: f64) -> String {
    let rows = whole(rows);
    let digits = rows.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.pow(digits.saturating_sub(2));
    grouped((rows + unit / 2) / unit * unit)
}

/// Returns the forecast as the record of a run has it.
pub fn to_json(forecast: &Forecast) -> Value {
    let range = |range: Range| json!({ "least": whole(range.least), "expected": whole(range.expected), "most": whole(range.most) });
    let part = |part: &Part| {
        json!({
            "name": part.name,
            "each": part.each,
            "count": range(part.count),
            "bytes": range(part.held),
            "how": part.how,
        })
    };
    let Range { least, expected, most } = forecast.seconds;
    json!({
        "peak": range(forecast.peak),
        "unlimited": range(forecast.unlimited),
        "mode": forecast.mode.name(),
        "reason": forecast.reason,
        "spill": range(forecast.spill),
        "seconds": { "least": least, "expected": expected, "most": most },
        "rows_in": range(forecast.rows_in),
        "rows_out": range(forecast.rows_out),
        "bytes_in": forecast.input.bytes(),
        "sampled": forecast.sampled.bytes(),
        "first_sight": forecast.first_sight.map(ByteCount::bytes),
        "runs": forecast.runs,
        "parts": forecast.parts.iter().map(part).collect::<Vec<_>>(),
    })
}
