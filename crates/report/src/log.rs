//! What happens in runs, as lines of JSON: one object a line, for a log to which several processes append.
//!
//! *Bounds.* A line has at most [`MOST_BYTES`], whatever is in it, so that a pipe takes it whole or not at all. Texts come from
//! outside; JSON escapes what is hostile in them, and what is too long is cut, with a mark.

use crate::record::{Mode, Pressure, size};
use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use tidegate_memory::ByteCount;

/// The longest line, its end included: what a pipe takes at once.
pub const MOST_BYTES: usize = 4096;

/// Bytes of texts, as JSON escapes them. Together with all else they stay below [`MOST_BYTES`].
const TEXT: usize = 1400;
const HELP: usize = 600;
const NAME: usize = 400;

/// Something that happened in a run.
///
/// ```
/// use tidegate_report::log::{Happened, Line, Numbers};
/// let happened = Happened::Purge { count: 2 };
/// let line = Line { time_ms: 1_784_020_323_412, run: "4711", unit: None, happened, numbers: Numbers::default() };
/// let text = r#"{"time":"2026-07-14T09:12:03.412Z","run":"4711","event":"purge","count":2}"#;
/// assert_eq!(line.to_json().trim_end(), text);
/// ```
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// When, in milliseconds since 1970 in UTC.
    pub time_ms: u64,
    /// The run, or the loop.
    pub run: &'a str,
    /// The unit of a loop.
    pub unit: Option<&'a str>,
    /// What happened.
    pub happened: Happened,
    /// How things were then.
    pub numbers: Numbers,
}

/// What happens. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happened {
    /// A run, a loop or a unit started.
    Started {
        /// The query, the task file.
        #[serde(skip_serializing_if = "String::is_empty")]
        text: String,
        /// Its limit.
        #[serde(with = "size", skip_serializing_if = "Option::is_none")]
        limit: Option<ByteCount>,
        /// Threads that work.
        #[serde(skip_serializing_if = "Option::is_none")]
        threads: Option<usize>,
        /// The process.
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// The peak was forecast.
    Forecast {
        /// The expected peak.
        #[serde(with = "size")]
        expected: ByteCount,
        /// What it stays below in 95 % of runs.
        #[serde(with = "size", skip_serializing_if = "Option::is_none")]
        bound: Option<ByteCount>,
        /// How the run will go about its memory.
        #[serde(skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
    },
    /// State was written to disk.
    Spill {
        /// All that was written so far.
        #[serde(with = "size")]
        spilled: ByteCount,
        /// What of it is there now.
        #[serde(with = "size")]
        on_disk: ByteCount,
    },
    /// Operators asked for memory and did not get it.
    Refusal {
        /// How many times since it was told last.
        count: u64,
        /// Who was refused last.
        operator: String,
        /// What it asked for.
        #[serde(with = "size")]
        asked: ByteCount,
    },
    /// Scans wait until memory is less tight.
    Pause {
        /// How many times since it was told last.
        count: u64,
    },
    /// Freed pages were given back.
    Purge {
        /// How many times since it was told last.
        count: u64,
    },
    /// The program's own clean pages were dropped.
    PagesDropped {
        /// How many times since it was told last.
        count: u64,
    },
    /// The query was planned again, narrower.
    Replan {
        /// The number of the plan, from 1.
        plan: usize,
    },
    /// The peak passed a share of the limit, for the first time.
    PeakAbove {
        /// The share in percent.
        percent: u8,
        /// The peak so far.
        #[serde(with = "size")]
        peak: ByteCount,
        /// The limit.
        #[serde(with = "size")]
        limit: ByteCount,
    },
    /// A unit failed and is tried again.
    Retry {
        /// Why it failed.
        message: String,
    },
    /// A unit is left out.
    LeftOut {
        /// The task before it that failed.
        because: String,
    },
    /// All went well.
    Finished(Outcome),
    /// It did not.
    Failed(Outcome),
}

/// How a run, a unit or a loop ended, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The exit code.
    pub exit_code: i32,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The kernel's own peak.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub peak: Option<ByteCount>,
    /// The limit.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub limit: Option<ByteCount>,
    /// What was spilled.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub spilled: Option<ByteCount>,
    /// Rows read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Lines that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<u64>,
    /// Rows of the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_out: Option<u64>,
    /// Units that were done and that failed, of a loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<Units>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What became of the units of a loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Units {
    /// Done now.
    pub done: usize,
    /// Done by an earlier loop.
    pub done_before: usize,
    /// Failed for good.
    pub failed: usize,
    /// Left out because one before them failed.
    pub left_out: usize,
    /// At work.
    pub running: usize,
    /// Not begun.
    pub waiting: usize,
}

/// How things are at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// What is resident.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub resident: Option<ByteCount>,
    /// Live bytes in the ledger.
    #[serde(with = "size", skip_serializing_if = "Option::is_none")]
    pub live: Option<ByteCount>,
    /// How tight memory is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
}

#[derive(Serialize)]
struct Written<'a> {
    time: String,
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(flatten)]
    happened: Happened,
    #[serde(flatten)]
    numbers: &'a Numbers,
}

