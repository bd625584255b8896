//! What a guard saw: memory by line and by variable at the peak, what would free it, what only grew.

use super::page;
use crate::{
    guarded,
    record::{Guarded, LineHeld, Used, VariableHeld},
    series::number,
    shown::Shown,
    words,
};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

pub(super) fn draw(shown: &Shown) -> Markup {
    let Some(guarded) = &shown.record.guard else { return Markup::default() };
    let peak = shown.record.peak.unwrap_or_default();
    html! {
        (advice(guarded))
        (lines(guarded, peak))
        (variables(guarded, peak))
        (over_time(guarded))
        (notes(guarded))
    }
}

fn advice(guarded: &Guarded) -> Markup {
    if guarded.advice.is_empty() {
        return Markup::default();
    }
    let body = html! { ol { @for advice in &guarded.advice { li { (advice) } } } };
    page::section("What would make it fit", Some("The cheapest first."), &body)
}

fn share(bytes: ByteCount, of: ByteCount) -> f64 {
    number(bytes.bytes()) / number(of.bytes()).max(1.0)
}

fn lines(guarded: &Guarded, peak: ByteCount) -> Markup {
    if guarded.lines.is_empty() {
        return Markup::default();
    }
    let body = html! {
        table.guarded {
            thead { tr { th { "line" } th { "code" } th { "at the peak" } th.number { "at the end" } th.number { "in all" } } }
            tbody { @for line in &guarded.lines { (row(line, peak)) } }
        }
    };
    page::section("Memory by line at the peak", Some(&format!("And {}.", guarded::rest(guarded))), &body)
}

fn row(line: &LineHeld, peak: ByteCount) -> Markup {
    let through = guarded::through(line);
    html! {
        tr {
            td.path title=(line.file) { (guarded::place(line)) }
            td.name {
                @if line.text.is_empty() { (line.function) } @else { code { (line.text) } }
                @if !through.is_empty() { " " small { (through) } }
                @for rule in &line.rules { p { b { (rule.code) } " " (rule.message) " " code { (rule.fix) } } }
            }
            td.part { (line.bytes) (page::bar(share(line.bytes, peak), "fill")) }
            td.number { @if line.at_end > ByteCount::ZERO { (line.at_end) span.unit { " at the end" } } }
            td.number { (line.total) span.unit { " in all" } }
        }
    }
}

fn variables(guarded: &Guarded, peak: ByteCount) -> Markup {
    if guarded.variables.is_empty() {
        return Markup::default();
    }
    let dead: ByteCount =
        guarded.variables.iter().filter(|variable| variable.used == Used::NoMore).map(|variable| variable.bytes).sum();
    let lead = match dead {
        ByteCount::ZERO => "Each buffer counts once.".to_owned(),
        dead => format!("Each buffer counts once. {dead} are held by variables that are not used again."),
    };
    let body = html! {
        table.guarded {
            thead { tr { th { "variable" } th { "what" } th { "holds" } th { "allocated at" } th { "after this" } } }
            tbody { @for variable in &guarded.variables { (variable_row(variable, peak)) } }
        }
    };
    page::section("Memory by variable", Some(&lead), &body)
}

fn variable_row(variable: &VariableHeld, peak: ByteCount) -> Markup {
    html! {
        tr {
            td.name title=(variable.file) { (guarded::name(variable)) }
            td {
                (guarded::kind(variable))
                @if !variable.shared_with.is_empty() { " " small { "shares with " (variable.shared_with) } }
                @if !variable.columns.is_empty() {
                    details {
                        summary { (words::counted(variable.columns.len() as u64, "column")) ", the largest" }
                        table { @for column in &variable.columns {
                            tr { td.name { (column.name) } td { (column.dtype) } td.number { (column.bytes) } }
                        } }
                    }
                }
            }
            td.part { (variable.bytes) (page::bar(share(variable.bytes, peak), "fill")) }
            td.path { (variable.allocated) }
            td { (guarded::fate(variable)) }
        }
    }
}

fn over_time(guarded: &Guarded) -> Markup {
    if guarded.leaks.is_empty() && guarded.phases.is_empty() {
        return Markup::default();
    }
    let body = html! {
        @for leak in &guarded.leaks { p { (guarded::grown(leak)) "." } }
        @if !guarded.phases.is_empty() {
            details {
                summary { (words::counted(guarded.phases.len() as u64, "phase")) ", by the function that allocated" }
                table {
                    thead { tr { th { "function" } th.number { "from" } th.number { "to" } th.number { "in use at most" } } }
                    tbody { @for phase in &guarded.phases { tr {
                        td.name { (phase.function) }
                        td.number { (words::milliseconds(phase.from_ms)) }
                        td.number { (words::milliseconds(phase.to_ms)) }
                        td.number { (phase.peak) }
                    } } }
                }
            }
        }
    };
    page::section("Growth and phases", None, &body)
}

fn notes(guarded: &Guarded) -> Markup {
    let counts = format!(
        "{} seen, {} refused, memory given back {} and collected {}{}.",
        words::counted(guarded.processes, "process"),
        words::counted(guarded.refused, "allocation"),
        words::counted(guarded.trims, "time"),
        words::counted(guarded.collections, "time"),
        if guarded.wall.is_empty() { String::new() } else { format!("; behind the limit stood {}", guarded.wall) },
    );
    let body = html! { @if !guarded.notes.is_empty() { ul { @for note in &guarded.notes { li { (note) } } } } };
    page::section("The guard", Some(&counts), &body)
}
