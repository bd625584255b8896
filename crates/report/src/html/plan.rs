//! The plan as a tree, with the peak of each operator.

use super::{memory, page};
use crate::{
    record::{Bounds, Operator},
    series::number,
    shown::Shown,
    stack::Part,
    words,
};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

/// Deeper operators are not indented further: there would be no room for their names.
const DEEPEST: usize = 16;

pub(super) fn draw(shown: &Shown) -> Markup {
    if shown.operators.is_empty() {
        return replans(shown);
    }
    let most = shown.operators.iter().map(|(_, operator)| operator.peak).max().unwrap_or_default();
    let body = html! {
        div.plan {
            div.plan-head aria-hidden="true" {
                span { "operator" }
                span.number { "rows out" }
                span { "peak" }
                span.number { "spilled" }
            }
            @for (place, operator) in &shown.operators { (row(shown, *place, operator, most)) }
        }
        (page::left_out(shown.left_out.operators as u64, "operator"))
        (split(shown))
        (replans(shown))
    };
    page::section(
        "Plan and peaks",
        Some("Rows flow from the bottom up. Each peak is of its own moment, so they do not add up."),
        &body,
    )
}

fn row(shown: &Shown, place: usize, operator: &Operator, most: ByteCount) -> Markup {
    let colour = shown.stack.colour(place).map(|colour| memory::class_of(Part::Operator { place, colour }));
    let share = number(operator.peak.bytes()) / number(most.bytes()).max(1.0);
    html! {
        div.operator style=(format!("--depth:{}", operator.depth.min(DEEPEST))) {
            div.what {
                span.name {
                    b.place { (place + 1) } " " (operator.name)
                    @if operator.partitions > 1 { small { " × " (operator.partitions) } }
                }
                span.details { (operator.details) }
            }
            span.number.rows { @if let Some(rows) = operator.rows { (words::grouped(rows)) small { " rows" } } }
            div.held {
                (page::bar(share, &format!("fill {}", colour.unwrap_or("others"))))
                span { (operator.peak) small { (bounds(operator.forecast)) } }
            }
            span.number.spilled { @if operator.spilled > ByteCount::ZERO { (operator.spilled) small { " spilled" } } }
        }
    }
}

fn bounds(forecast: Bounds) -> String {
    match forecast.most {
        Some(most) if most > ByteCount::ZERO => format!(" forecast {} to {most}", forecast.least),
        None if forecast.least > ByteCount::ZERO => format!(" forecast {} or more", forecast.least),
        _ => String::new(),
    }
}

/// What anonymous memory was made of at its peak.
fn split(shown: &Shown) -> Markup {
    let (Some(at), Some(peak)) = (shown.record.memory.at_peak, shown.record.memory.anonymous_peak) else {
        return Markup::default();
    };
    let others = at.output + at.planning_and_runtime + at.allocator + at.program;
    let parts = [
        ("operators", "s0", at.owned - others),
        ("rows on their way out", "s1", at.output),
        ("planning and runtime", "s2", at.planning_and_runtime),
        ("freed pages and rounding of the allocator", "s3", at.allocator),
        ("stacks and relocations", "s4", at.program),
        ("without an owner", "s5", peak - at.owned),
    ];
    let whole = number(peak.bytes()).max(1.0);
    html! {
        h3 { "At the peak: " (peak) " of anonymous memory" }
        div.split aria-hidden="true" {
            @for (_, class, bytes) in &parts {
                @if *bytes > ByteCount::ZERO {
                    i class=(class) style=(format!("width:{}", page::percent(number(bytes.bytes()) / whole))) {}
                }
            }
        }
        ul.legend {
            @for (name, class, bytes) in &parts { li { i class={ "key-part " (class) } {} (name) ", " (bytes) } }
        }
    }
}

fn replans(shown: &Shown) -> Markup {
    html! {
        @if !shown.record.replans.is_empty() {
            h3 { "Planned again" }
            ul.list {
                @for replan in &shown.record.replans {
                    li {
                        (words::counted(replan.partitions as u64, "partition")) ", "
                        (words::grouped(replan.batch_rows as u64)) " rows in a batch"
                        @if !replan.hash_joins { ", joins that spill" }
                        ", because of: " (replan.reason)
                    }
                }
            }
            (page::left_out(shown.left_out.replans as u64, "plan"))
        }
    }
}
