//! What is said besides the data, on the standard error.

use crate::{
    args::{Color, OutputArgs},
    run::{Outcome, Traces, megabytes_per_second},
};
use std::{
    env,
    io::{self, IsTerminal, Write},
    path::Path,
};
use tidegate_engine::{EngineError, Finished, Replan, SampledReject, sink::printable};
use tidegate_memory::{ByteCount, Limit, Moment};
pub use tidegate_report::grouped;

/// Says things on the standard error.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    quiet: bool,
    progress: bool,
    color: bool,
}

/// A meaning, and its colour. The words carry the meaning; the colour only repeats it.
#[derive(Clone, Copy)]
enum Tone {
    Error,
    Warning,
    Plain,
}

impl Printer {
    /// Returns the printer that the arguments ask for.
    pub fn new(arguments: OutputArgs) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = arguments.color.shows(terminal);
        let progress = terminal && !arguments.quiet && !arguments.no_progress && !is_set("CI");
        Self { quiet: arguments.quiet, progress, color }
    }

    /// Returns the arguments that ask for this printer, but for the progress bar.
    pub fn arguments(self) -> Vec<&'static str> {
        let mut arguments = vec!["--color", if self.color { "always" } else { "never" }];
        arguments.extend(self.quiet.then_some("--quiet"));
        arguments
    }

    /// Returns the same without a progress bar.
    #[must_use]
    pub fn without_progress(self) -> Self {
        Self { progress: false, ..self }
    }

    /// Returns whether a progress bar is wanted.
    pub fn shows_progress(self) -> bool {
        self.progress
    }

    /// Says an error with its place and advice, and returns its exit code.
    pub fn failure(self, error: &EngineError) -> u8 {
        self.failure_in(error, "")
    }

    /// Says an error of a query, with a caret under the place where that is known.
    pub fn failure_in(self, error: &EngineError, sql: &str) -> u8 {
        if matches!(error, EngineError::BrokenPipe) {
            return error.exit_code();
        }
        self.line(Tone::Error, "error", &printable(&error.to_string()));
        if let EngineError::Query { place: Some(place), .. } = error
            && let Some(text) = sql.lines().nth(place.line.saturating_sub(1))
        {
            let (shown, column) = excerpt(text, place.column);
            say(&format!("  {}", printable(&shown)));
            say(&format!("  {}^", " ".repeat(column.saturating_sub(1))));
        }
        if let Some(help) = error.help() {
            self.line(Tone::Plain, "help", &printable(&help));
        }
        error.exit_code()
    }

    /// Says what is wrong and what to do about it, and returns the exit code.
    pub fn problem(self, message: &str, help: Option<&str>, exit_code: u8) -> u8 {
        self.line(Tone::Error, "error", &printable(message));
        if let Some(help) = help {
            self.line(Tone::Plain, "help", &printable(help));
        }
        exit_code
    }

    /// Says something that may be wrong, unless quiet.
    pub fn warning(self, about: &str, text: &str) {
        if !self.quiet {
            self.line(Tone::Warning, about, &printable(text));
        }
    }

    /// Says what a query did, and what it could not read.
    pub fn summary(self, outcome: &Outcome, traces: &Traces, limit: Limit) {
        if self.quiet {
            return;
        }
        let counts = outcome.finished.counts;
        let rejects = &outcome.finished.rejects;
        let spilled = outcome.finished.spill.written;
        let spilled = if spilled.bytes() > 0 { format!(", {spilled} spilled") } else { String::new() };
        let few = |count, what| if count > 0 { format!(", {} {what}", grouped(count)) } else { String::new() };
        let others = few(counts.blank, "blank") + &few(counts.passed_over, "passed over");
        let (lines, unlined) = (counts.lines() + rejects.count + counts.blank, counts.unlined);
        let of_lines = format!(
            "{}: {}, {}{others}",
            counted(lines, "line"),
            counted(counts.rows - unlined, "row"),
            counted(rejects.count, "reject")
        );
        let read = match (lines, unlined) {
            (_, 0) => of_lines,
            (0, _) => counted(unlined, "row"),
            _ => format!("{of_lines}; {} of Arrow", counted(unlined, "row")),
        };
        let input = format!(
            "{read}; {} in {:.2} s ({:.0} MB/s)",
            counts.bytes,
            traces.seconds,
            megabytes_per_second(&outcome.finished, traces.seconds),
        );
        let work = if counts.scans > 0 { input } else { format!("{:.2} s", traces.seconds) };
        say(&format!("{work}; peak memory {} of {limit}{spilled}", traces.peak));
        for note in &outcome.finished.notes {
            self.line(Tone::Warning, "columns", &printable(note));
        }
        for replan in &outcome.finished.replans {
            self.line(Tone::Warning, "planned again", &replanned(replan));
        }
        if let Some(first) = rejects.first() {
            self.line(Tone::Warning, "rejects", &first_reject(rejects.count, first));
        }
    }

    /// Says that what was spilled did not leave memory.
    pub fn spilled_to_memory(self, folder: &Path) {
        if !self.quiet {
            let text =
                "is held in memory, where what is spilled counts beside the limit; --spill-dir names a folder on disk";
            self.line(Tone::Warning, "spill", &printable(&format!("{} {text}", folder.display())));
        }
    }

    /// Says how memory went over time.
    pub fn timeline(self, outcome: &Outcome, traces: &Traces, limit: Limit) {
        let timeline = &outcome.finished.memory.timeline;
        let peak = timeline.iter().map(|moment| moment.resident).max().unwrap_or_default();
        let most = limit.bytes().unwrap_or(peak);
        self.note(&format!("memory {} of {most} at most, over {:.2} s:", traces.peak, traces.seconds));
        self.note(&format!("|{}|", sparkline(timeline, 72, most)));
    }

    /// Says that there were more rejects than allowed.
    pub fn too_many_rejects(self, finished: &Finished, kept: Option<&Path>) {
        let (rejects, counts) = (finished.rejects.count, finished.counts);
        let lines = counts.lines() + rejects + counts.blank;
        let of_lines =
            format!("more rejects than --max-rejects allows: {} of {}", grouped(rejects), counted(lines, "line"));
        self.line(Tone::Error, "error", &of_lines);
        let help = if kept.is_some() {
            "look at the file of rejects, or raise --max-rejects"
        } else {
            "--rejects FILE keeps them, --max-rejects 100% accepts them; if the format is wrong, name it: csv('..')"
        };
        self.line(Tone::Plain, "help", help);
    }

    /// Says a line of progress that stays, unless quiet.
    pub fn note(self, text: &str) {
        if !self.quiet {
            say(&printable(text));
        }
    }

    fn line(self, tone: Tone, label: &str, text: &str) {
        let code = match tone {
            Tone::Error => "\u{1b}[1;31m",
            Tone::Warning => "\u{1b}[1;33m",
            Tone::Plain => "\u{1b}[1m",
        };
        if self.color {
            say(&format!("{code}{label}:\u{1b}[0m {text}"));
        } else {
            say(&format!("{label}: {text}"));
        }
    }
}

