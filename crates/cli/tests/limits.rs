//! The limit as the kernel sees it: queries in a memory cgroup of the limit's size, with the kernel's peak beside it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]
#![expect(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "support/arrow.rs"]
mod arrow;
#[path = "support/cage.rs"]
mod cage;
#[path = "support/demo.rs"]
mod demo;
#[path = "../src/demo/questions.rs"]
mod questions;
#[path = "support/tidegate.rs"]
mod tidegate;

use cage::Cage;
use questions::QUESTIONS;
use std::{fs, path::Path, sync::OnceLock};
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

/// About 70 MB as a log: more than the smallest limit.
const LINES: u64 = 300_000;

/// Runs the rest of the arguments and says the kernel's peak of it, in KiB, in the last line of the standard error.
const MEASURE: &str = "import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code if code >= 0 else 128 - code)";

/// Moves itself into the cgroup whose file is `$0`, then becomes the rest of the arguments.
const ENTER: &str = r#"if [ -n "$0" ]; then echo $$ > "$0" || exit 99; fi; exec "$@""#;

#[test]
fn the_five_questions_hold_64_mib() {
    answer_all("64MiB", 64 << 20);
}

#[test]
fn the_five_questions_hold_128_mb() {
    answer_all("128MB", 128_000_000);
}

#[test]
fn the_five_questions_hold_256_mb() {
    answer_all("256MB", 256_000_000);
}

/// DataFusion keeps a set of values for each group here, which does not spill. Taken apart, these are group-bys.
#[test]
fn several_distinct_aggregates_answer() {
    let path = log().to_string_lossy().into_owned();
    let queries = [
        (
            "SELECT status, count(DISTINCT client) AS clients, count(DISTINCT path) AS paths FROM '{}' GROUP BY status",
            2,
        ),
        ("SELECT count(*) AS n, count(DISTINCT client) AS clients, avg(request_time) AS time FROM '{}'", 1),
        ("SELECT path, count(*) AS n, count(DISTINCT client) AS clients FROM '{}' GROUP BY path", 1000),
    ];
    let folder = folder();
    for (limit, bytes) in [("64MiB", 64 << 20), ("128MB", 128_000_000)] {
        for (query, least) in queries {
            let output = folder.path().join("out.ndjson");
            let measured = measured(&query.replace("{}", &path), limit, bytes, &output);
            assert!(measured.ran.status.success(), "{query} at {limit}: {measured}");
            assert!(measured.peak <= bytes, "{query} at {limit}: {measured}");
            let lines = fs::read(&output).unwrap().split(|byte| *byte == b'\n').count() - 1;
            assert!(lines >= least, "{query} at {limit}: {lines} lines");
            fs::remove_file(output).unwrap();
        }
    }
}

/// One query that has no way to fit, because its result is a single value larger than the limit.
#[test]
fn a_query_that_cannot_fit_says_who_holds_the_memory() {
    let folder = folder();
    let sql = format!("SELECT array_agg(_raw) AS all_lines FROM '{}'", log().display());
    let output = folder.path().join("out.ndjson");
    let measured = measured(&sql, "64MiB", 64 << 20, &output);
    let Ran { status, stderr, .. } = &measured.ran;
    assert_eq!(status.code(), Some(3), "{measured}");
    for part in ["error: memory limit of 67.1 MB reached: ", " in use", "largest holders: ", "help: try --limit "] {
        assert!(stderr.contains(part), "no {part:?} in {measured}");
    }
    assert!(measured.peak <= 64 << 20, "{measured}");
    assert_eq!(names(folder.path()), [""; 0], "{measured}");
}

