//! Where the memory was: `EXPLAIN MEMORY`, `--explain-memory` and `--record`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/tidegate.rs"]
mod tidegate;

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};
use tidegate::{TIDEGATE, command, run};

const LINES: u64 = 150_000;

const QUERIES: [&str; 5] = [
    "SELECT client, count(*) AS n, sum(bytes) AS b FROM '{}' GROUP BY client",
    "SELECT * FROM '{}' ORDER BY request_time, _offset",
    "SELECT a.status, count(*) AS n FROM '{}' a JOIN '{}' b ON a.client = b.client AND a.ts = b.ts GROUP BY a.status",
    "SELECT status, count(DISTINCT client) AS c, count(DISTINCT path) AS p FROM '{}' GROUP BY status",
    "SELECT path, bytes, sum(bytes) OVER () AS total FROM '{}'",
];

/// The kernel's number at the peak, and who had it: whatever grows outside of the counted heap would be missing here.
#[test]
fn nearly_all_of_the_peak_has_an_owner() {
    let folder = tempfile::tempdir().unwrap();
    for limit in ["64MiB", "128MB", "512MB"] {
        for query in QUERIES {
            let record = record(query, limit, &folder.path().join("record.json"));
            let number = |pointer: &str| record.pointer(pointer).and_then(Value::as_u64).unwrap();
            let peak = number("/memory/anonymous_peak");
            assert!(number("/memory/at_peak/owned") * 100 >= peak * 97, "{query} at {limit}: {record:#}");
            let others = ["output", "planning_and_runtime", "allocator", "program"];
            let others: u64 = others.iter().map(|name| number(&format!("/memory/at_peak/{name}"))).sum();
            let operators = operators(&record);
            let held: u64 = operators.iter().map(|operator| operator["at_peak"].as_u64().unwrap()).sum();
            assert!((held + others) * 100 >= peak * 97, "{query} at {limit}: {record:#}");
            assert!((held + others) * 100 <= peak * 103, "{query} at {limit}: {record:#}");
            assert!(number("/peak") >= peak, "the kernel's own peak has program pages in it: {record:#}");
        }
    }
}

#[test]
fn the_operator_that_holds_most_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let held_most = |query: &str| {
        let record = record(query, "512MB", &folder.path().join("record.json"));
        let operators = operators(&record);
        let most = operators.iter().max_by_key(|operator| operator["peak"].as_u64()).unwrap();
        most["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(held_most("SELECT _raw, count(*) AS n FROM '{}' GROUP BY _raw"), "SpillingGroupByExec");
    assert_eq!(held_most("SELECT * FROM '{}' ORDER BY request_time, _offset"), "SpillingSortExec");
}

#[test]
fn a_spilling_operator_says_what_it_spilled() {
    let folder = tempfile::tempdir().unwrap();
    let record =
        record("SELECT * FROM '{}' ORDER BY request_time, _offset", "64MiB", &folder.path().join("record.json"));
    let sorts = operators(&record).iter().filter(|operator| operator["name"] == "SpillingSortExec");
    let spilled: u64 = sorts.map(|operator| operator["spilled"].as_u64().unwrap()).sum();
    let written = record.pointer("/spilled/bytes").and_then(Value::as_u64).unwrap();
    assert!(spilled > 0 && written > 0, "{record:#}");
}

#[test]
fn explain_memory_shows_the_plan_with_its_shares() {
    let sql = sql("EXPLAIN MEMORY SELECT client, count(*) AS n FROM '{}' GROUP BY client ORDER BY n, client");
    let ran = run(command(TIDEGATE).args(["query", "--limit", "128MB", "--format", "ndjson", &sql]), b"");
    assert!(ran.status.success(), "{ran}");
    let rows: Vec<Value> = ran.stdout.split(|byte| *byte == b'\n').filter_map(json).collect();
    let named = |part: &str| {
        let found = rows.iter().find(|row| row["operator"].as_str().unwrap().trim_start().starts_with(part));
        found.unwrap_or_else(|| panic!("no {part} in {rows:#?}"))
    };
    for part in ["SpillingSortExec", "AggregateExec", "LogScan", "(planning and runtime)", "(stacks and relocations)"] {
        assert!(named(part)["share"].as_str().unwrap().ends_with(" %"));
    }
    assert_ne!(named("AggregateExec")["peak"], "0 B");
    assert!(named("AggregateExec")["rows"].as_u64().unwrap() > 1_000);
    let (last, others) = rows.split_last().unwrap();
    assert_eq!((&last["operator"], &last["share"]), (&"(all anonymous memory)".into(), &"100.0 %".into()));
    let shares = others.iter().map(|row| row["share"].as_str().unwrap().trim_end_matches(" %"));
    let sum: f64 = shares.map(|share| share.parse::<f64>().unwrap()).sum();
    assert!((96.0..=104.0).contains(&sum), "the shares are {sum} % together: {rows:#?}");
    assert!(ran.stderr.contains("memory ") && ran.stderr.contains('|'), "no timeline: {ran}");
}

#[test]
fn explaining_beside_a_query_leaves_its_rows_alone() {
    let sql = sql("SELECT status, count(*) AS n FROM '{}' GROUP BY status ORDER BY status");
    let plain = run(command(TIDEGATE).args(["query", "--limit", "128MB", &sql]), b"");
    let explained = run(command(TIDEGATE).args(["query", "--limit", "128MB", "--explain-memory", &sql]), b"");
    assert!(plain.status.success() && explained.status.success(), "{plain}{explained}");
    assert_eq!(plain.stdout, explained.stdout);
    for part in ["forecast", "at the peak", "share", "LogScan", "(all anonymous memory)"] {
        assert!(explained.stderr.contains(part) && !plain.stderr.contains(part), "{part}: {explained}");
    }
}

fn record(query: &str, limit: &str, path: &Path) -> Value {
    let mut tidegate = command(TIDEGATE);
    tidegate.args(["query", "--quiet", "--limit", limit, "--spill-dir", env!("CARGO_TARGET_TMPDIR"), "--record"]);
    let ran = run(tidegate.arg(path).arg(sql(query)), b"");
    assert!(ran.status.success(), "{query} at {limit}: {}", ran.stderr);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn operators(record: &Value) -> &Vec<Value> {
    record.pointer("/memory/operators").and_then(Value::as_array).unwrap()
}

fn json(line: &[u8]) -> Option<Value> {
    (!line.is_empty()).then(|| serde_json::from_slice(line).unwrap())
}

fn sql(query: &str) -> String {
    static LOG: OnceLock<PathBuf> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explain");
        fs::create_dir_all(&folder).unwrap();
        demo::write(&folder, "log", LINES)
    });
    query.replace("{}", &log.to_string_lossy())
}