impl Line<'_> {
    /// Returns the line, with its end.
    pub fn to_json(&self) -> String {
        let written = Written {
            time: time(self.time_ms),
            run: cut(self.run, NAME),
            unit: self.unit.map(|unit| cut(unit, NAME)),
            happened: self.happened.bounded(),
            numbers: &self.numbers,
        };
        // Nothing in it has no form in JSON.
        let mut line = serde_json::to_string(&written).unwrap_or_default();
        line.push('\n');
        line
    }
}

impl Happened {
    fn bounded(&self) -> Self {
        match self.clone() {
            Self::Started { text, limit, threads, pid } => {
                Self::Started { text: cut(&text, TEXT), limit, threads, pid }
            }
            Self::Refusal { count, operator, asked } => Self::Refusal { count, operator: cut(&operator, NAME), asked },
            Self::Retry { message } => Self::Retry { message: cut(&message, TEXT) },
            Self::LeftOut { because } => Self::LeftOut { because: cut(&because, NAME) },
            Self::Finished(outcome) => Self::Finished(outcome.bounded()),
            Self::Failed(outcome) => Self::Failed(outcome.bounded()),
            other => other,
        }
    }
}

impl Outcome {
    fn bounded(self) -> Self {
        Self {
            message: self.message.map(|message| cut(&message, TEXT)),
            help: self.help.map(|help| cut(&help, HELP)),
            ..self
        }
    }
}

/// Writes a moment as RFC 3339 has it, in UTC; one beyond the calendar is its end.
pub(crate) fn time(unix_ms: u64) -> String {
    let moment = i64::try_from(unix_ms).ok().and_then(DateTime::from_timestamp_millis);
    moment.unwrap_or(DateTime::<chrono::Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Returns as much of a text as takes so many bytes in JSON, and a mark where something was left out.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let mut left = most;
    for (at, c) in text.char_indices() {
        let width = match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            _ if u32::from(c) < 0x20 => 6,
            _ => c.len_utf8(),
        };
        if width > left {
            return format!("{}…", text.get(..at).unwrap_or_default());
        }
        left -= width;
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ATTACK;
    use serde_json::Value;

    fn line(happened: Happened) -> String {
        let numbers = Numbers {
            resident: Some(ByteCount::mib(60)),
            live: Some(ByteCount::new(u64::MAX)),
            pressure: Some(Pressure::Critical),
        };
        Line { time_ms: 0, run: "4711-0", unit: Some("day: logs/a.log"), happened, numbers }.to_json()
    }

    #[test]
    fn a_line_is_one_object() {
        let asked = ByteCount::new(8_390_000);
        let text = line(Happened::Refusal { count: 3, operator: "ExternalSorter[0]".into(), asked });
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
        let read: Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:00.000Z", "run": "4711-0", "unit": "day: logs/a.log", "event": "refusal",
            "count": 3, "operator": "ExternalSorter[0]", "asked": 8_390_000,
            "resident": 62_914_560, "live": u64::MAX, "pressure": "critical",
        });
        assert_eq!(read, expected);
        assert!(text.starts_with("{\"time\":\"1970-01-01T00:00:00.000Z\",\"run\":\"4711-0\",\"unit\":"), "{text}");
        let paused: Value = serde_json::from_str(&line(Happened::Pause { count: 1 })).unwrap();
        assert_eq!(paused["event"], "pause");
    }

    #[test]
    fn no_text_makes_a_line_long_or_two_of_one() {
        let outcome = |text: &str| Outcome {
            exit_code: i32::MIN,
            seconds: Some(f64::MIN),
            rows: Some(u64::MAX),
            rejects: Some(u64::MAX),
            rows_out: Some(u64::MAX),
            peak: Some(ByteCount::new(u64::MAX)),
            limit: Some(ByteCount::new(u64::MAX)),
            spilled: Some(ByteCount::new(u64::MAX)),
            units: Some(Units { done: usize::MAX, failed: usize::MAX, ..Units::default() }),
            message: Some(text.to_owned()),
            help: Some(text.to_owned()),
        };
        for text in [ATTACK, "\"", "\0", "\n\r", "漢", "x"] {
            let long = text.repeat(100_000);
            for happened in [
                Happened::Started { text: long.clone(), limit: None, threads: Some(usize::MAX), pid: Some(u32::MAX) },
                Happened::Refusal { count: 1, operator: long.clone(), asked: ByteCount::ZERO },
                Happened::Retry { message: long.clone() },
                Happened::LeftOut { because: long.clone() },
                Happened::Failed(outcome(&long)),
            ] {
                let numbers = Numbers { resident: Some(ByteCount::new(u64::MAX)), ..Numbers::default() };
                let line = Line { time_ms: u64::MAX, run: &long, unit: Some(&long), happened, numbers }.to_json();
                assert!(line.len() <= MOST_BYTES && line.matches('\n').count() == 1, "{}", line.len());
                let read: Value = serde_json::from_str(&line).unwrap();
                assert!(read["run"].as_str().unwrap().ends_with('…'));
            }
        }
    }

    #[test]
    fn a_text_is_cut_between_two_characters() {
        let check = |text: &str, most, expected: &str| assert_eq!(cut(text, most), expected);
        check("abc", 3, "abc");
        check("abcd", 3, "abc…");
        check("a\"b", 3, "a\"…");
        check("漢漢", 5, "漢…");
        check("\u{1b}[0m", 5, "…");
    }
}