/// Operators and functions that ask nobody for their memory: an answer or the typed error, and the kernel's number below the
/// limit either way.
#[test]
fn what_asks_nobody_is_held_as_well() {
    let path = log().to_string_lossy().into_owned();
    let queries = [
        "SELECT *, sum(bytes) OVER (ROWS BETWEEN 9 FOLLOWING AND UNBOUNDED FOLLOWING) AS rest FROM '{}'",
        "SELECT status, array_agg(DISTINCT client) AS clients, count(DISTINCT path) AS paths FROM '{}' GROUP BY status",
        "SELECT a.path FROM '{}' a CROSS JOIN '{}' b LIMIT 5",
        "SELECT count(*) AS n FROM (SELECT * FROM '{}' WHERE status = 500) a LEFT JOIN '{}' b ON a.request_time > b.request_time + 1000",
        "SELECT repeat(_raw, 1000) AS much FROM '{}'",
        "SELECT a.client, count(*) AS n FROM '{}' a JOIN '{}' b ON a.path = b.path AND a.ts = b.ts GROUP BY a.client",
        "SELECT user_agent, request_time FROM '{}' ORDER BY user_agent, request_time",
    ];
    let folder = folder();
    for (limit, bytes) in [("64MiB", 64 << 20), ("128MB", 128_000_000)] {
        for query in queries {
            let output = folder.path().join("out.ndjson");
            let measured = measured(&query.replace("{}", &path), limit, bytes, &output);
            assert!(matches!(measured.ran.status.code(), Some(0 | 3)), "{query} at {limit}: {measured}");
            assert!(measured.peak <= bytes, "{query} at {limit}: {measured}");
            assert_eq!(output.exists(), measured.ran.status.success(), "{query} at {limit}: {measured}");
            let _ = fs::remove_file(output);
        }
    }
}

/// Windows over more rows than fit: each must be answered, with as many rows as the log has.
#[test]
fn windows_over_everything_answer() {
    let path = log().to_string_lossy().into_owned();
    let queries = [
        "SELECT *, sum(bytes) OVER () AS total FROM '{}'",
        "SELECT *, ntile(4) OVER (ORDER BY request_time) AS quarter FROM '{}'",
        "SELECT client, count(*) FILTER (WHERE status >= 500) OVER () AS failed, cume_dist() OVER (ORDER BY bytes) AS share, \
         row_number() OVER (ORDER BY bytes) AS place FROM '{}'",
        "SELECT path, sum(bytes) OVER (PARTITION BY client) AS n, percent_rank() OVER (PARTITION BY client ORDER BY ts) AS p \
         FROM '{}'",
        "SELECT *, sum(bytes) OVER (ORDER BY _line ROWS BETWEEN 9 FOLLOWING AND UNBOUNDED FOLLOWING) AS rest, \
         lead(referer) IGNORE NULLS OVER (ORDER BY _line) AS next, \
         last_value(referer) IGNORE NULLS OVER (ORDER BY _line) AS before FROM '{}'",
    ];
    let folder = folder();
    for (limit, bytes) in [("64MiB", 64 << 20), ("128MB", 128_000_000)] {
        for query in queries {
            let output = folder.path().join("out.csv");
            let measured = measured(&query.replace("{}", &path), limit, bytes, &output);
            assert!(measured.ran.status.success() && measured.peak <= bytes, "{query} at {limit}: {measured}");
            let lines = fs::read(&output).unwrap().split(|byte| *byte == b'\n').count() as u64;
            assert!(lines > LINES / 100 * 99, "{query} at {limit}: {lines} lines");
            fs::remove_file(output).unwrap();
        }
    }
}

