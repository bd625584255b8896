//! Memory over time against the limit, and the same taken apart by operator.

use super::{
    chart::{Chart, Readout, Scale},
    page::{self, percent},
};
use crate::{
    record::{EventKind, Pressure, Sample},
    series::number,
    shown::{Lane, Shown},
    stack::{Layer, Part},
    words,
};
use maud::{Markup, html};
use std::fmt::Write;
use tidegate_memory::ByteCount;

const APART: &str = "What was resident, taken apart. The numbers are those of the plan below.";

pub(super) fn draw(shown: &Shown) -> Markup {
    if shown.columns.is_empty() {
        let lead = "No sample was taken: the run was over before, or nobody watched it.";
        return page::section("Memory over time", Some(lead), &told(shown));
    }
    let body = html! { (whole(shown)) (told(shown)) };
    html! {
        (page::section("Memory over time", Some(&lead(shown)), &body))
        @if !shown.stack.layers.is_empty() {
            (page::section("Memory by operator", Some(APART), &apart(shown)))
        }
    }
}

fn lead(shown: &Shown) -> String {
    let spilled = shown.record.spilled.bytes;
    let spilled = if spilled > ByteCount::ZERO { format!("; {spilled} went to disk") } else { String::new() };
    format!("{}{spilled}.", words::peak_of_limit(&shown.record))
}

fn whole(shown: &Shown) -> Markup {
    let times: Vec<u64> = shown.columns.iter().map(|sample| sample.ms).collect();
    let resident: Vec<f64> = shown.columns.iter().map(|sample| number(sample.resident.bytes())).collect();
    let peak = number(shown.record.peak.unwrap_or_default().bytes());
    let most = resident.iter().copied().fold(peak, f64::max);
    let scale = Scale::new(shown.span_ms, most, shown.record.limit);
    let anonymous = shown.columns.iter().filter_map(|sample| Some((sample.ms, number(sample.anonymous?.bytes()))));
    let anonymous = scale.line(anonymous);
    let shapes = html! {
        path.resident-area d=(scale.area(&times, &resident, &vec![0.0; times.len()])) {}
        @if !anonymous.is_empty() { path.anonymous d=(anonymous) {} }
        path.resident d=(scale.line(times.iter().copied().zip(resident.iter().copied()))) {}
    };
    let chart = Chart {
        scale: &scale,
        label: &format!(
            "Resident memory over {}: {}",
            words::duration(shown.record.seconds),
            words::peak_of_limit(&shown.record)
        ),
        shapes,
        marks: html! { (cuts(shown, &scale)) (peak_mark(shown, &scale)) },
        readouts: shown.columns.iter().map(|sample| Readout { ms: sample.ms, lines: values(sample) }).collect(),
        lanes: html! { (pressure(shown, &scale)) (lanes(shown, &scale)) },
    };
    html! { (chart.draw()) (legend(shown)) }
}

/// What the kernel counted, where the samples come nearest to it.
fn peak_mark(shown: &Shown, scale: &Scale) -> Markup {
    let Some(peak) = shown.record.peak else { return Markup::default() };
    let Some(highest) = shown.columns.iter().max_by_key(|sample| sample.resident) else { return Markup::default() };
    let (left, bottom) = (scale.x.share(number(highest.ms)), scale.y.share(number(peak.bytes())));
    html! { span.peak style=(format!("left:{};bottom:{}", percent(left), percent(bottom))) {} }
}

/// Plans that were given up, and the end, across the whole chart.
fn cuts(shown: &Shown, scale: &Scale) -> Markup {
    let cuts = shown.events.iter().filter(|lane| matches!(lane.kind, EventKind::Replan | EventKind::End));
    html! {
        @for lane in cuts {
            @for ms in lane.times_ms.iter().take(12) {
                span.cut style=(format!("left:{}", percent(scale.x.share(number(*ms))))) {}
            }
        }
    }
}

fn values(sample: &Sample) -> Markup {
    html! {
        u { (words::milliseconds(sample.ms)) }
        s { (sample.resident) " resident" }
        @if let Some(bytes) = sample.anonymous { s { (bytes) " anonymous" } }
        @if let Some(bytes) = sample.live { s { (bytes) " in the ledger" } }
        @if let Some(bytes) = sample.spilled { s { (bytes) " spilled so far" } }
        @if let Some(rows) = sample.rows { s { (words::grouped(rows)) " rows so far" } }
        @if let Some(pressure) = words::pressure(sample.pressure) { s { "pressure " (pressure) } }
    }
}

/// A band below the chart where pressure was not calm.
fn pressure(shown: &Shown, scale: &Scale) -> Markup {
    if shown.columns.iter().all(|sample| sample.pressure == Pressure::Unknown) {
        return Markup::default();
    }
    let mut spans: Vec<(Pressure, f64, f64)> = Vec::new();
    let mut from = 0.0;
    for sample in &shown.columns {
        let to = scale.x.share(number(sample.ms));
        match spans.last_mut() {
            Some((pressure, _, end)) if *pressure == sample.pressure => *end = to,
            _ => spans.push((sample.pressure, from, to)),
        }
        from = to;
    }
    html! {
        span.lane-name { "pressure" }
        div.lane.pressure {
            @for (pressure, from, to) in spans {
                @if let Some(name) = words::pressure(pressure) {
                    i class=(name) style=(format!("left:{};width:{}", percent(from), percent(to - from))) {}
                }
            }
        }
        span.lane-count {}
    }
}

