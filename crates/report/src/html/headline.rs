//! What ran, how it ended, and its peak beside its limit.

use super::page;
use crate::{record::RunRecord, shown::Shown, words};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

pub(super) fn draw(shown: &Shown) -> Markup {
    let record = &shown.record;
    let (tone, title) = words::title(record);
    html! {
        header {
            p.eyebrow {
                span { (words::kind(record.kind)) }
                @if let Some(date) = record.started_ms.and_then(words::date) { span { (date) } }
                @if !record.id.is_empty() { span.id { (record.id) } }
            }
            h1 class=(page::class_of(tone)) { (title) }
            @if let Some(message) = &record.ended.message { p.message { (message) } }
            @if let Some(help) = &record.ended.help { p.help { b { "What would help: " } (help) } }
            @if !record.text.is_empty() { pre { code { (record.text) } } }
            (meter(record))
            dl.facts {
                @for (name, value, more) in facts(record) {
                    div { dt { (name) } dd { (value) @if let Some(more) = more { small { (more) } } } }
                }
            }
        }
    }
}

/// The peak as a part of the limit; in words alone where one of them is missing.
fn meter(record: &RunRecord) -> Markup {
    let (Some(peak), Some(limit)) = (record.peak, record.limit) else {
        return html! { p.meter-words { (words::peak_of_limit(record)) } };
    };
    let share = peak.percent_of(limit);
    let class = if peak > limit { "fill over" } else { "fill" };
    html! {
        div.meter {
            p { span { b { (peak) } " of " (limit.as_limit()) " at the peak" } b { (words::percent(share)) } }
            (page::bar(share / 100.0, class))
        }
    }
}

type Fact = (&'static str, String, Option<String>);

fn facts(record: &RunRecord) -> Vec<Fact> {
    let mut facts: Vec<Fact> = vec![("Time", words::duration(record.seconds), None)];
    if record.bytes_in > ByteCount::ZERO {
        facts.push(("Read", record.bytes_in.to_string(), words::speed(record)));
    }
    if record.bytes_in > ByteCount::ZERO || record.rows_out > 0 {
        facts.push(("Rows out", words::grouped(record.rows_out), None));
        let written = record.spilled.files > 0;
        let files = written.then(|| words::counted(record.spilled.files, "file"));
        facts.push(("Spilled", record.spilled.bytes.to_string(), files));
        facts.push(("Rejects", words::grouped(record.rejects.count), None));
    }
    if record.threads > 0 {
        facts.push(("Threads", record.threads.to_string(), None));
    }
    facts
}
