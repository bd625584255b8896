//! Lines of text that are as wide as the terminal at most.

use crate::words::Tone;
use unicode_width::UnicodeWidthChar;

/// The most lines that a report takes.
pub const MOST_LINES: usize = 40;

/// A terminal narrower than this is written to as if it were so wide.
const LEAST_WIDTH: usize = 40;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether meanings are repeated by colours, as ANSI sequences.
    pub colored: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, colored: false }
    }
}

/// A report that is being written.
#[derive(Debug)]
pub(super) struct Sheet {
    style: Style,
    lines: Vec<String>,
}

impl Sheet {
    pub(super) fn new(style: Style) -> Self {
        Self { style: Style { width: style.width.max(LEAST_WIDTH), ..style }, lines: Vec::new() }
    }

    pub(super) fn width(&self) -> usize {
        self.style.width
    }

    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Adds a line, cut to the width.
    pub(super) fn line(&mut self, text: &str) {
        self.lines.push(fit(text, self.style.width).trim_end().to_owned());
    }

    /// Adds a line in the colour of its meaning.
    pub(super) fn toned(&mut self, tone: Tone, text: &str) {
        let code = match tone {
            Tone::Good => "\u{1b}[32m",
            Tone::Bad => "\u{1b}[31m",
            Tone::Neutral => "\u{1b}[33m",
        };
        let text = fit(text, self.style.width).trim_end().to_owned();
        self.lines.push(if self.style.colored { format!("{code}{text}\u{1b}[0m") } else { text });
    }

    /// Adds an empty line and a title.
    pub(super) fn title(&mut self, text: &str) {
        self.lines.push(String::new());
        let text = fit(text, self.style.width);
        self.lines.push(if self.style.colored { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text });
    }

    /// Adds text on as many lines as it needs, `most` of them at most, each after `indent`.
    pub(super) fn wrapped(&mut self, indent: &str, text: &str, most: usize) {
        let room = self.style.width - indent.len();
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let fits = lines.last().is_some_and(|line| width(line) + 1 + width(word) <= room);
            if !fits && lines.len() < most {
                lines.push(fit(word, room));
                continue;
            }
            let Some(line) = lines.last_mut() else { break };
            if !fits {
                *line = fit(&format!("{line} …"), room);
                break;
            }
            line.push(' ');
            line.push_str(word);
        }
        self.lines.extend(lines.iter().map(|line| format!("{indent}{line}")));
    }

    pub(super) fn finish(self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

/// Returns the columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Cuts a text to so many columns, with a mark where something is missing.
pub(super) fn fit(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut left = room.saturating_sub(1);
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        shown.push(c);
    }
    shown.push('…');
    shown
}

/// Cuts or fills a text to so many columns.
pub(super) fn column(text: &str, room: usize) -> String {
    let text = fit(text, room);
    let missing = room - width(&text);
    text + &" ".repeat(missing)
}
