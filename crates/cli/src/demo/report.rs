//! What the demo closes with.

use crate::{
    printer::{Printer, grouped},
    run::megabytes_per_second,
    table::rule_under_header,
};
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};
use tidegate_engine::Finished;
use tidegate_memory::{ByteCount, Limit};

/// One answered question.
pub struct Answer {
    /// The question.
    pub title: &'static str,
    /// What the query did.
    pub finished: Finished,
    /// How long it took.
    pub seconds: f64,
    /// The kernel's peak while it ran.
    pub peak: ByteCount,
}

/// The demo's result.
pub struct Report {
    limit: Limit,
    before: ByteCount,
    after: ByteCount,
    answers: Vec<Answer>,
}

impl Report {
    /// Returns a report of a process that holds `before` before the first question.
    pub fn new(limit: Limit, before: ByteCount) -> Self {
        Self { limit, before, after: before, answers: Vec::new() }
    }

    /// Adds an answer.
    pub fn add(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    /// Sets what the process holds after the last question.
    pub fn set_after(&mut self, after: ByteCount) {
        self.after = after;
    }

    /// Prints the table and the line on memory given back.
    pub fn print(&self, printer: Printer) {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        rule_under_header(&mut table);
        table.set_header(["question", "seconds", "MB/s", "peak memory / limit", "spilled", "rejects"]);
        for answer in &self.answers {
            let finished = &answer.finished;
            let share =
                self.limit.bytes().map_or(String::new(), |limit| format!(" ({:.0} %)", answer.peak.percent_of(limit)));
            table.add_row([
                Cell::new(answer.title),
                Cell::new(format!("{:.1}", answer.seconds)),
                Cell::new(format!("{:.0}", megabytes_per_second(finished, answer.seconds))),
                Cell::new(format!("{} / {}{share}", answer.peak, self.limit)),
                Cell::new(finished.spill.written),
                Cell::new(grouped(finished.rejects.count)),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        printer.note(&format!("\n{table}"));
        let peak = self.answers.iter().map(|answer| answer.peak).max().unwrap_or_default();
        printer.note(&format!(
            "memory given back: {} before the first question, {peak} at the peak, {} after the last",
            self.before, self.after
        ));
    }
}

/// Shows the first rows of an answer that is text.
pub fn preview(path: &Path, rows: usize, printer: Printer) {
    let Ok(file) = File::open(path) else { return };
    if rows == 0 {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        printer.note(&format!("  -> {} ({})", path.display(), ByteCount::new(size)));
        return;
    }
    for line in BufReader::new(file).lines().map_while(Result::ok).take(rows + 1) {
        printer.note(&format!("    {line}"));
    }
    printer.note(&format!("  -> {}", path.display()));
}
