//! What of a record is shown: everything that is drawn comes from here, cut to a size that does not grow with the run.
//!
//! Texts come from outside: queries, paths, names of operators, log lines. They pass [`text`] here, once, so that no form of
//! report has to think of it.

use crate::{
    checklist::{Check, checklist},
    guarded,
    record::{Ended, Environment, EventKind, Forecast, Operator, RejectSample, Replan, RunRecord, Sample},
    series,
    stack::Stack,
    text,
};

/// Lists are cut to so many items.
const OPERATORS: usize = 50;
const INPUTS: usize = 30;
const FORECAST_ROWS: usize = 30;
const REJECTS: usize = 12;
const REPLANS: usize = 8;

/// Texts are cut to so many characters.
const QUERY: usize = 4_000;
const MESSAGE: usize = 1_000;
const PATH: usize = 200;
const DETAILS: usize = 160;
const EVENT: usize = 120;
const NAME: usize = 70;
/// As much of a rejected line as a record holds.
const RAW: usize = 200;

/// What is left out of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) operators: usize,
    pub(crate) inputs: usize,
    pub(crate) forecast_rows: usize,
    pub(crate) rejects: u64,
    pub(crate) replans: usize,
}

/// A record fit to be shown.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The record, its lists and texts cut. Its timeline and events are in the other fields, its operators in `operators`.
    pub(crate) record: RunRecord,
    /// Operators and their places in the plan.
    pub(crate) operators: Vec<(usize, Operator)>,
    pub(crate) columns: Vec<Sample>,
    pub(crate) span_ms: f64,
    pub(crate) stack: Stack,
    pub(crate) events: Vec<Lane>,
    pub(crate) checks: [Check; 4],
    pub(crate) left_out: LeftOut,
}

/// The events of one kind.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) kind: EventKind,
    /// How many there were.
    pub(crate) count: u64,
    /// When, thinned to as many as can be told apart.
    pub(crate) times_ms: Vec<u64>,
    /// The first of them and their texts.
    pub(crate) first: Vec<(u64, String)>,
}

impl Shown {
    /// Takes from a record what is shown, with a timeline of at most `columns` columns.
    pub(crate) fn of(record: &RunRecord, columns: usize) -> Self {
        let samples = series::columns(record, columns);
        let operators = operators(record);
        let left_out = LeftOut {
            operators: record.memory.operators.len() - operators.len(),
            inputs: record.inputs.len().saturating_sub(INPUTS),
            forecast_rows: rows(record).saturating_sub(FORECAST_ROWS),
            rejects: record.rejects.count.saturating_sub(record.rejects.samples.len().min(REJECTS) as u64),
            replans: record.replans.len().saturating_sub(REPLANS),
        };
        Self {
            operators,
            span_ms: series::span_ms(record),
            stack: Stack::of(record, &samples),
            columns: samples.into_iter().cloned().collect(),
            events: EventKind::ALL.into_iter().filter_map(|kind| lane(record, kind)).collect(),
            checks: checklist(record),
            left_out,
            record: cut(record),
        }
    }
}

/// Copies a record without what grows with the run.
fn cut(record: &RunRecord) -> RunRecord {
    let mut inputs = Vec::new();
    for input in record.inputs.iter().take(INPUTS) {
        inputs.push(crate::record::Input { path: text::line(&input.path, PATH), bytes: input.bytes });
    }
    let mut rejects = crate::record::Rejects { samples: Vec::new(), ..record.rejects };
    for sample in record.rejects.samples.iter().take(REJECTS) {
        rejects.samples.push(reject(sample));
    }
    RunRecord {
        id: text::line(&record.id, NAME),
        text: text::paragraph(&record.text, QUERY),
        ended: Ended {
            message: record.ended.message.as_deref().map(|message| text::paragraph(message, MESSAGE)),
            help: record.ended.help.as_deref().map(|help| text::paragraph(help, MESSAGE)),
            ..record.ended
        },
        inputs,
        forecast: record.forecast.as_ref().map(forecast),
        rejects,
        replans: record.replans.iter().take(REPLANS).map(replan).collect(),
        memory: crate::record::Memory {
            anonymous_peak: record.memory.anonymous_peak,
            at_peak: record.memory.at_peak,
            ..Default::default()
        },
        events: Vec::new(),
        environment: environment(&record.environment),
        guard: record.guard.as_ref().map(guarded::cut),
        ..*record
    }
}

