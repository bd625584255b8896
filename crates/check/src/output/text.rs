//! Findings as a linter tells them.

use crate::{Finding, Report};
use std::fmt::Write;
use tidegate_memory::ByteCount;
use unicode_width::UnicodeWidthChar;

/// In which form findings are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For tools that collect what analyses find: SARIF 2.1.0.
    Sarif,
    /// For workflows of GitHub, which show them at the line.
    Github,
}

/// How text is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Without colours.
    #[default]
    Plain,
    /// With colours.
    Coloured,
}

/// The longest source line that is shown whole, and what is shown before the place in a longer one.
const WIDEST: usize = 140;
const BEFORE: usize = 60;

/// Returns all findings, and at the end how many there are.
pub fn findings_text(report: &Report, style: Style) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        text.push_str(&finding_text(finding, style));
        text.push('\n');
    }
    let count = report.findings.len();
    let fixable = report.findings.iter().filter(|finding| !finding.edits.is_empty()).count();
    let files = counted(report.files, "file");
    let last = match (count, fixable) {
        (0, _) => format!("no findings in {files}"),
        (_, 0) => format!("{} in {files}", counted(count, "finding")),
        _ => format!("{} in {files}; --fix changes what is proven safe of {fixable}", counted(count, "finding")),
    };
    text.push_str(&last);
    text.push('\n');
    text
}

fn finding_text(finding: &Finding, style: Style) -> String {
    let paint = |code: &str, text: &str| match style {
        Style::Plain => text.to_owned(),
        Style::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
    };
    let mut text = String::new();
    let place = printable(&format!("{}:{}", finding.file, finding.place));
    let code = paint("1;31", finding.code);
    // Writing into a string does not fail.
    let _ = writeln!(text, "{}: {code} {}", paint("1", &place), printable(&finding.message));
    if !finding.line.is_empty() {
        let (line, caret) = excerpt(finding);
        let number = finding.place.line.to_string();
        let gap = " ".repeat(number.len());
        let _ = writeln!(text, " {gap} |\n {number} | {line}\n {gap} | {}", paint("1;31", &caret));
    }
    if !finding.fix.is_empty() {
        let _ = writeln!(text, "   fix: {}", printable(&finding.fix));
    }
    let saving = finding.saving_text();
    if !saving.is_empty() {
        let _ = writeln!(text, "   saves: {}", printable(&saving));
    }
    if let Some(bytes) = finding.measured {
        let _ = writeln!(text, "   measured: {} at this line", ByteCount::new(bytes));
    }
    text
}

/// Returns the source line and carets below its place, both cut if it is long.
fn excerpt(finding: &Finding) -> (String, String) {
    let column = finding.column();
    let length = finding.line.chars().count();
    let from = if length > WIDEST { column.saturating_sub(BEFORE) } else { 0 };
    let shown: Vec<char> = finding.line.chars().skip(from).take(WIDEST).collect();
    let width = |characters: &[char]| characters.iter().map(|c| width(*c)).sum::<usize>();
    let start = (column - from).min(shown.len());
    let end = (start + finding.width()).min(shown.len()).max(start);
    let line: String = shown.iter().collect();
    let (before, marked) = (shown.get(..start).unwrap_or_default(), shown.get(start..end).unwrap_or_default());
    (
        printable(&line.replace('\t', "    ")),
        format!("{}{}", " ".repeat(width(before)), "^".repeat(width(marked).max(1))),
    )
}

/// A tab is shown as four spaces, a control character as one sign.
fn width(c: char) -> usize {
    if c == '\t' { 4 } else { c.width().unwrap_or(1) }
}

/// Returns a text without what a terminal would take for orders. Names of files and lines come from anywhere.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
