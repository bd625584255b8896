//! What is expected of a query before it runs.
//!
//! A query is not to wait for its forecast, so that one that nobody asked for may take 3 % of the time that the input takes at
//! best. Where runs like it are known, they say what is expected, and nobody looks at the data; else small samples are read,
//! if there is time for them. Without time, and of streams, nothing is expected. What fails here, the query says itself.

use crate::{
    args::Forecasting,
    kept::Kept,
    printer::Printer,
    run::{run_forecast, shown_size, with_deep_stack},
    settings::Settings,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tidegate_engine::{
    forecast::{self, Effort, Lessons, Mode, Part, Range, Taught},
    shape,
};
use tidegate_memory::{ByteCount, Limit, Watch, release};
use tidegate_report::record::{self, Forecast, ForecastRow};
use tidegate_tasks::learn::{self, Habit, Known, Learned, Past};

/// Input that is read in a second, at best.
const PACE: f64 = 2.5e9;

/// The part of the time of a query that its forecast may take.
const SHARE: f64 = 0.03;

/// Of less input nothing is forecast unless it is asked for.
const LEAST: ByteCount = ByteCount::new(64_000_000);

/// What the smallest samples take together at least.
const SAMPLES: Duration = Duration::from_micros(4_500);

/// What is to be forecast, and of whom.
pub struct Asked<'a> {
    /// The query.
    pub sql: &'a str,
    /// How it is bounded.
    pub settings: &'a Settings,
    /// The process's watch.
    pub watch: &'a Arc<Watch>,
    /// The runs of before.
    pub kept: &'a Kept,
    /// Whether a forecast is wanted.
    pub wish: Forecasting,
    /// Who says it.
    pub printer: Printer,
}

/// Returns what is expected of a query; nothing where that is not known, not wanted, or would take too long.
pub fn of(asked: &Asked<'_>) -> Option<Forecast> {
    let start = Instant::now();
    let mut forecast = match asked.wish {
        Forecasting::Never => None,
        Forecasting::Auto => automatic(asked),
        Forecasting::Always => full(asked),
    }?;
    forecast.took_seconds = Some(start.elapsed().as_secs_f64());
    if asked.wish == Forecasting::Always {
        let Forecast { expected, bound, mode, .. } = &forecast;
        let bound = bound.unwrap_or(*expected);
        asked
            .printer
            .note(&format!("forecast: {expected} expected, {bound} at most (95 %), {}", mode.name().replace('_', " ")));
    }
    Some(forecast)
}

fn automatic(asked: &Asked<'_>) -> Option<Forecast> {
    let input = with_deep_stack(|| forecast::input(asked.sql)).flatten().filter(|input| *input >= LEAST)?;
    let past = asked.kept.past(&shape(asked.sql));
    let limit = limit(asked.settings);
    let known = past.known(input, limit);
    let expected = past.duration(input).unwrap_or_default().as_secs_f64().max(number(input) / PACE);
    let time = Duration::from_secs_f64((expected * SHARE).min(1.0));
    let has_time = time >= SAMPLES;
    let look = |time: Duration| {
        let sampled = run_forecast(&asked.settings.options(asked.sql, asked.watch), Effort::Quick(time));
        asked.watch.reset();
        sampled.ok()
    };
    match known {
        Some(known) => {
            let sampled = if has_time && past.is_due() { look(time) } else { None };
            Some(Forecast { first_sight: sampled.and_then(|sampled| sampled.first_sight), ..of_known(&known, limit) })
        }
        None if has_time => look(time).map(|sampled| of_forecast(&taught(sampled, &past, limit))),
        None => None,
    }
}

fn full(asked: &Asked<'_>) -> Option<Forecast> {
    let sampled = run_forecast(&asked.settings.options(asked.sql, asked.watch), Effort::Full);
    // What the samples left is not to stand in the way of the query.
    release();
    asked.watch.reset();
    match sampled {
        Ok(sampled) => {
            let past = asked.kept.past(&shape(asked.sql));
            Some(of_forecast(&taught(sampled, &past, limit(asked.settings))))
        }
        Err(error) => {
            asked.printer.note(&format!("forecast: none: {error}"));
            None
        }
    }
}