fn reject(sample: &RejectSample) -> RejectSample {
    RejectSample {
        file: text::line(&sample.file, PATH),
        reason: text::line(&sample.reason, PATH),
        raw: text::line(&sample.raw, RAW),
        ..*sample
    }
}

fn replan(replan: &Replan) -> Replan {
    Replan { reason: text::line(&replan.reason, PATH), ..*replan }
}

fn rows(record: &RunRecord) -> usize {
    record.forecast.as_ref().map_or(0, |forecast| forecast.table.len())
}

fn forecast(forecast: &Forecast) -> Forecast {
    let mut table: Vec<_> = forecast.table.iter().take(FORECAST_ROWS).cloned().collect();
    for row in &mut table {
        row.name = text::line(&row.name, NAME);
        row.derived = text::line(&row.derived, DETAILS);
    }
    Forecast { reason: forecast.reason.as_deref().map(|reason| text::line(reason, MESSAGE)), table, ..*forecast }
}

fn environment(environment: &Environment) -> Environment {
    let cut = |text: &Option<String>| text.as_deref().map(|text| text::line(text, PATH));
    Environment {
        host: cut(&environment.host),
        kernel: cut(&environment.kernel),
        temp_folder: cut(&environment.temp_folder),
        tidegate_version: cut(&environment.tidegate_version),
        ..*environment
    }
}

/// Returns the operators that are shown: of very many those with the largest peaks, in the order of the plan.
fn operators(record: &RunRecord) -> Vec<(usize, Operator)> {
    let all = &record.memory.operators;
    let mut places: Vec<usize> = (0..all.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(all.get(*place).map(|operator| operator.peak)));
    places.truncate(OPERATORS);
    places.sort_unstable();
    let shown = |place: usize| {
        let operator = all.get(place)?;
        let (name, details) = (text::line(&operator.name, NAME), text::line(&operator.details, DETAILS));
        Some((place, Operator { name, details, ..*operator }))
    };
    places.into_iter().filter_map(shown).collect()
}

/// Events of a kind that are told apart on the time axis, and those whose text is shown.
const MARKS: usize = 200;
const TOLD: usize = 5;

fn lane(record: &RunRecord, kind: EventKind) -> Option<Lane> {
    let mut events: Vec<_> = record.events.iter().filter(|event| event.kind == kind).collect();
    events.sort_by_key(|event| event.ms);
    let span = series::span_ms(record);
    let place = |ms: u64| (series::number(ms) / span * series::number(MARKS as u64)).floor();
    let mut times_ms: Vec<u64> = Vec::new();
    for event in &events {
        let apart = times_ms.last().is_none_or(|last| place(*last) < place(event.ms));
        if apart && times_ms.len() < MARKS {
            times_ms.push(event.ms);
        }
    }
    let first = events.iter().take(TOLD).map(|event| (event.ms, text::line(&event.text, EVENT))).collect();
    (!events.is_empty()).then_some(Lane { kind, count: events.len() as u64, times_ms, first })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn what_is_shown_does_not_grow_with_the_run() {
        let shown = Shown::of(&testing::hostile(), 100);
        assert_eq!(shown.operators.len(), OPERATORS);
        assert!(shown.columns.len() <= 100);
        assert!(shown.events.iter().all(|lane| lane.times_ms.len() <= MARKS && lane.first.len() <= TOLD));
        assert!(shown.left_out.operators > 0 && shown.left_out.inputs > 0 && shown.left_out.forecast_rows > 0);
        assert!(shown.record.text.chars().count() <= QUERY + 1);
        let operator = &shown.operators[0].1;
        assert!(operator.name.chars().count() <= NAME + 1 && operator.details.chars().count() <= DETAILS + 1);
    }

    #[test]
    fn no_text_of_a_record_is_shown_as_it_came() {
        // The copy holds every text that a report may use; what is hostile in them is visible afterwards.
        let shown = format!("{:?}", Shown::of(&testing::hostile(), 100));
        for unseen in ['\0', '\u{1b}', '\u{202e}', '\u{2066}', '\u{7}'] {
            assert!(!shown.contains(unseen), "{unseen:?}");
            // The debug form would write it like this, had it come through.
            assert!(!shown.replace("\\\\u{", "").contains(&unseen.escape_default().to_string()), "{unseen:?}");
        }
    }

    #[test]
    fn every_kind_of_event_is_counted() {
        let record = testing::rich();
        let shown = Shown::of(&record, 100);
        let counted: u64 = shown.events.iter().map(|lane| lane.count).sum();
        assert_eq!(counted, record.events.len() as u64);
    }
}
