//! Runs in the text format of Prometheus, for a file that its node exporter collects, or an endpoint.
//!
//! *Model.* A series is a query, or a command, told apart by `fingerprint`, a hash of its text: its newest run is its value.
//! What a run counts is a counter that starts anew with each run. Sizes are in bytes, times in seconds.

use crate::{
    checklist::{Answer, checklist},
    record::{EventKind, RunRecord},
    series::number,
    text,
};
use std::{collections::BTreeMap, fmt::Write};
use tidegate_memory::ByteCount;
use xxhash_rust::xxh3::xxh3_64;

/// Characters of a query in a label. The fingerprint tells apart those that begin alike.
const QUERY: usize = 200;

/// Characters of an id.
const ID: usize = 80;

/// One metric of something: its name without what all names begin with, and what it says.
pub(crate) struct Metric<T> {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    values: fn(&T) -> Vec<(String, f64)>,
}

/// Returns the metrics of one run.
pub fn run(record: &RunRecord) -> String {
    write(&[record])
}

/// Returns the metrics of the newest run of each text.
///
/// ```
/// use tidegate_report::{prometheus, record::RunRecord};
/// let text = prometheus::newest(&[RunRecord { seconds: 1.5, text: "SELECT 1".into(), ..RunRecord::default() }]);
/// assert!(text.contains("tidegate_run_duration_seconds{kind=\"query\",query=\"SELECT 1\""));
/// ```
pub fn newest(records: &[RunRecord]) -> String {
    let mut newest: BTreeMap<(&str, &str), &RunRecord> = BTreeMap::new();
    for record in records {
        let kept = newest.entry((record.kind.name(), &record.text)).or_insert(record);
        if record.started_ms > kept.started_ms {
            *kept = record;
        }
    }
    write(&newest.into_values().collect::<Vec<_>>())
}

fn write(records: &[&RunRecord]) -> String {
    let labelled = records.iter().map(|record| (labels(record.kind.name(), &record.text), *record));
    families("tidegate_run", METRICS, &labelled.collect::<Vec<_>>())
}

/// Writes metrics of several things, each with its labels. Names begin with `begin`.
pub(crate) fn families<T>(begin: &str, metrics: &[Metric<T>], labelled: &[(String, &T)]) -> String {
    let mut text = String::new();
    for metric in metrics {
        let Metric { name, kind, help, values } = metric;
        let mut lines = String::new();
        for (labels, of) in labelled {
            for (more, value) in values(of) {
                // Writing into a string cannot fail.
                let _ = writeln!(lines, "{begin}_{name}{{{labels}{more}}} {}", Number(value));
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "# HELP {begin}_{name} {help}\n# TYPE {begin}_{name} {kind}\n{lines}");
        }
    }
    text
}

/// A number as Prometheus writes it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            number if number.is_nan() => f.write_str("NaN"),
            number if number.is_infinite() => f.write_str(if number > 0.0 { "+Inf" } else { "-Inf" }),
            number => write!(f, "{number}"),
        }
    }
}

/// Returns what tells a series from others: what was run.
pub(crate) fn labels(kind: &str, query: &str) -> String {
    let fingerprint = xxh3_64(query.as_bytes());
    let shown = escaped(&text::line(query, QUERY));
    format!("kind=\"{kind}\",query=\"{shown}\",fingerprint=\"{fingerprint:016x}\"")
}

/// Escapes the value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

const METRICS: &[Metric<RunRecord>] = &[
    gauge("info", "What is known of the run besides numbers; always 1.", |record| {
        let mode = record.forecast.as_ref().map_or("", |forecast| forecast.mode.name());
        let version = record.environment.tidegate_version.as_deref().unwrap_or_default();
        vec![(
            format!(
                ",id=\"{}\",ended=\"{}\",mode=\"{mode}\",version=\"{}\"",
                escaped(&text::line(&record.id, ID)),
                record.ended.how.name(),
                escaped(&text::line(version, ID))
            ),
            1.0,
        )]
    }),
    gauge("start_timestamp_seconds", "When the run started, since 1970.", |record| {
        record.started_ms.map(|ms| (String::new(), number(ms) / 1e3)).into_iter().collect()
    }),
    gauge("duration_seconds", "How long the run took.", |record| one(record.seconds)),
    gauge("exit_code", "The exit code; 0 is success, 3 the memory limit.", |record| {
        one(f64::from(record.ended.exit_code))
    }),
    gauge("peak_bytes", "The kernel's peak of resident memory.", |record| size(record.peak)),
    gauge("limit_bytes", "The memory limit; missing without one.", |record| size(record.limit)),
    gauge("anonymous_peak_bytes", "The peak of anonymous memory.", |record| size(record.memory.anonymous_peak)),
    gauge("resident_before_bytes", "Resident memory before the run.", |record| size(record.resident_before)),
    gauge("resident_after_bytes", "Resident memory after the run.", |record| size(record.resident_after)),
    gauge("forecast_peak_bytes", "The expected peak and its interval.", |record| {
        let Some(forecast) = &record.forecast else { return Vec::new() };
        let mut values = labelled("value", "expected", forecast.expected);
        values.extend(labelled("value", "least", forecast.least));
        values.extend(forecast.bound.into_iter().flat_map(|bound| labelled("value", "bound", bound)));
        values
    }),
    gauge("check", "The checklist: 1 yes, 0 no; missing where it is unknown.", |record| {
        let names = ["limit", "monitored", "given_back", "mode"];
        let checks = checklist(record).into_iter().zip(names).filter(|(check, _)| check.answer != Answer::Unknown);
        checks
            .map(|(check, name)| (label("check", name), if check.answer == Answer::Yes { 1.0 } else { 0.0 }))
            .collect()
    }),
    counter("input_bytes_total", "Bytes read.", |record| one(number(record.bytes_in.bytes()))),
    counter("lines_total", "Lines read, by what became of them.", |record| {
        let lines = record.lines;
        let parts = [
            ("row", lines.rows),
            ("reject", lines.rejects),
            ("blank", lines.blank),
            ("passed_over", lines.passed_over),
        ];
        parts.into_iter().map(|(name, count)| (label("as", name), number(count))).collect()
    }),
    counter("output_rows_total", "Rows of the result.", |record| one(number(record.rows_out))),
    counter("spilled_bytes_total", "Bytes written to disk for lack of memory.", |record| {
        one(number(record.spilled.bytes.bytes()))
    }),
    counter("spill_files_total", "Files written for lack of memory.", |record| one(number(record.spilled.files))),
    counter("replans_total", "How often the run was planned again.", |record| one(number(record.replans.len() as u64))),
    counter("events_total", "What happened, by kind.", |record| {
        let count = |kind| record.events.iter().filter(|event| event.kind == kind).count() as u64;
        EventKind::ALL.into_iter().map(|kind| (label("event", kind.name()), number(count(kind)))).collect()
    }),
];