/// A table of Arrow larger than the limit, of one message: it is sorted and grouped, and read in parts.
#[test]
fn a_message_of_arrow_larger_than_the_limit_is_read_in_parts() {
    let folder = folder();
    let path = folder.path().join("t.arrow");
    let rows = arrow::write(&path, 1_500_000);
    assert!(fs::metadata(&path).unwrap().len() > 64 << 20);
    let path = path.display();
    for sql in [
        format!("SELECT text, key FROM '{path}' ORDER BY text"),
        format!("SELECT text, count(*) AS n FROM '{path}' GROUP BY text"),
        format!("SELECT key, text, count(*) OVER (PARTITION BY key) AS n FROM '{path}'"),
    ] {
        let output = folder.path().join("out.csv");
        let measured = measured(&sql, "64MiB", 64 << 20, &output);
        assert!(measured.ran.status.success() && measured.peak <= 64 << 20, "{sql}: {measured}");
        let lines = fs::read(&output).unwrap().split(|byte| *byte == b'\n').count() - 2;
        assert_eq!(lines, rows, "{sql}");
        fs::remove_file(output).unwrap();
    }
    // A pipe cannot be read in parts.
    let sql = "SELECT count(*) AS n, max(text) AS last FROM '/dev/fd/3'".to_owned();
    let output = folder.path().join("out.csv");
    let mut piped = command("sh");
    piped.args(["-c", "cat \"$1\" | \"$0\" query --limit 64MiB \"$2\" -o \"$3\" 3<&0 </dev/null"]);
    let ran = run(piped.arg(TIDEGATE).arg(path.to_string()).arg(sql).arg(&output), b"");
    assert_eq!(ran.status.code(), Some(3), "{ran}");
    assert!(ran.stderr.contains("error: memory limit of 67.1 MB reached") && ran.stderr.contains("ArrowScan"), "{ran}");
}

/// A thread that waits in the middle of a function cannot be told to end, and nobody else holds anything. The process starts
/// anew, with fewer rows in a batch.
#[test]
fn a_step_that_does_not_fit_is_taken_in_smaller_ones() {
    let folder = folder();
    let record = folder.path().join("record.json");
    let output = folder.path().join("out.csv");
    let path = log().display();
    let sql = format!("SELECT sum(length(repeat(_raw, 700))) AS n FROM (SELECT _raw FROM '{path}' LIMIT 4000)");
    let more = ["--threads", "1", "--record", record.to_str().unwrap()];
    let measured = measured_with(&sql, "128MB", 128_000_000, &output, &more);
    assert!(measured.ran.status.success() && measured.peak <= 128_000_000, "{measured}");
    let record: serde_json::Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let reason = record.pointer("/replans/0/reason").and_then(serde_json::Value::as_str).unwrap_or_default();
    assert!(reason.contains("more asked for by a single step"), "{record}");
    let log = fs::read(log()).unwrap();
    let bytes: usize = log.split(|byte| *byte == b'\n').take(4000).map(<[u8]>::len).sum();
    let answer: usize = fs::read_to_string(output).unwrap().lines().nth(1).unwrap().parse().unwrap();
    assert!(answer <= bytes * 700 && answer >= bytes * 690, "{answer} of {bytes} bytes, and of them a few rejects");
}

/// What somebody could write to break the process: an answer or an error, below the limit, and never a kill.
#[test]
fn hostile_queries_are_answered_or_refused() {
    let path = log().to_string_lossy().into_owned();
    let list = (0..15_000).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let queries = [
        "SELECT length(repeat('x', 1000000000)) AS n".to_owned(),
        "SELECT array_length(range(0, 1000000000)) AS n".to_owned(),
        "SELECT length(lpad('x', 1000000000, 'y')) AS n".to_owned(),
        "SELECT repeat(repeat(repeat('x', 1000), 1000), 1000) AS n".to_owned(),
        "SELECT lpad(path, 1000000, 'y') AS n FROM '{}'".to_owned(),
        "SELECT array_length(array_repeat(_raw, 1000000)) AS n FROM '{}'".to_owned(),
        format!("SELECT count(*) AS n FROM '{{}}' WHERE bytes IN ({list})"),
        format!("SELECT {}1{} AS n", "(".repeat(30_000), ")".repeat(30_000)),
        "SELECT string_agg(repeat(_raw, 100), '') AS n FROM '{}'".to_owned(),
        "SELECT regexp_replace(_raw, '(.*)(.*)(.*)', repeat('\\1\\2', 1000)) AS n FROM '{}'".to_owned(),
        "WITH RECURSIVE r AS (SELECT 'x' AS s UNION ALL SELECT s || s FROM r) SELECT length(s) AS n FROM r".to_owned(),
        "SELECT unnest(range(0, 100000)) AS n, _raw FROM '{}' LIMIT 3000000".to_owned(),
    ];
    let folder = folder();
    for query in queries {
        let output = folder.path().join("out.ndjson");
        let measured = measured(&query.replace("{}", &path), "64MiB", 64 << 20, &output);
        let shown: String = query.chars().take(100).collect();
        assert!(matches!(measured.ran.status.code(), Some(0 | 1 | 3)), "{shown}: {measured}");
        assert!(measured.peak <= 64 << 20, "{shown}: {measured}");
        assert_eq!(output.exists(), measured.ran.status.success(), "{shown}: {measured}");
        assert!(measured.ran.status.success() || measured.ran.stderr.contains("error: "), "{shown}: {measured}");
        let _ = fs::remove_file(output);
    }
}

