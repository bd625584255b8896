//! What a guard says when a program has ended, in at most twenty lines.

use super::{
    run::sign,
    sheet::{Sheet, Style, column, fit, width as columns},
};
use crate::{
    guarded,
    record::{How, RunRecord, Used, VariableHeld},
    shown::Shown,
    words::{self, Tone},
};

/// The most lines that a verdict takes.
pub const VERDICT_LINES: usize = 20;

/// Lists are cut to so many items.
const LINES: usize = 4;
const VARIABLES: usize = 4;
const ADVICE: usize = 2;
const RULES: usize = 2;
const NOTES: usize = 2;

/// Returns what a guard says of a program as text of at most [`VERDICT_LINES`] lines.
///
/// ```
/// use tidegate_report::{record::{Guarded, RunRecord}, terminal::{self, Style}};
/// let record = RunRecord { guard: Some(Guarded::default()), ..RunRecord::default() };
/// assert!(terminal::verdict(&record, Style::default()).lines().count() <= terminal::VERDICT_LINES);
/// ```
pub fn verdict(record: &RunRecord, style: Style) -> String {
    let shown = Shown::of(record, 0);
    let record = &shown.record;
    let mut sheet = Sheet::new(style);
    let (tone, title) = words::title(record);
    let time = words::duration(record.seconds);
    sheet.toned(tone, &format!("{} {title}: {}, {time}", sign(tone), words::peak_of_limit(record)));
    if let Some(message) = &record.ended.message {
        sheet.wrapped("  ", message, 3);
    }
    if record.ended.how == How::MemoryLimit
        && let Some(help) = &record.ended.help
    {
        sheet.wrapped("  ", &format!("help: {help}"), 5);
    }
    if let Some(guarded) = &record.guard {
        let width = sheet.width();
        let least = record.peak.unwrap_or_default().percent(1);
        for line in guarded.lines.iter().filter(|line| line.bytes >= least).take(LINES) {
            let code = if line.text.is_empty() { &line.function } else { &line.text };
            let through = guarded::through(line);
            let through = if through.is_empty() { String::new() } else { format!("  ({through})") };
            let text = format!("  {:>9}  {}  {code}{through}", line.bytes.to_string(), place(&guarded::place(line)));
            sheet.line(&fit(&text, width));
        }
        if !guarded.lines.is_empty() {
            sheet.line(&format!("  and {}", guarded::rest(guarded)));
        }
        for variable in ordered(&guarded.variables) {
            let fate = guarded::fate(variable);
            let fate = if fate.is_empty() { fate } else { format!("; {fate}") };
            let name = place(&guarded::name(variable));
            let text = format!("  {:>9}  {name}  {}", variable.bytes.to_string(), guarded::kind(variable));
            // The line where it can go is what is looked for: it is never cut.
            let is_one = columns(&text) + columns(&fate) <= width;
            sheet.line(&fit(&if is_one { text + &fate } else { text }, width));
            if !is_one {
                sheet.wrapped(FATE, fate.trim_start_matches("; "), 2);
            }
        }
        for leak in guarded.leaks.iter().take(1) {
            sheet.toned(Tone::Neutral, &format!("  {}", guarded::grown(leak)));
        }
        let told = record.ended.help.as_ref();
        for advice in guarded.advice.iter().take(ADVICE).filter(|advice| Some(*advice) != told) {
            sheet.wrapped("  ", &format!("to fit: {advice}"), 5);
        }
        let rules = guarded.lines.iter().flat_map(|line| line.rules.iter().map(move |rule| (line, rule)));
        for (line, rule) in rules.take(RULES) {
            sheet.wrapped("  ", &guarded::ruled(line, rule), 2);
        }
        for note in guarded.notes.iter().take(NOTES) {
            sheet.wrapped("  ", &format!("note: {note}"), 2);
        }
    }
    let text = sheet.finish();
    let lines: Vec<&str> = text.lines().take(VERDICT_LINES).collect();
    lines.join("\n") + "\n"
}

/// Before what becomes of a variable, where that takes a line of its own.
const FATE: &str = "             ";

/// Columns for the name of a line or a variable.
const PLACE: usize = 22;

/// Cuts or fills a name to its columns: of a long one the end says most.
fn place(text: &str) -> String {
    let length = text.chars().count();
    if length <= PLACE {
        return column(text, PLACE);
    }
    let end: String = text.chars().skip(length + 1 - PLACE).collect();
    column(&format!("…{end}"), PLACE)
}

/// Those that are not used again are what can be done something about: if one is large, it is among those shown.
fn ordered(variables: &[VariableHeld]) -> Vec<&VariableHeld> {
    let mut shown: Vec<&VariableHeld> = variables.iter().take(VARIABLES).collect();
    let dead = variables.iter().find(|variable| variable.used == Used::NoMore);
    if let Some(dead) = dead.filter(|dead| !shown.iter().any(|variable| std::ptr::eq(*variable, *dead))) {
        shown.pop();
        shown.push(dead);
    }
    shown
}
