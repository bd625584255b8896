//! A forecast as a range, with what came of it as a mark.

use super::page::percent;
use crate::{axis::Axis, record::RunRecord, series::number};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

/// Above this, the limit is beyond the scale.
const HEADROOM: f64 = 5.0;

/// Draws the interval of the forecast, the expected and the actual peak, and the limit unless it is far beyond.
pub(super) fn draw(record: &RunRecord) -> Markup {
    let Some(forecast) = &record.forecast else { return Markup::default() };
    let scale = scale(record);
    let share = |size: ByteCount| scale.share(number(size.bytes()));
    let upper = forecast.bound.map_or(1.0, |bound| share(bound.max(forecast.expected)));
    let from = share(forecast.least.min(forecast.expected));
    let span = format!("left:{};width:{}", percent(from), percent(upper - from));
    let at = |size: ByteCount| format!("left:{}", percent(share(size)));
    html! {
        span.range aria-hidden="true" {
            span.span.open[forecast.bound.is_none()] style=(span) {}
            span.expected style=(at(forecast.expected)) {}
            @if let Some(limit) = record.limit.filter(|limit| number(limit.bytes()) <= scale.most()) {
                span.limit-at style=(at(limit)) {}
            }
            @if let Some(peak) = record.peak { span.actual style=(at(peak)) {} }
        }
    }
}

/// Draws the axis below it.
pub(super) fn axis(record: &RunRecord) -> Markup {
    html! {
        div.range-axis aria-hidden="true" {
            @for (at, tick) in scale(record).ticks.iter().enumerate() {
                span.odd[at % 2 == 1] style=(format!("left:{}", percent(tick.share))) { (tick.label) }
            }
        }
    }
}

fn scale(record: &RunRecord) -> Axis {
    let bytes = |size: Option<ByteCount>| number(size.unwrap_or_default().bytes());
    let forecast = record.forecast.as_ref();
    let upper = forecast.map(|forecast| forecast.bound.unwrap_or_default().max(forecast.expected));
    let known = bytes(upper).max(bytes(record.peak));
    let limit = bytes(record.limit);
    Axis::bytes(if limit <= known * HEADROOM { known.max(limit) } else { known } * 1.04)
}
