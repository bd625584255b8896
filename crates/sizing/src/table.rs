//! Sizes as text, for people.

use crate::{Pandas, Peak, Range, Sizes};
use std::fmt;
use tidegate_memory::ByteCount;

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = if self.environment.pandas == Pandas::V2 { "pandas 2" } else { "pandas 3" };
        let sampled = if self.rows.is_exact() { String::new() } else { format!(", from {} of them", self.sampled) };
        writeln!(f, "{}, {} rows{sampled}, as {version} reads them", ByteCount::new(self.size), self.rows)?;
        writeln!(f)?;
        write_table(f, &self.column_rows())?;
        writeln!(f)?;
        write_table(f, &self.setting_rows())?;
        self.write_best(f)?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

impl Sizes {
    /// Bytes for each row, column by column.
    fn column_rows(&self) -> Vec<Vec<String>> {
        let mut rows =
            vec![words(&["column", "default", "B/row", "tuned", "B/row", "category B/row", "Arrow B/row", "distinct"])];
        for column in &self.columns {
            rows.push(vec![
                shown(&column.name),
                column.default.dtype.clone(),
                format!("{:.1}", column.default.deep),
                column.tuned.dtype.clone(),
                format!("{:.1}", self.per_row(column.tuned.deep, column.tuned.fixed)),
                column
                    .category
                    .as_ref()
                    .map_or("-".to_owned(), |cell| format!("{:.1}", self.per_row(cell.deep, cell.fixed))),
                format!("{:.1}", column.arrow.deep),
                column.distinct.map_or("many".to_owned(), distinct),
            ]);
        }
        rows
    }

    fn per_row(&self, deep: f64, fixed: u64) -> f64 {
        deep + crate::range::ratio(fixed, self.rows.expected)
    }

    fn setting_rows(&self) -> Vec<Vec<String>> {
        let mut rows =
            vec![words(&["setting", "deep", "held", "peak, 1 thread", "peak, threads", "file mapped", "verdict"])];
        for setting in &self.settings {
            let memory = |peak: Peak| size(peak.memory);
            let mapped = setting.threaded.map(|peak| ByteCount::new(peak.mapped).to_string());
            rows.push(vec![
                setting.setting.name().to_owned(),
                size(setting.deep),
                size(setting.held),
                memory(setting.serial),
                setting.threaded.map_or("-".to_owned(), memory),
                mapped.unwrap_or("-".to_owned()),
                setting.verdict.map_or("-".to_owned(), |verdict| verdict.word().to_owned()),
            ]);
        }
        rows
    }

    /// Says what becomes of the default, and the line whose frame is the smallest.
    fn write_best(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\npeaks are over the {} that Python and pandas hold",
            ByteCount::new(self.environment.interpreter())
        )?;
        if let (Some(default), Some(room)) = (self.settings.first(), self.room)
            && let Some(verdict) = default.verdict
        {
            writeln!(f, "as it is read by default, it {}", verdict.sentence(default.need, room.available))?;
        }
        let best = self.settings.iter().min_by_key(|setting| (setting.held.expected, setting.need.expected));
        if let (Some(first), Some(best)) = (self.settings.first(), best)
            && best.held.expected < first.held.expected
        {
            let (less, more) = (size(best.held), size(first.held));
            writeln!(f, "write, and hold {less} in place of {more}:\n  {}", best.line)?;
        }
        Ok(())
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn size(range: Range) -> String {
    ByteCount::new(range.expected).to_string()
}

fn distinct(range: Range) -> String {
    if range.is_exact() { range.expected.to_string() } else { format!("{} to {}", range.low, range.high) }
}

/// A name comes from a file: what would move the cursor is not printed, and it is cut.
fn shown(name: &str) -> String {
    const LONGEST: usize = 32;
    let mut shown: String = name.chars().filter(|character| !character.is_control()).take(LONGEST).collect();
    if name.chars().count() > LONGEST {
        shown.push('~');
    }
    shown
}

/// Writes columns side by side: the first to the left, the others to the right.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for row in rows {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let width = *width;
            let padding = width.saturating_sub(cell.chars().count());
            let (before, after) = if place == 0 { (0, padding) } else { (padding + 2, 0) };
            line.extend(std::iter::repeat_n(' ', before));
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', after));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}
