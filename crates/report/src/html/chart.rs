//! A chart over time: axes, grid and readouts around shapes that others draw.
//!
//! Shapes are drawn into a square of [`SIDE`] units that is stretched to the room there is, so that text, which must not be
//! stretched, is HTML at places in percent.

use super::page::percent;
use crate::{axis::Axis, series::number};
use maud::{Markup, html};
use std::fmt::Write;
use tidegate_memory::ByteCount;

/// The side of the square that shapes are drawn into.
const SIDE: f64 = 1_000.0;

/// Above this, the limit is beyond the scale: a line far above all else would flatten what there is to see.
const HEADROOM: f64 = 3.0;

/// A chart.
pub(super) struct Chart<'a> {
    pub(super) scale: &'a Scale,
    /// What it shows, for those who do not see it.
    pub(super) label: &'a str,
    /// Shapes, for the SVG.
    pub(super) shapes: Markup,
    /// What is placed on top of the shapes, in percent.
    pub(super) marks: Markup,
    pub(super) readouts: Vec<Readout>,
    /// What shares the time axis, between the shapes and its labels.
    pub(super) lanes: Markup,
}

/// The axes of a chart.
pub(super) struct Scale {
    pub(super) x: Axis,
    pub(super) y: Axis,
    limit: Option<ByteCount>,
}

/// Values that appear when the pointer is near.
pub(super) struct Readout {
    pub(super) ms: u64,
    pub(super) lines: Markup,
}

impl Scale {
    /// Returns axes for bytes up to `most`, and to the limit unless that is far away.
    pub(super) fn new(span_ms: f64, most: f64, limit: Option<ByteCount>) -> Self {
        let limit_bytes = limit.map_or(0.0, |limit| number(limit.bytes()));
        let top = if limit_bytes <= most * HEADROOM { most.max(limit_bytes) } else { most };
        Self { x: Axis::time(span_ms), y: Axis::bytes(top * 1.12), limit }
    }

    /// Returns where a moment is, in units of the square.
    pub(super) fn x(&self, ms: u64) -> f64 {
        self.x.share(number(ms)) * SIDE
    }

    /// Returns where an amount is, in units of the square, which go down.
    pub(super) fn y(&self, bytes: f64) -> f64 {
        (1.0 - self.y.share(bytes)) * SIDE
    }

    /// Returns a path through points.
    pub(super) fn line(&self, points: impl IntoIterator<Item = (u64, f64)>) -> String {
        let mut path = String::new();
        for (ms, bytes) in points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            // Writing into a string cannot fail.
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(ms), self.y(bytes));
        }
        path
    }

    /// Returns a closed path between two lines, the upper one and the lower one.
    pub(super) fn area(&self, times: &[u64], upper: &[f64], lower: &[f64]) -> String {
        let mut path = self.line(times.iter().copied().zip(upper.iter().copied()));
        for (ms, bytes) in times.iter().zip(lower).rev() {
            let _ = write!(path, "L{:.1} {:.1}", self.x(*ms), self.y(*bytes));
        }
        if !path.is_empty() {
            path.push('Z');
        }
        path
    }
}

impl Chart<'_> {
    /// Draws the chart.
    pub(super) fn draw(self) -> Markup {
        let Self { scale, label, shapes, marks, readouts, lanes } = self;
        html! {
            div.chart role="img" aria-label=(label) {
                div.y-axis aria-hidden="true" {
                    @for tick in &scale.y.ticks {
                        span style=(format!("bottom:{}", percent(tick.share))) { (tick.label) }
                    }
                }
                div.plot {
                    svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" {
                        path.grid d=(grid(scale)) {}
                        (shapes)
                    }
                    (limit(scale))
                    (marks)
                    div.readouts aria-hidden="true" { (self::readouts(scale, &readouts)) }
                }
                (lanes)
                div.x-axis aria-hidden="true" {
                    @for (at, tick) in scale.x.ticks.iter().enumerate() {
                        span.odd[at % 2 == 1] style=(format!("left:{}", percent(tick.share))) { (tick.label) }
                    }
                }
            }
        }
    }
}

fn grid(scale: &Scale) -> String {
    let mut path = String::new();
    for tick in &scale.y.ticks {
        let _ = write!(path, "M0 {:.1}H1000", (1.0 - tick.share) * SIDE);
    }
    path
}

fn limit(scale: &Scale) -> Markup {
    let Some(limit) = scale.limit else { return Markup::default() };
    let bytes = number(limit.bytes());
    if bytes > scale.y.most() {
        return html! { div.limit.beyond { span { "limit " (limit) " ↑" } } };
    }
    html! { div.limit style=(format!("bottom:{}", percent(scale.y.share(bytes)))) { span { "limit " (limit) } } }
}

/// Each readout is where the pointer is nearer to it than to the others.
fn readouts(scale: &Scale, readouts: &[Readout]) -> Markup {
    let middle = |a: &Readout, b: &Readout| f64::midpoint(scale.x.share(number(a.ms)), scale.x.share(number(b.ms)));
    html! {
        @for (at, readout) in readouts.iter().enumerate() {
            @let before = at.checked_sub(1).and_then(|before| readouts.get(before));
            @let from = before.map_or(0.0, |before| middle(before, readout));
            @let to = readouts.get(at + 1).map_or(1.0, |after| middle(readout, after));
            @let place = format!("left:{};width:{}", percent(from), percent(to - from));
            i.late[from > 0.5] style=(place) { b { (readout.lines) } }
        }
    }
}