fn limit(settings: &Settings) -> Limit {
    settings.budget.into()
}

/// Corrects a forecast by what runs of the query taught.
pub fn taught(forecast: forecast::Forecast, past: &Past, limit: Limit) -> forecast::Forecast {
    let input = forecast.input;
    let known = past.known(input, limit);
    let of_habit = |habit| known.as_ref().filter(|known| known.habit == habit).map(|known| known.peak);
    let corrected = || {
        let expected = forecast.first_sight?;
        let bound = forecast.in_memory.most / forecast.in_memory.expected.max(1.0) * number(expected);
        let first_sight = learn::Forecast { expected, bound: shown_size(bound) };
        Some(past.corrected(first_sight, input, limit)).filter(|learned| learned.runs > 0)
    };
    let lessons = Lessons {
        in_memory: of_habit(Habit::Held).or_else(corrected).map(lesson),
        spilling: of_habit(Habit::Spilled).or_else(|| past.spilling(input, limit)).map(lesson),
        spilled: past.habit(input, limit).map(|habit| habit == Habit::Spilled),
    };
    forecast.taught(&lessons)
}

fn lesson(learned: Learned) -> Taught {
    let Learned { forecast, runs } = learned;
    Taught { expected: forecast.expected, bound: forecast.bound, runs }
}

/// Returns what runs like the next one let expect.
fn of_known(known: &Known, limit: Limit) -> Forecast {
    let learn::Forecast { expected, bound } = known.peak.forecast;
    let most = limit.bytes().unwrap_or(bound);
    let (expected, bound) = (expected.min(most), bound.min(most));
    let least = number(expected) * number(expected) / number(bound).max(1.0);
    let (mode, did) = match (known.habit, known.mode.as_deref()) {
        (Habit::Spilled, _) => (record::Mode::Spilling, "spilled"),
        (Habit::Held, Some("streaming")) => (record::Mode::Streaming, "did not spill"),
        (Habit::Held, _) => (record::Mode::InMemory, "did not spill"),
    };
    Forecast {
        expected,
        bound: Some(bound),
        least: shown_size(least),
        mode,
        reason: Some(format!("runs like it {did}")),
        spill_bytes: known.spilled,
        seconds: Some(known.duration.as_secs_f64()),
        runs: known.peak.runs as u64,
        ..Forecast::default()
    }
}

/// Returns a forecast as the record of a run has it.
pub fn of_forecast(forecast: &forecast::Forecast) -> Forecast {
    let Range { least, expected, most } = forecast.peak;
    Forecast {
        expected: shown_size(expected),
        bound: Some(shown_size(most)),
        least: shown_size(least),
        mode: match forecast.mode {
            Mode::Streaming => record::Mode::Streaming,
            Mode::InMemory => record::Mode::InMemory,
            Mode::Spilling => record::Mode::Spilling,
            Mode::Refused => record::Mode::Refused,
        },
        reason: Some(forecast.reason.clone()),
        spill_bytes: shown_size(forecast.spill.expected),
        seconds: Some(forecast.seconds.expected),
        first_sight: forecast.first_sight,
        runs: forecast.runs as u64,
        took_seconds: None,
        table: forecast.parts.iter().map(row).collect(),
    }
}

fn row(part: &Part) -> ForecastRow {
    let each = part.each.unwrap_or_default();
    let all = each * part.count.expected;
    ForecastRow {
        name: part.name.clone(),
        bytes_per_row: each,
        rows: if part.each.is_some() { shown_size(part.count.expected).bytes() } else { 0 },
        factor: if all > 0.0 { part.held.expected / all } else { 0.0 },
        bytes: shown_size(part.held.expected),
        derived: part.how.clone(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is expected has few digits")]
fn number(bytes: ByteCount) -> f64 {
    bytes.bytes() as f64
}
