//! One run on about a screen.

use super::{
    chart, plan,
    sheet::{Sheet, Style},
};
use crate::{
    checklist::Answer,
    record::{EventKind, Lines, RunRecord},
    shown::Shown,
    text,
    words::{self, Tone},
};
use tidegate_memory::ByteCount;

/// Columns of the timeline: more than any terminal has.
const COLUMNS: usize = 400;

/// Returns a run as text of at most [`MOST_LINES`](super::MOST_LINES) lines.
///
/// ```
/// use tidegate_report::{record::RunRecord, terminal::{self, Style}};
/// let record = RunRecord { text: "SELECT 1".into(), ..RunRecord::default() };
/// assert!(terminal::run(&record, Style::default()).contains("SELECT 1"));
/// ```
pub fn run(record: &RunRecord, style: Style) -> String {
    let shown = Shown::of(record, COLUMNS);
    let mut sheet = Sheet::new(style);
    headline(&shown, &mut sheet);
    memory(&shown, &mut sheet);
    forecast(&shown.record, &mut sheet);
    plan::draw(&shown, &mut sheet);
    rejects(&shown.record, &mut sheet);
    checklist(&shown, &mut sheet);
    sheet.finish()
}

fn headline(shown: &Shown, sheet: &mut Sheet) {
    let record = &shown.record;
    let (tone, title) = words::title(record);
    sheet.toned(tone, &format!("{} {title}: {}", sign(tone), words::peak_of_limit(record)));
    if let Some(message) = &record.ended.message {
        sheet.wrapped("  ", message, 3);
    }
    if let Some(help) = &record.ended.help {
        sheet.wrapped("  ", &format!("help: {help}"), 2);
    }
    sheet.wrapped("  ", &record.text, 2);
    sheet.line(&format!("  {}", work(record)));
    if record.lines.total() > 0 {
        sheet.line(&format!("  {}", lines(record.lines)));
    }
}

/// When, how long, how much.
fn work(record: &RunRecord) -> String {
    let mut facts: Vec<String> = record.started_ms.and_then(words::date).into_iter().collect();
    facts.push(words::duration(record.seconds));
    if let Some(speed) = words::speed(record) {
        facts.push(format!("{} read ({speed})", record.bytes_in));
    }
    if record.spilled.bytes > ByteCount::ZERO {
        facts.push(format!("{} spilled", record.spilled.bytes));
    }
    facts.join(", ")
}

fn lines(lines: Lines) -> String {
    let mut parts = vec![words::counted(lines.rows, "row"), words::counted(lines.rejects, "reject")];
    for (count, what) in [(lines.blank, "blank"), (lines.passed_over, "passed over")] {
        if count > 0 {
            parts.push(format!("{} {what}", words::grouped(count)));
        }
    }
    format!("{} = {}", words::counted(lines.total(), "line"), parts.join(" + "))
}

fn memory(shown: &Shown, sheet: &mut Sheet) {
    let lines = chart::draw(shown, sheet.width());
    if lines.is_empty() {
        return;
    }
    sheet.title("memory over time");
    for line in lines {
        sheet.line(&line);
    }
    let others = shown.events.iter().filter(|lane| lane.kind != EventKind::End);
    let told: Vec<String> =
        others.map(|lane| format!("{} {}×", words::event(lane.kind), words::grouped(lane.count))).collect();
    if !told.is_empty() {
        sheet.line(&format!("{:>10} {}", "", told.join(", ")));
    }
}

fn forecast(record: &RunRecord, sheet: &mut Sheet) {
    let Some(forecast) = &record.forecast else { return };
    sheet.title("forecast and actual");
    let upper = forecast.bound.map_or_else(|| "or more".to_owned(), |bound| format!("to {bound} (95 %)"));
    let actual = record.peak.map(|peak| format!("; actual {peak}")).unwrap_or_default();
    let expected = forecast.expected;
    sheet.line(&format!("  {} {upper}, {expected} expected{actual}", forecast.least));
    let verdict = words::forecast_verdict(record).unwrap_or_else(|| "not to be compared".to_owned());
    sheet.line(&format!("  {verdict}; mode: {}", words::mode(forecast.mode)));
    let reason = forecast.reason.as_deref().map(|reason| format!("because: {reason}; ")).unwrap_or_default();
    sheet.wrapped("  ", &format!("{reason}expected {}", words::forecast_basis(forecast)), 2);
}

fn rejects(record: &RunRecord, sheet: &mut Sheet) {
    let Some(first) = record.rejects.samples.first() else { return };
    sheet.title(&words::counted(record.rejects.count, "reject"));
    let line = first.line.map(|line| format!(":{line}")).unwrap_or_default();
    sheet.line(&text::line(&format!("  {}{line}: {}", first.file, first.reason), sheet.width()));
}

fn checklist(shown: &Shown, sheet: &mut Sheet) {
    sheet.title("checklist");
    for check in &shown.checks {
        let tone = match check.answer {
            Answer::Yes => Tone::Good,
            Answer::No => Tone::Bad,
            Answer::Unknown => Tone::Neutral,
        };
        let word = check.answer.word();
        sheet.toned(tone, &format!("  {} {}: {word}, {}", sign(tone), check.question, check.proof));
    }
}

pub(super) const fn sign(tone: Tone) -> char {
    match tone {
        Tone::Good => '✓',
        Tone::Bad => '✗',
        Tone::Neutral => '·',
    }
}
