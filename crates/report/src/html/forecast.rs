//! What was expected, and what came of it; where the expectation comes from.

use super::{page, range};
use crate::{
    record::{Forecast, ForecastRow, RunRecord},
    series::number,
    shown::Shown,
    words,
};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

pub(super) fn draw(shown: &Shown) -> Markup {
    let Some(forecast) = &shown.record.forecast else {
        if shown.record.guard.is_some() {
            // Nobody forecasts the programs of others.
            return Markup::default();
        }
        return page::section("Forecast and actual", Some("There was no forecast for this run."), &Markup::default());
    };
    let body = html! {
        div.range-box { (range::draw(&shown.record)) (range::axis(&shown.record)) (legend(&shown.record, forecast)) }
        (comparison(&shown.record, forecast))
        @if !forecast.table.is_empty() {
            h3 { "Where it comes from: memory = C × data size" }
            (table(&forecast.table))
            (page::left_out(shown.left_out.forecast_rows as u64, "row"))
        }
    };
    page::section("Forecast and actual", Some(&lead(&shown.record, forecast)), &body)
}

fn lead(record: &RunRecord, forecast: &Forecast) -> String {
    let reason = forecast.reason.as_deref().map(|reason| format!(", because: {reason}")).unwrap_or_default();
    let verdict = words::forecast_verdict(record).map(|verdict| format!(" Peak {verdict}.")).unwrap_or_default();
    let basis = words::forecast_basis(forecast);
    format!("Mode: {}{reason}.{verdict} Expected {basis}.", words::mode(forecast.mode))
}

fn legend(record: &RunRecord, forecast: &Forecast) -> Markup {
    html! {
        ul.legend {
            li {
                i.key-span {}
                @match forecast.bound {
                    Some(bound) => { "forecast, " (forecast.least) " to " (bound) " (95 %)" }
                    None => { "forecast, " (forecast.least) " or more" }
                }
            }
            li { i.key-expected {} "expected, " (forecast.expected) }
            @if let Some(peak) = record.peak { li { i.key-actual {} "actual, " (peak) } }
            @if let Some(limit) = record.limit { li { i.key-limit-at {} "limit, " (limit.as_limit()) } }
        }
    }
}

fn comparison(record: &RunRecord, forecast: &Forecast) -> Markup {
    let spill = (number(forecast.spill_bytes.bytes()), number(record.spilled.bytes.bytes()));
    let peak = record.peak.map(|peak| (number(forecast.expected.bytes()), number(peak.bytes())));
    let time = forecast.seconds.map(|expected| (expected, record.seconds));
    html! {
        table.compare {
            thead { tr { th {} th.number { "expected" } th.number { "actual" } th.number { "difference" } } }
            tbody {
                tr {
                    th { "peak" }
                    td.number { (forecast.expected) }
                    td.number { (record.peak.map_or_else(|| "not recorded".to_owned(), |peak| peak.to_string())) }
                    td.number { (peak.map(difference).unwrap_or_default()) }
                }
                tr {
                    th { "spilled" }
                    td.number { (forecast.spill_bytes) }
                    td.number { (record.spilled.bytes) }
                    td.number { (difference(spill)) }
                }
                @if let Some(time) = time {
                    tr {
                        th { "time" }
                        td.number { (words::duration(time.0)) }
                        td.number { (words::duration(time.1)) }
                        td.number { (difference(time)) }
                    }
                }
            }
        }
    }
}

/// Returns by how much the second number is above the first.
fn difference((expected, actual): (f64, f64)) -> String {
    if expected <= 0.0 {
        return String::new();
    }
    let error = (actual / expected - 1.0) * 100.0;
    let sign = if error > 0.0 { "+" } else { "" };
    format!("{sign}{}", words::percent(error)).replace('-', "−")
}

fn table(rows: &[ForecastRow]) -> Markup {
    html! {
        table.derived {
            thead {
                tr {
                    th { "held" }
                    th.number { "bytes a row" }
                    th.number { "rows" }
                    th.number { "factor" }
                    th.number { "memory" }
                    th { "how it was derived" }
                }
            }
            tbody { @for row in rows { (part(row)) } }
        }
    }
}

/// One part of the expected memory. The units are for narrow pages, which have no room for a header.
fn part(row: &ForecastRow) -> Markup {
    if row.rows == 0 {
        // What does not grow with the data.
        return html! {
            tr { td.name { (row.name) } td {} td {} td {} td.number.total { (row.bytes) } td.muted { (row.derived) } }
        };
    }
    html! {
        tr {
            td.name { (row.name) }
            td.number { (format!("{:.1}", row.bytes_per_row)) span.unit { " B a row" } }
            td.number { span.unit { "× " } (words::grouped(row.rows)) span.unit { " rows" } }
            @if row.bytes == ByteCount::ZERO {
                // What is read and passed on.
                td {}
                td {}
            } @else {
                td.number { "× " (format!("{:.2}", row.factor)) }
                td.number.total { (row.bytes) }
            }
            td.muted { (row.derived) }
        }
    }
}
