//! The history of runs, reports of them, forecasts beside them, and profiles of machines.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use serde_json::Value;
use std::fs;
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

/// A folder with a log and a history.
struct Place(TempDir);

impl Place {
    fn new(lines: usize) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let line = |line: usize| format!("{line},word {},{}", line * 7919 % 1000, line % 977);
        let text: Vec<_> = std::iter::once("id,word,size".to_owned()).chain((0..lines).map(line)).collect();
        fs::write(place.path("a.csv"), text.join("\n") + "\n").unwrap();
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let mut tidegate = command(TIDEGATE);
        run(tidegate.args(arguments).env("TIDEGATE_HISTORY", self.path("history.db")).current_dir(self.0.path()), b"")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.ask(arguments);
        assert!(ran.status.success(), "{arguments:?}: {ran}");
        serde_json::from_slice(&ran.stdout).unwrap()
    }
}

#[test]
fn every_run_is_kept_and_shown() {
    let place = Place::new(50_000);
    let sql = "SELECT word, count(*) AS n, '<script>' AS s FROM 'a.csv' GROUP BY word";
    assert!(place.ask(&["query", "--limit", "128MB", sql]).status.success());
    let failed = place.ask(&["query", "--limit", "128MB", "SELECT 1 / (id - 40000) FROM 'a.csv'"]);
    assert_eq!(failed.status.code(), Some(1), "{failed}");
    // What was never begun is no run.
    assert_eq!(place.ask(&["query", "SELECT nothing FROM 'a.csv'"]).status.code(), Some(1));
    let runs = place.json(&["runs", "--format", "json"]);
    let how: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["ended"]["how"].as_str().unwrap()).collect();
    assert_eq!(how, ["failed", "answered"], "{runs:#}");
    let failed = place.json(&["runs", "--outcome", "failed", "--format", "json"]);
    assert_eq!(failed.as_array().unwrap().len(), 1);
    let plan = &failed[0]["memory"]["operators"];
    let shown = format!("{plan}");
    assert!(shown.contains("id@0 - 40000"), "the plan of what failed is kept: {failed:#}");

    let first = place.json(&["report", runs[1]["id"].as_str().unwrap(), "--format", "json"]);
    assert_eq!(first["text"], sql);
    assert_eq!((&first["lines"]["rows"], &first["rows_out"]), (&50_000.into(), &1000.into()));
    assert_eq!(first["limit"], 128_000_000);
    assert!(first["peak"].as_u64().unwrap() <= 128_000_000);
    assert_eq!(first["inputs"][0]["path"], "a.csv");
    assert!(!first["memory"]["timeline"].as_array().unwrap().is_empty());
    assert!(!first["memory"]["operators"].as_array().unwrap().is_empty());

    let text = place.ask(&["report", "--terminal"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("id - 40000"), "the newest run is shown: {text}");
    for arguments in [["report", "--all", "-o"], ["report", runs[1]["id"].as_str().unwrap(), "-o"]] {
        let page = place.path("report.html");
        let ran = place.ask(&[&arguments[..], &[&page]].concat());
        assert!(ran.status.success() && ran.stdout.is_empty(), "{ran}");
        let page = fs::read_to_string(&page).unwrap();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "what comes from outside is escaped");
        assert!(page.len() < 400_000);
    }
    let metrics = place.ask(&["report", "--format", "prometheus"]);
    assert!(String::from_utf8_lossy(&metrics.stdout).contains("# TYPE tidegate_run_"), "{metrics}");

    assert!(place.ask(&["runs", "--keep", "1"]).stderr.contains("1 runs dropped"));
    assert_eq!(place.json(&["runs", "--format", "json"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_fails_after_its_last_row_keeps_its_plan() {
    let place = Place::new(50_000);
    let ran = place.ask(&["query", "-o", "/dev/full", "SELECT word, count(*) AS n FROM 'a.csv' GROUP BY word"]);
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    let failed = place.json(&["report", "--format", "json"]);
    assert_eq!(failed["ended"]["how"], "failed", "{failed:#}");
    assert!(!failed["memory"]["operators"].as_array().unwrap().is_empty(), "{failed:#}");
}

#[test]
fn a_damaged_history_stops_nothing() {
    let place = Place::new(10);
    fs::write(place.path("history.db"), "this is no database, and never was one\n".repeat(1000)).unwrap();
    let ran = place.ask(&["query", "SELECT count(*) AS n FROM 'a.csv'"]);
    assert!(ran.status.success() && ran.stdout == b"n\n10\n", "{ran}");
    assert!(ran.stderr.contains("history: "), "{ran}");
    assert_eq!(place.json(&["runs", "--format", "json"]).as_array().unwrap().len(), 1, "a new one is begun");
    // A folder cannot be a history.
    let folder = place.path("folder");
    fs::create_dir(&folder).unwrap();
    let ran = place.ask(&["query", "--history", &folder, "SELECT count(*) AS n FROM 'a.csv'"]);
    assert!(ran.status.success() && ran.stderr.contains("history: "), "{ran}");
    let none = place.ask(&["query", "--history", "none", "SELECT count(*) AS n FROM 'a.csv'"]);
    assert!(!none.stderr.contains("history"), "{none}");
}

#[test]
fn a_forecast_holds_for_what_it_can_see() {
    let place = Place::new(1_500_000);
    for (sql, mode) in [
        ("SELECT count(*) FROM 'a.csv' WHERE size > 100", "streaming"),
        ("SELECT id, count(*) AS n FROM 'a.csv' GROUP BY id ORDER BY n LIMIT 3", "in memory"),
        ("SELECT * FROM 'a.csv' ORDER BY word, id", "in memory"),
    ] {
        let before = names(&place);
        let forecast = place.json(&["forecast", "--limit", "512MB", "--format", "json", sql]);
        assert_eq!(names(&place), before, "a forecast writes nothing");
        assert!(forecast["sampled"].as_u64().unwrap() * 2 < forecast["bytes_in"].as_u64().unwrap(), "{forecast:#}");
        assert_eq!(forecast["mode"], mode, "{sql}: {forecast:#}");
        assert_eq!(forecast["bytes_in"].as_u64().unwrap(), fs::metadata(place.path("a.csv")).unwrap().len());
        let ran = place.ask(&["query", "--limit", "512MB", "-o", &place.path("out.csv"), sql]);
        assert!(ran.status.success(), "{ran}");
        let peak = place.json(&["report", "--format", "json"])["peak"].as_u64().unwrap();
        // A bound of 95 % is passed now and then, but not by far.
        let bound = forecast["peak"]["most"].as_u64().unwrap();
        assert!(peak <= bound + bound / 4, "{sql}: {peak} of {}", forecast["peak"]);
    }
}

fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.0.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_profile_is_compared_with_itself() {
    let place = Place::new(1);
    assert!(place.ask(&["doctor", "--save", "here.json"]).status.success());
    let ran = place.ask(&["doctor", "--against", "here.json"]);
    assert!(String::from_utf8_lossy(&ran.stdout).contains("no difference that changes a job's fate"), "{ran}");
    let told = place.json(&["doctor", "--format", "json"]);
    assert!(told["machine"]["memory"]["total"].as_u64().unwrap() > 0 && told["findings"].is_array());
}
