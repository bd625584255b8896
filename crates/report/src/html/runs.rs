//! A page over several runs.

use super::page::{self, MOST_BYTES};
use super::range;
use crate::{
    record::{How, RunRecord},
    series::number,
    shown::Shown,
    words::{self, Tone},
};
use maud::{Markup, html};
use std::fmt::Write;
use tidegate_memory::ByteCount;

/// Runs that are shown at most.
pub const MOST_RUNS: usize = 200;

/// Columns of the small charts.
const COLUMNS: usize = 60;

/// Characters of a query.
const QUERY: usize = 140;

/// Above this times the highest sample, the limit is beyond a small chart.
const HEADROOM: u64 = 5;

/// Left for the frame of the page beside the rows.
const FRAME: usize = 40_000;

/// Returns the newest runs as a page of at most [`MOST_BYTES`]. `all` says how many runs there are, so that fewer records than
/// that need to be read.
pub fn runs_page(records: &[RunRecord], all: u64) -> String {
    let newest = newest(records, MOST_RUNS);
    let mut rows = Vec::new();
    let mut room = MOST_BYTES - FRAME;
    for record in newest {
        let row = row(&Shown::of(record, COLUMNS));
        let Some(left) = room.checked_sub(row.0.len()) else { break };
        room = left;
        rows.push(row);
    }
    let older = all.max(records.len() as u64) - rows.len() as u64;
    let body = html! {
        header {
            h1.neutral { (words::counted(rows.len() as u64, "run")) }
            p.eyebrow { (summary(records, rows.len())) }
        }
        @if rows.is_empty() { p.lead { "There is no run in the history yet." } }
        @else { section { (table(&rows)) (legend()) (page::left_out(older, "run")) } }
    };
    page::page("Runs - Tidegate", &body).into_string()
}

fn newest(records: &[RunRecord], most: usize) -> Vec<&RunRecord> {
    let mut newest: Vec<&RunRecord> = records.iter().collect();
    newest.sort_by_key(|record| std::cmp::Reverse(record.started_ms));
    newest.truncate(most);
    newest
}

fn summary(records: &[RunRecord], shown: usize) -> String {
    let newest = newest(records, shown);
    let mut parts = Vec::new();
    let all = [How::Answered, How::Failed, How::MemoryLimit, How::Interrupted, How::TooManyRejects];
    for how in all.into_iter().chain([How::Lost, How::Running, How::Unknown]) {
        let count = newest.iter().filter(|record| record.ended.how == how).count();
        if count > 0 {
            parts.push(format!("{} {count}", words::ended(how)));
        }
    }
    parts.join(", ")
}

fn table(rows: &[Markup]) -> Markup {
    html! {
        table.runs {
            thead {
                tr {
                    th { "what" }
                    th { "memory over time" }
                    th { "peak of limit" }
                    th { "forecast and actual" }
                    th.number { "time" }
                }
            }
            tbody { @for row in rows { (row) } }
        }
    }
}

fn row(shown: &Shown) -> Markup {
    let record = &shown.record;
    let (tone, _) = words::title(record);
    html! {
        tr {
            td.what {
                span.query { (crate::text::line(&record.text, QUERY)) }
                span.when {
                    (record.started_ms.and_then(words::date).unwrap_or_default()) " "
                    span class={ "ended " (page::class_of(tone)) } { (sign(tone)) " " (words::ended(record.ended.how)) }
                }
            }
            td.spark { (spark(shown)) }
            td.peak-of { (peak(record)) }
            td.forecast {
                (range::draw(record))
                @if let Some(error) = words::forecast_error(record) {
                    small { (if error < 0.0 { "−" } else { "+" }) (words::percent(error.abs())) }
                }
            }
            td.number { (words::duration(record.seconds)) }
        }
    }
}

const fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Bad => "✕",
        Tone::Neutral => "–",
    }
}

fn peak(record: &RunRecord) -> Markup {
    html! {
        @match (record.peak, record.limit) {
            (Some(peak), Some(limit)) => {
                (page::bar(peak.percent_of(limit) / 100.0, if peak > limit { "fill over" } else { "fill" }))
                small { (peak) " of " (limit) }
            }
            (Some(peak), None) => { small { (peak) ", no limit" } }
            _ => { small { "not recorded" } }
        }
    }
}

/// Resident memory over time, the limit at the top.
fn spark(shown: &Shown) -> Markup {
    if shown.columns.len() < 2 {
        return Markup::default();
    }
    let highest = shown.columns.iter().map(|sample| sample.resident.bytes()).max().unwrap_or(0);
    let limit = shown.record.limit.map_or(0, ByteCount::bytes);
    let limited = limit > 0 && limit / HEADROOM <= highest;
    let most = number(if limited { highest.max(limit) } else { highest }).max(1.0);
    let mut path = String::from("M0 100");
    for sample in &shown.columns {
        let _ = write!(
            path,
            "L{:.0} {:.0}",
            number(sample.ms) / shown.span_ms * 300.0,
            100.0 - number(sample.resident.bytes()) / most * 96.0
        );
    }
    let last = shown.columns.last().map_or(0.0, |sample| number(sample.ms) / shown.span_ms * 300.0);
    let _ = write!(path, "L{last:.0} 100Z");
    html! {
        svg.limited[limited] viewBox="0 0 300 100" preserveAspectRatio="none" aria-hidden="true" { path d=(path) {} }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend {
            li { i.key-span {} "forecast, with its 95 % bound" }
            li { i.key-expected {} "expected" }
            li { i.key-actual {} "actual" }
            li { i.key-limit-at {} "limit" }
        }
    }
}
