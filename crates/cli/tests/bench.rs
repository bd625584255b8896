//! `tidegate bench release` with a load so small that it only shows that all parts work. Nothing here depends on how fast.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use serde_json::Value;
use std::{env, fs};
use tidegate::{TIDEGATE, command, run};

const SMALL: [&str; 6] = ["bench", "release", "--lines", "1600", "--seconds", "0.2"];

/// Runs the command with temporary files in a folder of the test, and returns what it said as JSON.
fn bench(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut tidegate = command(TIDEGATE);
    tidegate.args(SMALL).args(["--format", "json"]).args(arguments).env("TMPDIR", folder.path());
    let ran = run(&mut tidegate, b"");
    assert!(ran.status.success(), "{ran}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was left behind");
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn rows(result: &Value) -> Vec<(&str, &str, &str)> {
    let text = |row: &'_ Value, name: &str| row[name].as_str().unwrap().to_owned().leak() as &str;
    result["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(row, "by"), text(row, "mode"), text(row, "ended")))
        .collect()
}

#[test]
fn each_policy_answers_the_load_within_the_limit() {
    let result = bench(&["--limit", "400MB", "--python", "none"]);
    let survived = |mode| ("tidegate", mode, "survived");
    assert_eq!(rows(&result), [survived("never"), survived("always"), survived("auto")]);
    for row in result["rows"].as_array().unwrap() {
        let peak = row["peak"].as_u64().unwrap();
        assert!(row["requests"].as_u64().unwrap() > 0 && peak > 0 && peak <= 400_000_000, "{row}");
        assert_eq!(row["released"].as_u64().unwrap() > 0, row["mode"] == "always", "{row}");
    }
    assert_eq!(result["files"].as_array().unwrap().len(), 10);
    assert_eq!((&result["pandas"], &result["pandas_missing"]), (&Value::Null, &Value::from("--python none")));
}

/// The command compares all answers before it measures, and ends with exit code 1 if one differs.
#[test]
fn the_answers_of_pandas_are_ours() {
    let python = env::var("TIDEGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let result = bench(&["--python", &python]);
    if result["pandas"].is_null() {
        eprintln!("left out: {}", result["pandas_missing"]);
        return;
    }
    let modes: Vec<_> = rows(&result).into_iter().map(|(by, mode, _)| format!("{by} {mode}")).collect();
    let expected = ["tidegate never", "tidegate always", "tidegate auto", "pandas keep", "pandas drop", "pandas trim"];
    assert_eq!(modes, expected);
    assert!(result["pandas"].as_str().unwrap().ends_with("its answers are ours"), "{}", result["pandas"]);
}
