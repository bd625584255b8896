//! What is told of runs while they run: the log, metrics, the webhook; and what their records hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/hook.rs"]
mod hook;
#[path = "support/tidegate.rs"]
mod tidegate;

use hook::Hook;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

static LOG: OnceLock<TempDir> = OnceLock::new();

/// A log that is larger than the limit of these tests.
fn log() -> PathBuf {
    let folder = LOG.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        demo::write(folder.path(), "log", 300_000);
        folder
    });
    folder.path().join("access.log")
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let mut tidegate = command(TIDEGATE);
        tidegate.args(arguments).env("TIDEGATE_HISTORY", self.path("history.db")).current_dir(self.0.path());
        run(&mut tidegate, b"")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Returns the lines of a log, which are in the order of time.
    fn events(&self, name: &str) -> Vec<Value> {
        let events: Vec<Value> = self.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.iter().all(|event| event["time"].as_str().unwrap().ends_with('Z')));
        events
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

fn sum(events: &[Value], kind: &str, of: &str) -> u64 {
    events.iter().filter(|event| event["event"] == kind).map(|event| event[of].as_u64().unwrap()).sum()
}

/// Returns the value of a metric.
fn metric(text: &str, name: &str) -> u64 {
    let begin = format!("{name}{{");
    let line = text.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_forecast_is_in_the_log() {
    let place = Place::new();
    let sql = format!("SELECT count(*) FROM '{}' WHERE status = 404", log().display());
    let ran = place.ask(&["query", "--log", "log.ndjson", "--forecast", "always", "--record", "record.json", &sql]);
    assert!(ran.status.success(), "{ran}");
    let (events, record) = (place.events("log.ndjson"), place.json("record.json"));
    assert_eq!(kinds(&events)[..2], ["started", "forecast"]);
    for field in ["expected", "bound", "mode"] {
        assert_eq!(events[1][field], record["forecast"][field], "{field}");
    }
}

#[test]
fn a_query_that_spills_tells_what_happens() {
    let place = Place::new();
    fs::write(place.path("log.ndjson"), "{\"time\":\"2000-01-01T00:00:00Z\",\"event\":\"of before\"}\n").unwrap();
    let sql = format!("SELECT * FROM '{}' ORDER BY request_time, client", log().display());
    let told = ["--log", "log.ndjson", "--metrics", "run.prom", "--record", "run.json", "--webhook-above", "50%"];
    let ran = place.ask(&[&["query", "--limit", "64MiB", "-o", "out.csv", &sql][..], &told].concat());
    assert!(ran.status.success(), "{ran}");
    let events = &place.events("log.ndjson")[1..];
    let kinds = kinds(events);
    assert_eq!((kinds.first(), kinds.last()), (Some(&"started"), Some(&"finished")), "{kinds:?}");
    for kind in ["spill", "refusal", "peak_above"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(events.is_sorted_by_key(|event| event["time"].as_str().unwrap()));
    assert_eq!(events.iter().map(|event| event["run"].as_str()).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!((events[0]["text"].as_str(), events[0]["limit"].as_u64()), (Some(&sql[..]), Some(64 << 20)));
    let end = events.last().unwrap();
    assert_eq!((end["exit_code"].as_i64(), end["rows_out"].as_u64()), (Some(0), end["rows"].as_u64()));
    assert!(end["peak"].as_u64().unwrap() <= 64 << 20);

    let record = place.json("run.json");
    let spilled = record["spilled"]["bytes"].as_u64().unwrap();
    let largest = record["spilled"]["largest_on_disk"].as_u64().unwrap();
    assert!(largest > 0 && largest <= spilled, "{largest} of {spilled}");
    let last = events.iter().rfind(|event| event["event"] == "spill").unwrap();
    assert_eq!((last["spilled"].as_u64(), end["spilled"].as_u64()), (Some(spilled), Some(spilled)));
    let refusals = record["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "refusal");
    let texts: Vec<_> = refusals.map(|event| event["text"].as_str().unwrap()).collect();
    assert!(texts.iter().all(|text| text.contains("] asked for ")), "{texts:?}");

    let metrics = place.read("run.prom");
    assert_eq!((metric(&metrics, "tidegate_live_running"), metric(&metrics, "tidegate_run_exit_code")), (0, 0));
    let counted = sum(events, "refusal", "count");
    assert_eq!(metric(&metrics, "tidegate_live_refusals_total"), counted);
    assert_eq!(metric(&metrics, "tidegate_live_spilled_bytes_total"), spilled);
    assert_eq!(metric(&metrics, "tidegate_live_limit_bytes"), 64 << 20);
}

#[test]
fn a_query_that_is_small_tells_of_no_refusal() {
    let place = Place::new();
    fs::write(place.path("a.csv"), "n\n1\n2\n").unwrap();
    let ran = place.ask(&["query", "--log", "-", "SELECT sum(n) AS n FROM 'a.csv'"]);
    assert!(ran.status.success() && ran.stdout == b"n\n3\n", "{ran}");
    let lines = ran.stderr.lines().filter(|line| line.starts_with('{'));
    let events: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds = kinds(&events);
    assert_eq!((kinds.first(), kinds.last()), (Some(&"started"), Some(&"finished")), "{ran}");
    assert!(!kinds.contains(&"refusal") && !kinds.contains(&"spill"), "{kinds:?}");
    // A query that fails says how.
    let ran = place.ask(&["query", "--log", "log", "SELECT x FROM 'a.csv'"]);
    assert_eq!(ran.status.code(), Some(1));
    let events = place.events("log");
    let end = events.last().unwrap();
    assert_eq!((&end["event"], &end["exit_code"]), (&"failed".into(), &1.into()));
    assert!(end["message"].as_str().unwrap().contains('x'));
}

#[test]
fn a_webhook_is_told_of_a_refusal_and_of_a_peak() {
    let (place, hook) = (Place::new(), Hook::start("204 No Content"));
    let sql = format!("SELECT array_agg(_raw) AS all_lines FROM '{}'", log().display());
    let url = hook.url();
    let told = ["--log", "log", "--webhook", &url, "--webhook-above", "40%"];
    let ran = place.ask(&[&["query", "--format", "ndjson", "--limit", "64MiB", &sql], &told[..]].concat());
    assert_eq!(ran.status.code(), Some(3), "{ran}");
    assert!(!ran.stderr.contains("webhook"), "{ran}");
    let notices = hook.end();
    let about: Vec<_> = notices.iter().map(|notice| notice["event"].as_str().unwrap()).collect();
    assert_eq!(about, ["peak_above", "refused"], "{notices:?}");
    assert_eq!((notices[0]["percent"].as_u64(), notices[1]["exit_code"].as_u64()), (Some(40), Some(3)));
    assert_eq!(notices[1]["query"], sql.as_str());
    for notice in &notices {
        assert_eq!(notice["limit"].as_u64(), Some(64 << 20));
        assert!(notice["text"].as_str().unwrap().starts_with("tidegate"));
    }
    let events = place.events("log");
    let end = events.last().unwrap();
    assert_eq!((&end["event"], &end["exit_code"]), (&"failed".into(), &3.into()), "{ran}");
    assert_eq!(end["run"], notices[1]["run"]);
}

/// One step that never fits ends the process where it stands.
#[test]
fn a_process_that_ends_at_its_limit_has_last_words() {
    let (place, hook) = (Place::new(), Hook::start("200 OK"));
    let sql = "SELECT repeat(repeat(repeat('x', 1000), 1000), 1000) AS n";
    let url = hook.url();
    let told = ["--webhook", &url, "--webhook-above", "100%", "--log", "log", "--metrics", "run.prom"];
    let ran = place.ask(&[&["query", "--limit", "64MiB", sql][..], &told].concat());
    assert_eq!(ran.status.code(), Some(3), "{ran}");
    assert_eq!(ran.stderr.matches("error: memory limit of").count(), 1, "{ran}");
    let notices = hook.end();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0]["event"], "refused");
    let events = place.events("log");
    assert_eq!((&events[0]["event"], &events.last().unwrap()["exit_code"]), (&"started".into(), &3.into()));
    let runs: BTreeSet<_> = events.iter().map(|event| event["run"].as_str()).collect();
    assert_eq!(runs.len(), 1, "a process that starts anew goes on with its run: {events:?}");
    let metrics = place.read("run.prom");
    assert_eq!((metric(&metrics, "tidegate_live_running"), metric(&metrics, "tidegate_run_exit_code")), (0, 3));
}

#[test]
fn what_cannot_be_told_ends_no_query() {
    let place = Place::new();
    fs::write(place.path("a.csv"), "n\n1\n").unwrap();
    let gone = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap()
    };
    let refusing = Hook::start("500 Internal Server Error");
    let sql = "SELECT n FROM 'a.csv'";
    // Nobody speaks TLS there.
    for url in [format!("http://{gone}/secret"), format!("https://{gone}/secret"), refusing.url()] {
        let ran = place.ask(&["query", "--webhook", &url, "--webhook-above", "1%", "--limit", "64MiB", sql]);
        assert!(ran.status.success() && ran.stdout == b"n\n1\n", "{ran}");
        assert_eq!(ran.stderr.matches("webhook: nobody was told: ").count(), 1, "{ran}");
        assert!(!ran.stderr.contains("secret"), "{ran}");
    }
    assert_eq!(refusing.end().len(), 1);
    let ran = place.ask(&["query", "--log", "/dev/full", "--metrics", "none", sql]);
    assert!(ran.status.success() && ran.stdout == b"n\n1\n", "{ran}");
    assert_eq!(ran.stderr.matches("log: ").count(), 1, "{ran}");
}

const TASKS: &str = r#"
limit = "512MB"
output = "out"

[task.sorted]
input = "logs/*.log"
limit = "64MiB"
sql = "SELECT * FROM {input} ORDER BY request_time, client"
output = "{stem}.csv"

[task.all]
input = "logs/large.log"
limit = "64MiB"
sql = "SELECT array_agg(_raw) AS all_lines FROM {input}"
output = "all.ndjson"

[task.after]
after = "all"
command = ["true"]
"#;

#[test]
fn a_loop_and_its_workers_share_a_log() {
    let (place, hook) = (Place::new(), Hook::start("200 OK"));
    fs::create_dir(place.path("logs")).unwrap();
    fs::copy(log(), place.path("logs/large.log")).unwrap();
    let short: Vec<u8> =
        fs::read(log()).unwrap().split_inclusive(|byte| *byte == b'\n').take(10).flatten().copied().collect();
    fs::write(place.path("logs/short.log"), short).unwrap();
    fs::write(place.path("tasks.toml"), TASKS).unwrap();
    let url = hook.url();
    let told = ["--log", "log", "--metrics", "loop.prom", "--webhook", &url, "--webhook-above", "50%"];
    let ran = place.ask(&[&["run", "tasks.toml"], &told[..]].concat());
    assert_eq!(ran.status.code(), Some(3), "{ran}");
    let events = place.events("log");
    assert_eq!(events.iter().map(|event| event["run"].as_str()).collect::<BTreeSet<_>>().len(), 1);
    let of = |unit: &str| -> Vec<Value> { events.iter().filter(|event| event["unit"] == unit).cloned().collect() };
    let sorted = of("sorted: logs/large.log");
    assert_eq!((kinds(&sorted).first(), kinds(&sorted).last()), (Some(&"started"), Some(&"finished")));
    for kind in ["spill", "refusal", "peak_above"] {
        assert!(kinds(&sorted).contains(&kind), "{kind}: {sorted:?}");
    }
    let refused = of("all: logs/large.log");
    assert!(kinds(&refused).contains(&"retry"), "{refused:?}");
    assert_eq!(
        (&refused.last().unwrap()["event"], &refused.last().unwrap()["exit_code"]),
        (&"failed".into(), &3.into())
    );
    assert_eq!(kinds(&of("after")), ["left_out"], "{events:?}");
    let end = events.last().unwrap();
    assert_eq!((&end["unit"], &end["event"]), (&Value::Null, &"failed".into()));
    let units = serde_json::json!({
        "done": 2, "done_before": 0, "failed": 1, "left_out": 1, "running": 0, "waiting": 0
    });
    assert_eq!(end["units"], units);
    let metrics = place.read("loop.prom");
    assert!(
        metrics.contains("kind=\"loop\",query=\"tasks.toml\"") && metrics.contains(",state=\"done\"} 2\n"),
        "{metrics}"
    );
    assert_eq!(metric(&metrics, "tidegate_live_running"), 0);
    assert!(metric(&metrics, "tidegate_live_rows_total") >= 300_000, "{metrics}");
    let notices = hook.end();
    let about: BTreeSet<_> = notices.iter().map(|notice| notice["event"].as_str().unwrap()).collect();
    assert_eq!((about.len(), notices.len()), (2, 2), "{notices:?}");
    let refused = notices.iter().find(|notice| notice["event"] == "refused").unwrap();
    assert_eq!(refused["unit"], "all: logs/large.log");
}

#[test]
fn a_loop_that_watches_answers_for_its_metrics() {
    let place = Place::new();
    fs::write(place.path("tasks.toml"), "[task.said]\ncommand = [\"true\"]\n").unwrap();
    let mut tidegate = command(TIDEGATE);
    tidegate.args(["run", "tasks.toml", "--watch", "1", "--metrics-listen", "127.0.0.1:0"]).current_dir(place.0.path());
    let mut child = tidegate.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| {
        let url = line.strip_prefix("metrics: http://")?;
        Some(url.strip_suffix("/metrics").unwrap().to_owned())
    });
    let done = lines.find(|line| line.starts_with("said: done"));
    let mut stream = TcpStream::connect(address.unwrap()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(done.is_some());
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(",state=\"done\"} 1\n"), "{answer}");
}