pub(crate) const fn gauge<T>(
    name: &'static str,
    help: &'static str,
    values: fn(&T) -> Vec<(String, f64)>,
) -> Metric<T> {
    Metric { name, kind: "gauge", help, values }
}

pub(crate) const fn counter<T>(
    name: &'static str,
    help: &'static str,
    values: fn(&T) -> Vec<(String, f64)>,
) -> Metric<T> {
    Metric { name, kind: "counter", help, values }
}

pub(crate) fn one(value: f64) -> Vec<(String, f64)> {
    vec![(String::new(), value)]
}

pub(crate) fn size(bytes: Option<ByteCount>) -> Vec<(String, f64)> {
    bytes.into_iter().flat_map(|bytes| one(number(bytes.bytes()))).collect()
}

fn labelled(name: &str, value: &str, bytes: ByteCount) -> Vec<(String, f64)> {
    vec![(label(name, value), number(bytes.bytes()))]
}

pub(crate) fn label(name: &str, value: &str) -> String {
    format!(",{name}=\"{value}\"")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::testing;
    use std::collections::BTreeSet;

    /// Fails unless the text is in the format: families together and announced, no series twice, labels escaped.
    pub(crate) fn check_format(text: &str) {
        let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
        let mut family = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = help.split(' ').next().unwrap().to_owned();
                assert!(families.insert(family.clone()), "{family} twice");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, family);
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            } else {
                let (labels, value) = line.rsplit_once("} ").unwrap();
                assert!(labels.starts_with(&format!("{family}{{")), "{line}");
                assert!(series.insert(labels.to_owned()), "{labels} twice");
                assert!(value.parse::<f64>().is_ok() || ["NaN", "+Inf", "-Inf"].contains(&value), "{line}");
                let unescaped = labels.replace("\\\\", "").replace("\\\"", "");
                assert_eq!(unescaped.matches('"').count() % 2, 0, "{line}");
                assert!(!unescaped.contains('\\'), "{line}");
            }
        }
        assert!(text.ends_with('\n') && !text.contains(['\0', '\u{1b}', '\u{202e}']));
    }

    #[test]
    fn the_format_is_held_by_any_record() {
        check_format(&run(&testing::rich()));
        check_format(&run(&testing::hostile()));
        check_format(&newest(&testing::morning()));
        assert_eq!(newest(&[]), "");
    }

    #[test]
    fn values_are_in_base_units() {
        let text = run(&testing::rich());
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("tidegate_run_{name}"))).unwrap();
            line.rsplit_once(' ').unwrap().1.to_owned()
        };
        assert_eq!(value("peak_bytes"), "243400000");
        assert_eq!(value("duration_seconds"), "18.43");
        assert_eq!(value("start_timestamp_seconds"), "1784020323.412");
        assert_eq!(value("spilled_bytes_total"), "618300000");
        assert!(text.contains(",as=\"reject\"} 104\n") && text.contains(",event=\"spill\"} 13\n"));
        assert!(text.contains(",value=\"bound\"} 254000000\n") && text.contains(",check=\"mode\"} 1\n"));
        assert!(!run(&testing::command()).contains("limit_bytes"));
    }

    #[test]
    fn only_the_newest_run_of_a_text_counts() {
        let at =
            |ms, seconds| RunRecord { started_ms: Some(ms), seconds, text: "SELECT 1".into(), ..RunRecord::default() };
        let text = newest(&[at(5, 1.0), at(9, 2.0), at(7, 3.0)]);
        let durations: Vec<_> = text.lines().filter(|line| line.starts_with("tidegate_run_duration_seconds")).collect();
        assert_eq!(durations.len(), 1);
        assert!(durations[0].ends_with(" 2"), "{durations:?}");
    }

    #[test]
    fn queries_that_begin_alike_are_told_apart() {
        let run = |end: &str| RunRecord { text: "x".repeat(1_000) + end, ..RunRecord::default() };
        check_format(&newest(&[run("a"), run("b")]));
    }
}