/// A line of marks for each kind of event.
fn lanes(shown: &Shown, scale: &Scale) -> Markup {
    let marks = |lane: &Lane| {
        let mut path = String::new();
        for ms in &lane.times_ms {
            let _ = write!(path, "M{:.1} 0V1000", scale.x(*ms));
        }
        path
    };
    html! {
        @for lane in &shown.events {
            span.lane-name { (words::event(lane.kind)) }
            div.lane {
                svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" {
                    path class=(lane.kind.name()) d=(marks(lane)) {}
                }
            }
            span.lane-count { (words::grouped(lane.count)) "×" }
        }
    }
}

fn legend(shown: &Shown) -> Markup {
    let record = &shown.record;
    let is_seen = |step: &Pressure| shown.columns.iter().any(|sample| sample.pressure == *step);
    let steps = [Pressure::Rising, Pressure::High, Pressure::Critical].into_iter().filter(is_seen);
    let steps: Vec<_> = steps.filter_map(words::pressure).collect();
    html! {
        ul.legend {
            li { i.key-resident {} "resident" }
            @if shown.columns.iter().any(|sample| sample.anonymous.is_some()) {
                li {
                    i.key-anonymous {}
                    "anonymous"
                    @if let Some(peak) = record.memory.anonymous_peak { ", " (peak) " at most" }
                }
            }
            @if let Some(peak) = record.peak { li { i.key-peak {} "the kernel's peak, " (peak) } }
            @if let Some(limit) = record.limit { li { i.key-limit {} "limit, " (limit.as_limit()) } }
            @if !steps.is_empty() {
                li { "pressure: " @for step in &steps { i class={ "key-band " (step) } {} (step) " " } }
            }
        }
    }
}

/// The first events of each kind, in words.
fn told(shown: &Shown) -> Markup {
    html! {
        @if !shown.events.is_empty() {
            details {
                summary { "What happened, in words" }
                table.told {
                    @for lane in &shown.events {
                        @let kind = words::event(lane.kind);
                        @for (ms, text) in &lane.first {
                            tr { td.number { (words::milliseconds(*ms)) } td { (kind) } td { (text) } }
                        }
                        @let more = lane.count - lane.first.len() as u64;
                        @if more > 0 { tr.more { td {} td { (kind) } td { (words::grouped(more)) " more" } } }
                    }
                }
            }
        }
    }
}

fn apart(shown: &Shown) -> Markup {
    let times: Vec<u64> = shown.columns.iter().map(|sample| sample.ms).collect();
    let most = shown.stack.heights().into_iter().fold(0.0, f64::max);
    let scale = Scale::new(shown.span_ms, most, shown.record.limit);
    let mut lower = vec![0.0; times.len()];
    let mut paths = Vec::new();
    for layer in &shown.stack.layers {
        let upper: Vec<f64> = lower.iter().zip(&layer.bytes).map(|(lower, bytes)| lower + bytes).collect();
        paths.push((class_of(layer.part), scale.area(&times, &upper, &lower)));
        lower = upper;
    }
    let readouts = times.iter().enumerate().map(|(at, ms)| Readout { ms: *ms, lines: parts(shown, at, *ms) });
    let chart = Chart {
        scale: &scale,
        label: "Resident memory by operator over time",
        shapes: html! { @for (class, path) in &paths { path class=(class) d=(path) {} } },
        marks: Markup::default(),
        readouts: readouts.collect(),
        lanes: Markup::default(),
    };
    html! {
        (chart.draw())
        ul.legend {
            @for layer in shown.stack.layers.iter().rev() {
                li { i class={ "key-part " (class_of(layer.part)) } {} (layer.name) ", " (most_of(layer)) " at most" }
            }
        }
    }
}

/// What was in each part at one moment, in the order of the drawing.
fn parts(shown: &Shown, at: usize, ms: u64) -> Markup {
    html! {
        u { (words::milliseconds(ms)) }
        @for layer in shown.stack.layers.iter().rev() {
            s { i class=(class_of(layer.part)) {} (words::rounded(layer.bytes.get(at).copied().unwrap_or(0.0))) }
        }
    }
}

fn most_of(layer: &Layer) -> ByteCount {
    words::rounded(layer.bytes.iter().copied().fold(0.0, f64::max))
}

/// Returns the class that gives a part its colour.
pub(super) fn class_of(part: Part) -> &'static str {
    const OPERATORS: [&str; crate::stack::COLOURS] = ["c0", "c1", "c2", "c3", "c4"];
    match part {
        Part::Program => "program",
        Part::Unowned => "unowned",
        Part::Others => "others",
        Part::Operator { colour, .. } => OPERATORS.get(colour).copied().unwrap_or("others"),
    }
}
