//! Small jobs with known answers, one file each: which line held how much, which variable, where to `del` it, and how it ends.
//!
//! The head of a job says what is true of it: lines `#: WORD ..`, read by [`Expected::of`]. A comment `# <- NAME` names its line.
//! Jobs run under every Python that there is ([`pythons`]); a job that needs a package is left out where that is not installed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by a panic"
)]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

#[path = "support/pythons.rs"]
mod pythons;

use libtest_mimic::{Arguments, Failed, Trial};
use pythons::Python;
use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};
use tidegate_guard::{Options, Silent, run};
use tidegate_memory::ByteCount;
use tidegate_report::{
    json,
    record::{Guarded, How, RunRecord, Used},
    terminal::{self, Style},
};

/// What turns this test into a guard, as a process of its own.
const GUARD: &str = "TIDEGATE_TEST_GUARD";

fn main() -> ExitCode {
    if let Some(record) = env::var_os(GUARD) {
        return guard(&record);
    }
    let arguments = Arguments::from_args();
    let pythons = pythons::all();
    let mut trials = Vec::new();
    for path in jobs() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        for Python { version, path: python } in &pythons {
            let expected = Expected::of(&text);
            let missing = expected.words("needs").any(|package| !has(python, &package));
            let (path, python) = (path.clone(), python.clone());
            let trial = Trial::test(format!("{name} ({version})"), move || check(&path, &python, &expected));
            trials.push(trial.with_ignored_flag(missing));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs what follows under guard, and writes its record.
fn guard(record: &OsString) -> ExitCode {
    let mut options = Options::of(env::args_os().skip(1).collect());
    options.limit = env::var("TIDEGATE_TEST_LIMIT").unwrap().parse().unwrap();
    let outcome = run(&options, &mut Silent).unwrap();
    fs::write(record, json::write(&outcome.record).unwrap()).unwrap();
    ExitCode::from(outcome.exit_code)
}

fn jobs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jobs");
    let mut jobs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    jobs.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    jobs.sort();
    jobs
}

fn has(python: &Path, package: &str) -> bool {
    let find = format!("import importlib.util as u; raise SystemExit(u.find_spec('{package}') is None)");
    Command::new(python).args(["-c", &find]).status().unwrap().success()
}

/// What is true of a job.
struct Expected {
    facts: Vec<Vec<String>>,
    code: Vec<String>,
}

impl Expected {
    fn of(text: &str) -> Self {
        let facts = text.lines().filter_map(|line| line.strip_prefix("#: "));
        let facts = facts.map(|fact| fact.split(' ').map(str::to_owned).collect()).collect();
        Self { facts, code: text.lines().map(str::to_owned).collect() }
    }

    /// Returns the rest of each fact that begins with a word.
    fn facts(&self, word: &str) -> impl Iterator<Item = &[String]> {
        self.facts.iter().filter(move |fact| fact[0] == word).map(|fact| &fact[1..])
    }

    fn words(&self, word: &str) -> impl Iterator<Item = String> {
        self.facts(word).map(|rest| rest.join(" "))
    }

    /// Returns the line that a comment names.
    fn line(&self, name: &str) -> u32 {
        let mark = format!("# <- {name}");
        let at = self
            .code
            .iter()
            .position(|line| line.ends_with(&mark))
            .unwrap_or_else(|| panic!("no line is named {name}"));
        u32::try_from(at + 1).unwrap()
    }
}

fn check(path: &Path, python: &Path, expected: &Expected) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("record.json");
    let mut command = Command::new(env::current_exe()?);
    command
        .arg(python)
        .args(expected.words("arguments").flat_map(|words| words.split(' ').map(str::to_owned).collect::<Vec<_>>()));
    command.arg(path).env(GUARD, &file).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("TIDEGATE_TEST_LIMIT", expected.words("limit").next().unwrap_or("none".into()));
    let output = command.output()?;
    let record = fs::read_to_string(&file).map_err(|error| format!("no record: {error}; {}", errors(&output)))?;
    let record = json::read(&record)?;
    let verdict = terminal::verdict(&record, Style { width: 120, colored: false });
    let guarded = record.guard.clone().unwrap_or_default();
    let mut wrong = Vec::new();
    ending(expected, &output, &record, &mut wrong);
    for said in expected.words("says").filter(|said| !verdict.contains(said)) {
        wrong.push(format!("the verdict does not say `{said}`"));
    }
    lines(expected, path, &guarded, &mut wrong);
    variables(expected, &guarded, &mut wrong);
    if verdict.lines().count() > terminal::VERDICT_LINES {
        wrong.push("the verdict is too long".into());
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}\n{verdict}\n{guarded:#?}\n{}", wrong.join("\n"), errors(&output)).into())
}

fn errors(output: &Output) -> String {
    format!("{}: {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn bytes(text: &str) -> ByteCount {
    text.parse().unwrap()
}

/// How it ended, and what it said.
fn ending(expected: &Expected, output: &Output, record: &RunRecord, wrong: &mut Vec<String>) {
    let code = output.status.code();
    let codes: Vec<i32> = expected.words("exit").map(|code| code.parse().unwrap()).collect();
    let forbidden = expected.words("not-exit").any(|other| code == other.parse().ok());
    let usual = codes.is_empty() && expected.words("not-exit").next().is_none();
    if forbidden || codes.iter().any(|expected| code != Some(*expected)) || usual && code != Some(0) {
        wrong.push(format!("it ended with {code:?}"));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    for text in expected.words("stdout").filter(|text| stdout.trim() != text) {
        wrong.push(format!("it printed `{}`, not `{text}`", stdout.trim()));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    for text in expected.words("stderr").filter(|text| !stderr.contains(text)) {
        wrong.push(format!("its errors do not say `{text}`"));
    }
    let peak = record.peak.unwrap();
    let below = expected.words("peak-below").all(|most| peak < bytes(&most));
    let above = expected.words("peak-above").all(|least| peak > bytes(&least));
    if !below || !above {
        wrong.push(format!("its peak is {peak}"));
    }
    let message = record.ended.message.clone().unwrap_or_default();
    for line in expected.words("thrown").map(|name| expected.line(&name)) {
        if !message.contains(&format!(":{line} in ")) {
            wrong.push(format!("`{message}` does not name line {line}"));
        }
    }
    for asked in expected.words("asked").map(|asked| format!("asked for {}", bytes(&asked))) {
        if !message.contains(&asked) {
            wrong.push(format!("`{message}` does not say `{asked}`"));
        }
    }
    if expected.facts("killed").next().is_some() && record.ended.how != How::MemoryLimit {
        wrong.push(format!("it ended by {:?}", record.ended.how));
    }
}

/// Which lines held how much.
fn lines(expected: &Expected, path: &Path, guarded: &Guarded, wrong: &mut Vec<String>) {
    let path = path.to_string_lossy();
    for fact in expected.facts("held") {
        let (line, most) = (expected.line(&fact[0]), bytes(&fact[1]));
        let of_line = guarded
            .lines
            .iter()
            .filter(|held| held.line == line && path.ends_with(held.file.rsplit('/').next().unwrap()));
        near(&format!("line {line}"), of_line.map(|held| held.bytes).sum(), most, &fact[2], wrong);
    }
    for fact in expected.facts("held-in-code") {
        let of_code = guarded.lines.iter().filter(|held| held.file == "<string>").map(|held| held.bytes).sum();
        near("the code", of_code, bytes(&fact[0]), &fact[1], wrong);
    }
    for line in expected.words("leak").map(|name| expected.line(&name)) {
        if !guarded.leaks.iter().any(|leak| leak.line == line) {
            wrong.push(format!("line {line} is not told to grow"));
        }
    }
    for count in expected.words("processes") {
        if guarded.processes < count.parse().unwrap() {
            wrong.push(format!("{} processes were seen", guarded.processes));
        }
    }
}

/// Which variables held how much, and what becomes of them.
fn variables(expected: &Expected, guarded: &Guarded, wrong: &mut Vec<String>) {
    let find = |name: &str| guarded.variables.iter().find(|held| held.name == name);
    for fact in expected.facts("variable") {
        // Versions look at different moments, when another name holds the same.
        let names = fact[0].split('|').filter_map(find);
        let held = names.map(|held| held.bytes).max().unwrap_or_default();
        near(&format!("`{}`", fact[0]), held, bytes(&fact[1]), &fact[2], wrong);
    }
    for fact in expected.facts("delete") {
        let after = find(&fact[0]).and_then(|held| held.delete_after);
        if after != Some(expected.line(&fact[1])) {
            wrong.push(format!("`{}` is to be deleted after {after:?}", fact[0]));
        }
    }
    for name in expected.words("keep") {
        if find(&name).map(|held| held.used) != Some(Used::Again) {
            wrong.push(format!("`{name}` is not told to be used again"));
        }
    }
    for fact in expected.facts("frame-columns") {
        let columns = find(&fact[0]).map_or(0, |held| held.columns.len());
        if columns.to_string() != fact[1] {
            wrong.push(format!("`{}` has {columns} columns", fact[0]));
        }
    }
}

/// Amounts below some megabytes are not told apart: samples are half of one apart.
fn near(what: &str, found: ByteCount, expected: ByteCount, percent: &str, wrong: &mut Vec<String>) {
    let slack = expected.percent(percent.parse().unwrap()).max(ByteCount::mib(3));
    if found.bytes().abs_diff(expected.bytes()) > slack.bytes() {
        wrong.push(format!("{what} held {found}, not {expected}"));
    }
}
