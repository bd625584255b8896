//! Forecasts that queries make by themselves, and what they learn of runs before; runs that end without a word.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/tidegate.rs"]
mod tidegate;

use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

struct Place(TempDir);

impl Place {
    /// A folder with a log of so many lines and a history.
    fn new(lines: u64) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        demo::write(place.0.path(), "csv", lines);
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut tidegate = command(TIDEGATE);
        tidegate.args(arguments).env("TIDEGATE_HISTORY", self.path("history.db")).current_dir(self.0.path());
        tidegate
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments), b"")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.ask(arguments);
        assert!(ran.status.success(), "{arguments:?}: {ran}");
        serde_json::from_slice(&ran.stdout).unwrap()
    }

    /// Runs a query and returns what was kept of it.
    fn kept(&self, arguments: &[&str]) -> Value {
        let ran = self.ask(&[&["query"], arguments].concat());
        assert!(ran.status.success(), "{arguments:?}: {ran}");
        self.json(&["report", "--format", "json"])
    }
}

const GROUPS: &str = "SELECT client, count(*) AS n FROM 'access.csv' GROUP BY client ORDER BY n DESC, client LIMIT 5";

#[test]
fn a_forecast_changes_nothing_but_the_record() {
    let place = Place::new(60_000);
    let ask = |wish: &str, rejects: &str| {
        let arguments =
            ["query", "--limit", "128MB", "--forecast", wish, "--rejects", rejects, "--max-rejects", "100%", GROUPS];
        let ran = place.ask(&arguments);
        assert!(ran.status.success(), "{ran}");
        (ran, place.json(&["report", "--format", "json"]))
    };
    let (without, bare) = ask("never", "a.ndjson");
    let (with, full) = ask("always", "b.ndjson");
    assert_eq!(without.stdout, with.stdout);
    let rejects = |name: &str| -> BTreeSet<String> {
        // In the order in which threads found them.
        fs::read_to_string(place.path(name)).unwrap().lines().map(str::to_owned).collect()
    };
    assert_eq!(rejects("a.ndjson"), rejects("b.ndjson"));
    assert!(with.stderr.starts_with("forecast: ") && with.stderr.contains(" at most (95 %), "), "{with}");
    assert!(!without.stderr.contains("forecast"), "{without}");
    assert_eq!(bare["lines"], full["lines"], "what samples read is not counted");
    assert_eq!(bare["forecast"], Value::Null);
    let forecast = &full["forecast"];
    assert!(
        forecast["expected"].as_u64().unwrap() > 0 && forecast["first_sight"].as_u64().unwrap() > 0,
        "{forecast:#}"
    );
    assert!(forecast["bound"].as_u64().unwrap() <= 128_000_000 && full["peak"].as_u64().unwrap() <= 128_000_000);
    assert!(!forecast["table"].as_array().unwrap().is_empty() && forecast["took_seconds"].as_f64().is_some());
    let text = place.ask(&["report", "--terminal"]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("forecast and actual") && text.contains("expected at first sight"), "{text}");
    // Of little input nothing is forecast unless it is asked for, and of a stream never.
    assert_eq!(place.kept(&[GROUPS])["forecast"], Value::Null);
    let piped =
        run(&mut place.command(&["query", "--forecast", "always", "SELECT count(*) AS n FROM csv('-')"]), b"a\n1\n");
    assert!(piped.status.success() && piped.stdout == b"n\n1\n", "{piped}");
    assert!(piped.stderr.contains("forecast: none: the standard input can be read once"), "{piped}");
    let wrong = place.ask(&["query", "--forecast", "always", "SELECT nothing FROM 'access.csv'"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong}");
}

#[test]
fn what_runs_took_is_what_the_next_is_expected_to_take() {
    // Enough for a query to be forecast by itself.
    let place = Place::new(350_000);
    assert!(fs::metadata(place.path("access.csv")).unwrap().len() > 64_000_000);
    let mut peaks = Vec::new();
    for _ in 0..3 {
        let kept = place.kept(&["--limit", "512MB", "--forecast", "always", GROUPS]);
        peaks.push(kept["peak"].as_u64().unwrap());
    }
    peaks.sort_unstable();
    let forecast = place.json(&["forecast", "--limit", "512MB", "--format", "json", GROUPS]);
    assert_eq!(forecast["runs"], 3, "{forecast:#}");
    let near = |expected: u64| expected.abs_diff(peaks[1]) < peaks[1] / 5;
    assert!(near(forecast["peak"]["expected"].as_u64().unwrap()), "{peaks:?}: {forecast:#}");
    // The query itself looks at no data any more, and what it was told teaches nobody.
    let kept = place.kept(&["--limit", "512MB", GROUPS]);
    let forecast = &kept["forecast"];
    assert_eq!((&forecast["runs"], &forecast["first_sight"]), (&Value::from(3), &Value::Null), "{forecast:#}");
    assert!(near(forecast["expected"].as_u64().unwrap()), "{peaks:?}: {forecast:#}");
    // Other constants are the same shape; another limit is not far from it.
    let other = GROUPS.replace("LIMIT 5", "LIMIT 7");
    assert_eq!(place.kept(&["--limit", "500MB", &other])["forecast"]["runs"], 4);
    let text = place.ask(&["forecast", "--limit", "512MB", GROUPS]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("learned  from 5 runs like it"), "{text}");
    let unknown = place.ask(&["forecast", "--history", "none", GROUPS]);
    assert!(String::from_utf8_lossy(&unknown.stdout).contains("learned  nothing yet"), "{unknown}");
}

#[test]
fn a_task_loop_learns_and_keeps_what_was_expected() {
    let place = Place::new(120_000);
    let sql = GROUPS.replace("'access.csv'", "{input}");
    let task = "[task.clients]\ninput = \"access.csv\"\noutput = \"clients.csv\"";
    let tasks = format!("limit = \"512MB\"\noutput = \"out\"\n\n{task}\nsql = \"{sql}\"\n");
    fs::write(place.path("tasks.toml"), tasks).unwrap();
    let ran = place.ask(&["run", "tasks.toml"]);
    assert!(ran.status.success(), "{ran}");
    let kept = place.json(&["report", "--format", "json"]);
    assert!(kept["forecast"]["first_sight"].as_u64().unwrap() > 0, "{kept:#}");
    let forecast = place.json(&["forecast", "--limit", "512MB", "--format", "json", GROUPS]);
    assert_eq!(forecast["runs"], 1, "{forecast:#}");
}

#[test]
fn a_run_that_is_killed_is_lost_and_not_forgotten() {
    let place = Place::new(20_000);
    let long = "SELECT count(*) FROM 'access.csv' a JOIN 'access.csv' b ON a.path < b.path || a.client";
    let mut child = place.command(&["query", long]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let runs =
        |outcome: &str| place.json(&["runs", "--outcome", outcome, "--format", "json"]).as_array().unwrap().len();
    while runs("running") == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the query is over before it was seen to run");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((runs("lost"), runs("running")), (1, 0));
    let kept = place.json(&["report", "--format", "json"]);
    assert_eq!((&kept["ended"]["how"], &kept["text"]), (&"lost".into(), &long.into()), "{kept:#}");
    assert_eq!(kept["inputs"].as_array().unwrap().len(), 1);
    let page = place.ask(&["report", "-o", "page.html"]);
    assert!(page.status.success() && Path::new(&place.path("page.html")).exists(), "{page}");
}

/// A step that fits no plan: the process starts anew until there is no narrower one, and then ends in the middle of it.
#[test]
fn a_run_that_the_wall_ends_is_kept_once() {
    let place = Place::new(20_000);
    let sql = "SELECT sum(length(repeat(_raw, 300000))) AS n FROM 'access.csv'";
    let ran = place.ask(&["query", "--limit", "64MiB", "--threads", "1", "--forecast", "always", sql]);
    assert_eq!(ran.status.code(), Some(3), "{ran}");
    let runs = place.json(&["runs", "--format", "json"]);
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!((&runs[0]["ended"]["how"], &runs[0]["ended"]["exit_code"]), (&"memory_limit".into(), &3.into()));
    let peak = runs[0]["peak"].as_u64().unwrap();
    assert!(peak > 10 << 20 && peak <= 64 << 20, "{runs:#?}");
}

#[test]
fn jobs_of_the_history_are_put_against_another_machine() {
    let place = Place::new(60_000);
    let peak = place.kept(&["--limit", "512MB", GROUPS])["peak"].as_u64().unwrap();
    place.kept(&["--limit", "512MB", &GROUPS.replace("LIMIT 5", "LIMIT 6")]);
    assert!(place.ask(&["doctor", "--save", "here.json"]).status.success());
    let mut other: Value = serde_json::from_slice(&fs::read(place.path("here.json")).unwrap()).unwrap();
    let memory = if other.get("memory").is_some() { &mut other["memory"] } else { &mut other["machine"]["memory"] };
    assert!(memory["total"].as_u64().unwrap() > peak);
    memory["total"] = (peak / 2).into();
    fs::write(place.path("small.json"), other.to_string()).unwrap();
    let told = place.ask(&["doctor", "--against", "small.json"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.matches("task `SELECT client").count(), 1, "of a shape, the newest: {told}");
    assert!(told.contains("where on the other it"), "{told}");
}
