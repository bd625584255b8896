//! What became of each line, and the lines that could not be read.

use super::page;
use crate::{
    record::{AllowedRejects, Kind, RejectSample, RunRecord},
    series::number,
    shown::Shown,
    words,
};
use maud::{Markup, html};

pub(super) fn draw(shown: &Shown) -> Markup {
    let record = &shown.record;
    let lines = record.lines;
    if lines.total() == 0 && record.rejects.count == 0 {
        let lead = Some("No line was read.");
        let reads = record.kind == Kind::Query;
        return if reads { page::section("Lines", lead, &Markup::default()) } else { Markup::default() };
    }
    let parts =
        [("rows", lines.rows), ("rejects", lines.rejects), ("blank", lines.blank), ("passed over", lines.passed_over)];
    let body = html! {
        dl.sum {
            div.total { dt { "lines in" } dd { (words::grouped(lines.total())) } }
            @for (at, (name, count)) in parts.into_iter().enumerate() {
                div { dt { (if at == 0 { "= " } else { "+ " }) (name) } dd { (words::grouped(count)) } }
            }
        }
        @if !record.rejects.samples.is_empty() {
            ul.rejects { @for sample in &record.rejects.samples { (reject(sample)) } }
            (page::left_out(shown.left_out.rejects, "reject"))
        }
    };
    page::section("Lines and rejects", Some(&lead(record)), &body)
}

fn lead(record: &RunRecord) -> String {
    let count = record.rejects.count;
    let share = number(count) * 100.0 / number(record.lines.total().max(1));
    let allowed = match record.rejects.allowed {
        Some(AllowedRejects::Percent(percent)) => format!("; {} allowed", words::percent(percent)),
        Some(AllowedRejects::Lines(lines)) => format!("; {} allowed", words::counted(lines, "line")),
        None => String::new(),
    };
    if count != record.lines.rejects {
        return format!("{} are kept, but {} counted.", words::grouped(count), words::grouped(record.lines.rejects));
    }
    match count {
        0 => "Every line could be read.".to_owned(),
        _ => format!("{} of the lines could not be read{allowed}.", share_of(share)),
    }
}

/// A share that is small, but there, is not nothing.
fn share_of(percent: f64) -> String {
    if percent < 0.05 { "Less than 0.1 %".to_owned() } else { words::percent(percent) }
}

fn reject(sample: &RejectSample) -> Markup {
    html! {
        li {
            p {
                b { (sample.reason) }
                span.where {
                    (sample.file)
                    @if let Some(line) = sample.line { ", line " (words::grouped(line)) }
                    @if let (None, Some(offset)) = (sample.line, sample.offset) { ", byte " (words::grouped(offset)) }
                }
            }
            pre { code { (sample.raw) } }
        }
    }
}
