//! Programs under guard: what reaches them, what is told of them, what is kept.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by a panic"
)]

#[path = "support/tidegate.rs"]
mod tidegate;

use serde_json::Value;
use std::fs;
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

/// Reads its input, holds 150 MB in line 4, and says so.
const JOB: &str = r#"import sys

name = sys.stdin.readline().strip()
held = [b"h" * 100_000 for _ in range(1_500)]
print(name, len(held))
sys.exit(7)
"#;

struct Place(TempDir);

impl Place {
    fn new(job: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.0.path().join("job.py"), job).unwrap();
        place
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let mut tidegate = command(TIDEGATE);
        tidegate.env("TIDEGATE_HISTORY", self.0.path().join("history.db")).current_dir(self.0.path());
        run(tidegate.args(arguments), b"Ada\n")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

/// Returns what a line of the job held at the peak, in bytes.
fn held(record: &Value, line: u64) -> u64 {
    let lines = record["guard"]["lines"].as_array().unwrap_or_else(|| panic!("no lines in {record:#}"));
    let of_line = |held: &&Value| held["line"] == line && held["file"].as_str().unwrap().ends_with("job.py");
    lines.iter().find(of_line).unwrap_or_else(|| panic!("no line {line} in {record:#}"))["bytes"].as_u64().unwrap()
}

#[test]
fn a_job_keeps_its_streams_and_its_exit_code_and_is_told_of() {
    let place = Place::new(JOB);
    let outputs =
        ["-o", "run.json", "-o", "run.html", "-o", "run.svg", "-o", "run.folded", "-o", "run.speedscope.json"];
    let ran = place.ask(&[&["guard", "--limit", "1GB"][..], &outputs, &["--", "python3", "job.py"]].concat());
    assert_eq!(ran.status.code(), Some(7), "{ran}");
    assert_eq!(ran.stdout, b"Ada 1500\n", "{ran}");
    assert!(ran.stderr.contains("job.py:4") && ran.stderr.lines().count() <= 20, "{ran}");
    let record: Value = serde_json::from_str(&place.read("run.json")).unwrap();
    // Estimated from some 300 samples.
    assert!((100_000_000..200_000_000).contains(&held(&record, 4)), "{record:#}");
    assert!(place.read("run.html").starts_with("<!DOCTYPE html>"));
    assert!(place.read("run.svg").contains("<svg") && place.read("run.folded").contains("job.py"));
    let speedscope: Value = serde_json::from_str(&place.read("run.speedscope.json")).unwrap();
    assert!(!speedscope["profiles"].as_array().unwrap().is_empty());
    // It is a run like others.
    let last = place.ask(&["report", "--format", "json"]);
    let kept: Value = serde_json::from_slice(&last.stdout).unwrap();
    assert_eq!((&kept["text"], held(&kept, 4)), (&record["text"], held(&record, 4)));
    assert_eq!(kept["ended"]["exit_code"], 7, "{kept:#}");
}

#[test]
fn a_job_that_does_not_fit_ends_with_the_exit_code_of_a_limit() {
    let place = Place::new(JOB);
    let ran = place.ask(&["guard", "--limit", "100MB", "--", "python3", "job.py"]);
    assert_eq!(ran.status.code(), Some(3), "{ran}");
    assert!(ran.stderr.contains("MemoryError at job.py:4"), "{ran}");
    fs::write(place.0.path().join("well.py"), JOB.replace("sys.exit(7)", "")).unwrap();
    let above = place.ask(&["guard", "--fail-above", "100MB", "--", "python3", "well.py"]);
    assert_eq!((above.status.code(), &above.stdout[..]), (Some(3), &b"Ada 1500\n"[..]), "{above}");
    let runs = place.ask(&["runs", "--format", "json"]);
    let runs: Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert_eq!(runs[1]["ended"]["how"], "memory_limit", "{runs:#}");
}

#[test]
fn lines_have_the_rules_that_explain_them() {
    let place = Place::new("lines = open('access.log').readlines()\nprint(len(lines))\n");
    fs::write(place.0.path().join("access.log"), format!("{}\n", "x".repeat(999)).repeat(20_000)).unwrap();
    let ran = place.ask(&["guard", "--limit", "1GB", "-o", "run.json", "-o", "run.html", "--", "python3", "job.py"]);
    assert!(ran.stderr.contains("job.py:1 TG019: "), "{ran}");
    // It has a limit and is watched.
    assert!(!ran.stderr.contains("TG030"), "{ran}");
    let record: Value = serde_json::from_str(&place.read("run.json")).unwrap();
    assert_eq!(record["guard"]["lines"][0]["rules"][0]["code"], "TG019", "{record:#}");
    assert!(place.read("run.html").contains("TG019"));
}

#[test]
fn quiet_is_quiet_and_mistakes_are_told() {
    let place = Place::new("print(1)\n");
    let ran = place.ask(&["--quiet", "guard", "--", "python3", "job.py"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{ran}");
    let missing = place.ask(&["guard", "--", "no such program"]);
    assert_eq!(missing.status.code(), Some(2), "{missing}");
    assert!(missing.stderr.contains("error: start `no such program`: ") && missing.stderr.contains("help: "));
    let nowhere = place.ask(&["guard", "-o", "nowhere/run.html", "--", "touch", "ran"]);
    assert_eq!((nowhere.status.code(), place.0.path().join("ran").exists()), (Some(1), false), "{nowhere}");
    for wrong in [&["guard"][..], &["guard", "--limit", "1MB", "--", "true"], &["guard", "--pid", "4000000000"]] {
        assert_eq!(place.ask(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

const TASKS: &str = r#"
output = "out"
limit = "1GB"

[task.job]
command = ["python3", "job.py"]
limit = "400MB"
"#;

#[test]
fn commands_of_a_loop_run_under_guard() {
    let place = Place::new(&JOB.replace("sys.exit(7)", "").replace("sys.stdin.readline().strip()", "'Bob'"));
    fs::write(place.0.path().join("tasks.toml"), TASKS).unwrap();
    let ran = place.ask(&["run", "tasks.toml"]);
    assert!(ran.status.success(), "{ran}");
    let runs = place.ask(&["runs", "--format", "json"]);
    let runs: Value = serde_json::from_slice(&runs.stdout).unwrap();
    let of_job = runs.as_array().unwrap().iter().find(|run| run["guard"].is_object());
    assert!(held(of_job.unwrap_or_else(|| panic!("{runs:#}")), 4) > 100_000_000);
}
