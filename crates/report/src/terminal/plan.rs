//! The plan as a tree with peaks.

use super::sheet::{MOST_LINES, Sheet, column};
use crate::{record::Operator, series::number, shown::Shown, words};
use tidegate_memory::ByteCount;

/// Operators that are shown: those with the largest peaks, in the order of the plan, as many as leave room for the rest.
const MOST: usize = 10;
const REST: usize = 12;

/// Columns of the numbers beside the names.
const ROWS: usize = 14;
const PEAK: usize = 9;
const BAR: usize = 10;

pub(super) fn draw(shown: &Shown, sheet: &mut Sheet) {
    if shown.operators.is_empty() {
        return;
    }
    let mut peaks: Vec<ByteCount> = shown.operators.iter().map(|(_, operator)| operator.peak).collect();
    peaks.sort_unstable_by(|a, b| b.cmp(a));
    let most = peaks.first().copied().unwrap_or_default();
    let room = MOST_LINES.saturating_sub(sheet.lines() + REST).clamp(1, MOST);
    let least = peaks.get(room - 1).copied().unwrap_or_default();
    let names = sheet.width().saturating_sub(ROWS + PEAK + BAR + 4);
    sheet.title(&format!("{} {:>ROWS$} {:>PEAK$}", column("plan", names), "rows out", "peak"));
    let mut drawn = 0;
    for (_, operator) in shown.operators.iter().filter(|(_, operator)| operator.peak >= least).take(room) {
        sheet.line(&row(operator, names, most));
        drawn += 1;
    }
    let more = shown.operators.len() + shown.left_out.operators - drawn;
    if more > 0 {
        sheet.line(&format!("  … and {}", words::counted(more as u64, "more operator")));
    }
}

fn row(operator: &Operator, names: usize, most: ByteCount) -> String {
    let indent = " ".repeat(2 + operator.depth.min(12));
    let spilled =
        if operator.spilled > ByteCount::ZERO { format!(", {} spilled", operator.spilled) } else { String::new() };
    let name = column(&format!("{indent}{}{spilled}", operator.name), names);
    let rows = operator.rows.map(words::grouped).unwrap_or_default();
    let peak = operator.peak.to_string();
    format!("{name} {rows:>ROWS$} {peak:>PEAK$} {}", bar(operator.peak, most))
}

/// A bar of up to [`BAR`] columns, in eighths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to 80 eighths")]
fn bar(bytes: ByteCount, most: ByteCount) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = number(bytes.bytes()) / number(most.bytes()).max(1.0);
    let eighths = (share.clamp(0.0, 1.0) * 8.0 * number(BAR as u64)).round() as usize;
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}