/// An empty variable is none.
impl Color {
    /// Returns whether colour is shown where there is a terminal, or none.
    pub fn shows(self, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && !is_set("NO_COLOR"),
        }
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn replanned(replan: &Replan) -> String {
    let Replan { reason, profile } = replan;
    let joins = if profile.hash_joins { "" } else { ", joins that spill" };
    let threads = if profile.threads == 1 { "1 partition" } else { &format!("{} partitions", profile.threads) };
    format!("with {threads}, {} rows in a batch{joins}, because of: {reason}", profile.batch_rows)
}

/// Returns resident memory over time as a line of bars, the peak of each of `width` spans, the highest bar for `most`.
fn sparkline(timeline: &[Moment], width: usize, most: ByteCount) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let chunk = timeline.len().div_ceil(width).max(1);
    let bar = |moments: &[Moment]| {
        let peak = moments.iter().map(|moment| moment.resident.bytes()).max().unwrap_or(0);
        let step = usize::try_from(peak.saturating_mul(8) / most.bytes().max(1)).unwrap_or(7);
        BARS.get(step.min(7)).copied().unwrap_or('█')
    };
    timeline.chunks(chunk).map(bar).collect()
}

fn say(text: &str) {
    // There is nowhere left to say that the standard error cannot be written.
    let _ = writeln!(io::stderr(), "{text}");
}

fn first_reject(count: u64, first: &SampledReject) -> String {
    let line = first.line.map_or_else(|| format!("byte {}", first.offset), |line| line.to_string());
    printable(&format!(
        "{} could not be read; the first is {}:{line}: {}",
        counted(count, "line"),
        first.file,
        first.reason
    ))
}

/// Cuts a long line of SQL around the caret and returns it with the caret's new column.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let from = column.saturating_sub(60);
    (line.chars().skip(from).take(100).collect(), column - from)
}

/// Writes `1 line`, `2 lines`.
fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let check = |number, text| assert_eq!(grouped(number), text);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(12_345_678, "12,345,678");
    }

    #[test]
    fn a_caret_far_to_the_right_is_still_seen() {
        let (text, column) = excerpt(&"x".repeat(500), 400);
        assert_eq!((text.len(), column), (100, 60));
    }
}
