//! Task files, from their text to outputs, and loops that are killed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tidegate::{Ran, TIDEGATE, command, run};

const TASKS: &str = r#"
limit = "256MB"
output = "out"
parallel = 2

[task.errors]
input = "logs/*.csv"
sql = "SELECT status, count(*) AS n FROM {input} WHERE status >= 500 GROUP BY status ORDER BY status"
output = "{task}/{stem}.csv"

[task.total]
sql = "SELECT status, sum(n) AS n FROM csv({output:errors}) GROUP BY status ORDER BY status"
output = "total.csv"
after = "errors"

[task.said]
command = ["cat", "{output:total}"]
output = "said.txt"
after = "total"
"#;

struct Place(TempDir);

impl Place {
    fn new(tasks: &str, lines: usize) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("logs")).unwrap();
        for day in 0..6 {
            let status = |at: usize| [200, 404, 500, 503].into_iter().nth((at * 7 + day) % 4).unwrap();
            let line = |at: usize| format!("{},{at}", status(at));
            let text: Vec<_> = std::iter::once("status,bytes".to_owned()).chain((0..lines).map(line)).collect();
            fs::write(place.path(&format!("logs/day{day}.csv")), text.join("\n") + "\n").unwrap();
        }
        fs::write(place.path("tasks.toml"), tasks).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ask(&self, arguments: &[&str]) -> Ran {
        let mut tidegate = command(TIDEGATE);
        let history = self.path("history.db");
        run(tidegate.args(arguments).env("TIDEGATE_HISTORY", history).current_dir(self.0.path()), b"")
    }

    /// Returns all outputs, and whatever else lies there that is no state of the loop.
    fn outputs(&self) -> BTreeMap<String, Vec<u8>> {
        let mut outputs = BTreeMap::new();
        collect(&self.path("out"), "", &mut outputs);
        outputs
    }
}

fn collect(folder: &Path, below: &str, outputs: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if name == ".tidegate" {
            continue;
        }
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), outputs);
        } else {
            outputs.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn tasks_run_in_their_order_and_once() {
    let place = Place::new(TASKS, 1000);
    let ran = place.ask(&["run", "tasks.toml"]);
    assert!(ran.status.success() && ran.stdout.is_empty(), "{ran}");
    assert!(ran.stderr.contains("8 done") && ran.stderr.contains(" at the peak, "), "{ran}");
    let outputs = place.outputs();
    assert_eq!(outputs.len(), 8, "{:?}", outputs.keys());
    assert_eq!(outputs["errors/day0.csv"], b"status,n\n500,250\n503,250\n");
    assert_eq!(outputs["total.csv"], b"status,n\n500,1500\n503,1500\n");
    assert_eq!(outputs["said.txt"], outputs["total.csv"]);
    let again = place.ask(&["run", "tasks.toml"]);
    assert!(again.status.success() && again.stderr.contains("0 done, 8 done before"), "{again}");
    // What changed is done again, and what comes of it.
    fs::write(place.path("logs/day3.csv"), "status,bytes\n500,1\n").unwrap();
    let changed = place.ask(&["run", "tasks.toml"]);
    assert!(changed.stderr.contains("3 done, 5 done before"), "{changed}");
    assert_eq!(place.outputs()["said.txt"], b"status,n\n500,1251\n503,1250\n");
    let runs = place.ask(&["runs", "--count", "100", "--format", "json"]);
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 11);
}

#[test]
fn sql_that_cannot_be_read_is_told_before_anything_runs() {
    let wrong =
        TASKS.replace("GROUP BY status ORDER BY status\"\noutput = \"total", "GRUOP BY status\"\noutput = \"total");
    let place = Place::new(&wrong, 10);
    let ran = place.ask(&["run", "tasks.toml"]);
    assert_eq!(ran.status.code(), Some(2), "{ran}");
    assert!(ran.stderr.contains("tasks.toml:12: the query of task `total`: "), "{ran}");
    assert!(!place.path("out").exists(), "{ran}");
    // The line is that of the mistake, also in a text of several lines.
    for (quotes, line) in [("\"\"\"\n", 6), ("'''", 5)] {
        let end = quotes.trim_end();
        let text = format!(
            "limit = \"256MB\"\noutput = \"out\"\n[task.t]\nsql = {quotes}SELECT 1\nUNION ALL SELEC 2\n{end}\noutput = \"t.csv\"\n"
        );
        let ran = Place::new(&text, 10).ask(&["run", "tasks.toml"]);
        assert_eq!(ran.status.code(), Some(2), "{ran}");
        assert!(ran.stderr.contains(&format!("tasks.toml:{line}: the query of task `t`: ")), "{ran}");
    }
}

#[test]
fn a_unit_that_fails_does_not_stop_the_others() {
    let place = Place::new(&TASKS.replace("status >= 500", "1000 / (status - 404) > 10"), 1000);
    fs::write(place.path("logs/day2.csv"), "status,bytes\n500,1\n").unwrap();
    let ran = place.ask(&["run", "tasks.toml"]);
    assert_eq!(ran.status.code(), Some(1), "{ran}");
    assert!(ran.stderr.contains("1 done, 5 failed, 2 left out"), "{ran}");
    assert!(ran.stderr.contains("ivide by zero"), "{ran}");
    assert_eq!(place.outputs().keys().collect::<Vec<_>>(), ["errors/day2.csv"]);
}

#[test]
fn mistakes_are_told_with_their_lines_before_anything_runs() {
    for (right, wrong, line, help) in [
        ("parallel = 2", "paralel = 2", "tasks.toml:4: ", "`parallel`"),
        ("after = \"total\"", "after = \"totl\"", "tasks.toml:19: ", "`total`"),
        ("input = \"logs/*.csv\"", "input = \"log/*.csv\"", "tasks.toml:7: ", "log/*.csv"),
    ] {
        let place = Place::new(&TASKS.replace(right, wrong), 10);
        let ran = place.ask(&["run", "tasks.toml"]);
        assert_eq!(ran.status.code(), Some(2), "{ran}");
        assert!(ran.stderr.contains(line) && ran.stderr.contains(help), "{ran}");
        assert!(!place.path("out").exists());
    }
}

/// Kills loops where they happen to be, and expects what an undisturbed one writes.
#[test]
fn a_loop_that_is_killed_goes_on() {
    let undisturbed = Place::new(TASKS, 4000);
    assert!(undisturbed.ask(&["run", "tasks.toml"]).status.success());
    let expected = undisturbed.outputs();
    let place = Place::new(TASKS, 4000);
    for heard in [0, 1, 2, 3, 1, 5, 0, 2, 4] {
        let mut tidegate = command(TIDEGATE);
        tidegate.args(["run", "tasks.toml"]).current_dir(place.0.path());
        let mut child = tidegate.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        // After so many lines, or where it has ended before.
        let _ = BufReader::new(child.stderr.take().unwrap()).lines().take(heard).count();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = place.ask(&["run", "tasks.toml"]);
    assert!(ran.status.success(), "{ran}");
    assert_eq!(place.outputs(), expected);
}