/// Without this, the tests above would prove nothing where a cgroup can be made that does not hold.
#[test]
fn a_cage_kills_what_does_not_fit() {
    let Some(cage) = cage(64 << 20) else { return };
    let mut hungry = command("sh");
    hungry.args(["-c", ENTER]).arg(cage.processes()).args(["python3", "-c", "print(len(b'x' * (128 << 20)))"]);
    let ran = run(&mut hungry, b"");
    assert!(!ran.status.success() && cage.kills() > 0, "128 MB were held in a cgroup of 64 MiB: {ran}");
}

fn answer_all(limit: &str, bytes: u64) {
    let folder = folder();
    let mut failures = Vec::new();
    for question in &QUESTIONS {
        let name = format!("{}.{}", question.name, question.extension);
        let output = folder.path().join(&name);
        let measured = measured(&question.sql(&log().to_string_lossy()), limit, bytes, &output);
        if !measured.ran.status.success() || measured.peak > bytes {
            failures.push(format!("{} at {limit}: {measured}", question.title));
            continue;
        }
        assert_eq!(names(folder.path()), [name]);
        let lines = fs::read(&output).unwrap().split(|byte| *byte == b'\n').count() - 1;
        assert!(lines > question.preview, "{} has {lines} lines", question.title);
        fs::remove_file(output).unwrap();
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A run, and what the kernel says of it.
struct Measured {
    ran: Ran,
    /// Bytes.
    peak: u64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "peak of {} kB, {}", self.peak / 1000, self.ran)
    }
}

/// Runs a query in a cgroup of the limit's size. Where none can be made, the peak is looked at all the same.
fn measured(sql: &str, limit: &str, bytes: u64, output: &Path) -> Measured {
    measured_with(sql, limit, bytes, output, &[])
}

fn measured_with(sql: &str, limit: &str, bytes: u64, output: &Path, more: &[&str]) -> Measured {
    let cage = cage(bytes);
    let processes = cage.as_ref().map(Cage::processes).unwrap_or_default();
    let mut python = command("python3");
    python
        .args(["-c", MEASURE, "sh", "-c", ENTER])
        .arg(processes)
        .args([TIDEGATE, "query", "--limit", limit, sql, "-o"]);
    python.arg(output).arg("--spill-dir").arg(output.parent().unwrap()).args(more);
    let mut ran = run(&mut python, b"");
    assert_ne!(ran.status.code(), Some(99), "the process could not enter its cgroup: {ran}");
    let last = ran.stderr.trim_end().rfind('\n').map_or(0, |at| at + 1);
    let peak = ran.stderr.split_off(last);
    let peak = peak.trim().parse::<u64>().unwrap_or_else(|_| panic!("no peak: {ran}{peak}")) * 1024;
    let measured = Measured { ran, peak };
    if let Some(cage) = cage {
        assert_eq!(cage.kills(), 0, "the kernel killed `{sql}` at {limit}: {measured}");
    }
    measured
}

fn cage(limit: u64) -> Option<Cage> {
    Cage::new(limit).inspect_err(|why| eprintln!("skipped: no memory cgroup can be made here ({why})")).ok()
}

/// The log that all tests of this file read, beside the compiled program: in a temporary folder that is kept in memory, it
/// would count against the cgroup.
fn log() -> &'static Path {
    static LOG: OnceLock<std::path::PathBuf> = OnceLock::new();
    LOG.get_or_init(|| demo::write(Path::new(env!("CARGO_TARGET_TMPDIR")), "log", LINES))
}

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