#[test]
fn rejects_are_kept_with_their_text_and_stay_text() {
    let place = Place::new();
    let attack = "<script>alert(1)</script>\u{1b}]0;x\u{7}\u{202e}";
    let bad: Vec<_> = (0..7).map(|at| format!("{{\"n\": {at}, {attack}{}", "漢".repeat(at * 40))).collect();
    fs::write(place.path("a.ndjson"), format!("{{\"n\": 1}}\n{}\n", bad.join("\n"))).unwrap();
    let ran = place.ask(&["query", "--max-rejects", "100%", "SELECT n FROM json('a.ndjson')"]);
    assert!(ran.status.success(), "{ran}");
    let json = place.ask(&["report", "--format", "json"]);
    let record: Value = serde_json::from_slice(&json.stdout).unwrap();
    let samples = record["rejects"]["samples"].as_array().unwrap();
    assert_eq!((record["rejects"]["count"].as_u64(), samples.len()), (Some(7), 5));
    for (at, sample) in samples.iter().enumerate() {
        let raw = sample["raw"].as_str().unwrap();
        let kept = raw.strip_suffix('\u{2026}').unwrap_or(raw);
        assert!(bad[at].starts_with(kept) && raw.len() <= 200 && raw.len() + 2 >= bad[at].len().min(200), "{raw}");
        assert_eq!(kept.len() < raw.len(), bad[at].len() > 200, "what was cut says so");
        assert_eq!(sample["line"].as_u64(), Some(at as u64 + 2));
    }
    assert!(place.ask(&["report", "-o", "report.html"]).status.success());
    let page = place.read("report.html");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}]0;x\\u{7}\\u{202e}"), "it is shown");
    let text = place.ask(&["report", "--terminal"]);
    for shown in [&page, &String::from_utf8(text.stdout).unwrap()] {
        assert!(!shown.contains("<script") && !shown.contains(['\u{7}', '\u{202e}']) && !shown.contains("\u{1b}]"));
    }
    assert!(Path::new(&place.path("report.html")).is_file());
}
