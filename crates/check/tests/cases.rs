//! The cases of `tests/cases`, a file for each rule: at least three scripts that it finds something in, and three in which it must
//! not.
//!
//! A line `#: fires LINE: TEXT` begins a script in which the rule finds exactly one thing, in that line, and its fix contains the text;
//! `#: silent` one in which it finds nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by a panic")]

use libtest_mimic::{Arguments, Failed, Trial};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tidegate_check::{Options, RULES, check};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    for (name, text) in data() {
        fs::write(folder.path().join("data").join(name), text).unwrap();
    }
    let root = folder.path().to_path_buf();
    let trial = |rule: &&'static tidegate_check::Rule| {
        let (code, root) = (rule.code, root.clone());
        Trial::test(code, move || cases(code, &root).map_err(Failed::from))
    };
    libtest_mimic::run(&arguments, RULES.iter().map(trial).collect()).exit_code()
}

/// What is expected of a script.
struct Case {
    expected: String,
    line: usize,
    text: String,
}

fn cases(code: &str, root: &Path) -> Result<(), String> {
    let path = PathBuf::from(CASES).join(format!("{}.py", code.to_lowercase()));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut found: Vec<Case> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("#: "), found.last_mut()) {
            (Some(expected), _) => {
                found.push(Case { expected: expected.to_owned(), line: index + 1, text: String::new() });
            }
            (None, Some(case)) => writeln!(case.text, "{line}").unwrap(),
            (None, None) => return Err("begins without `#: `".to_owned()),
        }
    }
    let (fires, silent): (Vec<&Case>, Vec<&Case>) = found.iter().partition(|case| case.expected.starts_with("fires "));
    if fires.len() < 3 || silent.len() < 3 {
        return Err(format!("{} fire and {} do not; three of each are needed", fires.len(), silent.len()));
    }
    let wrong: Vec<String> = found
        .iter()
        .filter_map(|case| one(code, root, case).err().map(|how| format!("line {}: {how}", case.line)))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn one(code: &str, root: &Path, case: &Case) -> Result<(), String> {
    let folder = root.join(format!("{code}-{}", case.line));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("job.py");
    fs::write(&path, &case.text).unwrap();
    let options = Options { paths: vec![path], select: vec![code.to_owned()], ..Options::default() };
    let report = check(&options).map_err(|error| error.to_string())?;
    let told: Vec<String> = report
        .findings
        .iter()
        .map(|f| format!("{} line {}: {}; fix: {}", f.code, f.place.line, f.message, f.fix))
        .collect();
    let told = told.join("\n    ");
    let Some(rest) = case.expected.strip_prefix("fires ") else {
        return if told.is_empty() { Ok(()) } else { Err(format!("is not silent:\n    {told}")) };
    };
    let (line, fix) = rest.split_once(": ").ok_or("`fires LINE: TEXT`")?;
    match report.findings.as_slice() {
        [finding] if finding.code == code && finding.place.line.to_string() == line && finding.fix.contains(fix) => {
            Ok(())
        }
        _ => Err(format!("expected line {line} with `{fix}`, found:\n    {told}")),
    }
}

/// Files that scripts read.
fn data() -> Vec<(&'static str, String)> {
    let mut log = "ts,method,path,status,bytes,duration,agent\n".to_owned();
    let (mut numbers, mut texts) = ("status,bytes,count\n".to_owned(), "id,name\n".to_owned());
    for row in 0_u64..40_000 {
        let method = ["GET", "POST", "PUT"][usize::try_from(row % 3).unwrap()];
        let (minute, hour, item) = (row % 60, row / 60 % 24, row % 50);
        writeln!(
            log,
            "2026-03-01 {hour:02}:{minute:02}:00,{method},/shop/item/{item},{},{},0.{:02},Mozilla/5.0 (X11; Linux x86_64) {item}",
            200 + row % 5,
            row * 7 % 30_000,
            row % 100,
        )
        .unwrap();
        writeln!(numbers, "{},{},{}", 200 + row % 300, row % 30_000, row % 100).unwrap();
        writeln!(texts, "id-{row:08x},name {:08x} {}", row.wrapping_mul(2_654_435_761), row * 7919).unwrap();
    }
    let shifted = format!("a,b\n{}", "1,2,3\n".repeat(50));
    vec![("log.csv", log), ("numbers.csv", numbers), ("texts.csv", texts), ("shifted.csv", shifted)]
}
