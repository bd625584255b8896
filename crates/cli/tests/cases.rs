//! The command line, case by case: every file under `tests/cases` is one test.
//!
//! A case names the arguments, the files of a fresh working folder, and what comes out. `TIDEGATE_BLESS=1` rewrites the
//! expected `stdout` and `stderr`; the difference is to be reviewed as a change of the user interface.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/tidegate.rs"]
mod tidegate;

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tidegate::{Ran, TIDEGATE, command, run};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases");

/// Texts by name.
type Texts = BTreeMap<String, String>;

/// One case. What it does not mention must not be there: an absent `exit` is 0, an absent `stdout` is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    args: Vec<String>,
    /// Variables of the environment, besides `PATH` and `NO_COLOR`.
    env: Texts,
    stdin: String,
    exit: i32,
    /// All of the standard output.
    stdout: Option<String>,
    /// Parts of it, in place of all of it.
    stdout_contains: Vec<String>,
    /// Its first and last bytes, in place of all of it; `\xHH` is a byte.
    stdout_starts_with: Option<String>,
    stdout_ends_with: Option<String>,
    /// All of the standard error, where it holds no times and sizes.
    stderr: Option<String>,
    stderr_contains: Vec<String>,
    stderr_excludes: Vec<String>,
    /// Names that must not be there afterwards.
    absent: Vec<String>,
    /// Texts of the working folder.
    files: Texts,
    /// The same, where `\xHH` is a byte.
    files_with_bytes: Texts,
    /// All of a file afterwards.
    files_after: Texts,
    /// A file's first and last bytes afterwards; `\xHH` is a byte.
    files_start_with: Texts,
    files_end_with: Texts,
}

fn main() -> ExitCode {
    let mut paths = Vec::new();
    collect(Path::new(CASES), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {CASES}");
    let trials = paths.into_iter().map(|path| {
        let name = path.strip_prefix(CASES).unwrap().with_extension("").to_string_lossy().into_owned();
        Trial::test(name, move || check(&path))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
}

fn check(path: &Path) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let mut case: Case = basic_toml::from_str(&text)?;
    let folder = tempfile::tempdir()?;
    write_files(folder.path(), &case.files, |text| text.as_bytes().to_vec())?;
    write_files(folder.path(), &case.files_with_bytes, bytes)?;
    let mut tidegate = command(TIDEGATE);
    tidegate.args(&case.args).envs(&case.env).current_dir(folder.path());
    let ran = run(&mut tidegate, case.stdin.as_bytes());
    if env::var_os("TIDEGATE_BLESS").is_some() && ran.status.code() == Some(case.exit) {
        bless(path, text, &mut case, &ran)?;
    }
    let mut wrong = wrong_in_output(&case, &ran);
    wrong.extend(wrong_in_files(&case, folder.path()));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{ran}", wrong.join("\n")).into()) }
}

fn write_files(folder: &Path, files: &Texts, bytes: impl Fn(&str) -> Vec<u8>) -> Result<(), Failed> {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, bytes(text))?;
    }
    Ok(())
}

/// Replaces every `\xHH` by the byte it means.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split(r"\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

fn wrong_in_output(case: &Case, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |right: bool, what: String| {
        if !right {
            wrong.push(what);
        }
    };
    expect(ran.status.code() == Some(case.exit), format!("exit code {} was expected", case.exit));
    let stdout = String::from_utf8_lossy(&ran.stdout);
    if checks_all_of_stdout(case) {
        let expected = case.stdout.as_deref().unwrap_or_default();
        expect(stdout == expected, format!("stdout was expected to be:\n{expected}"));
    }
    for part in &case.stdout_contains {
        expect(stdout.contains(part), format!("stdout lacks {part:?}"));
    }
    let start = case.stdout_starts_with.as_deref().unwrap_or_default();
    expect(ran.stdout.starts_with(&bytes(start)), format!("stdout does not start with {start}"));
    let end = case.stdout_ends_with.as_deref().unwrap_or_default();
    expect(ran.stdout.ends_with(&bytes(end)), format!("stdout does not end with {end}"));
    if let Some(expected) = &case.stderr {
        expect(ran.stderr == *expected, format!("stderr was expected to be:\n{expected}"));
    }
    for part in &case.stderr_contains {
        expect(ran.stderr.contains(part), format!("stderr lacks {part:?}"));
    }
    for part in &case.stderr_excludes {
        expect(!ran.stderr.contains(part), format!("stderr has {part:?}"));
    }
    wrong
}

fn checks_all_of_stdout(case: &Case) -> bool {
    case.stdout_contains.is_empty() && case.stdout_starts_with.is_none() && case.stdout_ends_with.is_none()
}

fn wrong_in_files(case: &Case, folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |name: &str, what: &str, right: &dyn Fn(&[u8]) -> bool| match fs::read(folder.join(name)) {
        Ok(found) if right(&found) => {}
        Ok(found) => wrong.push(format!("`{name}` does not {what}: {}", String::from_utf8_lossy(&found))),
        Err(error) => wrong.push(format!("`{name}`: {error}")),
    };
    for (name, expected) in &case.files_after {
        expect(name, &format!("hold {expected}"), &|found| found == expected.as_bytes());
    }
    for (name, expected) in &case.files_start_with {
        expect(name, &format!("start with {expected}"), &|found| found.starts_with(&bytes(expected)));
    }
    for (name, expected) in &case.files_end_with {
        expect(name, &format!("end with {expected}"), &|found| found.ends_with(&bytes(expected)));
    }
    let present = case.absent.iter().filter(|name| folder.join(name).exists());
    wrong.extend(present.map(|name| format!("`{name}` is there")));
    // A temporary name that is left behind.
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && !case.files.contains_key(&name) {
            wrong.push(format!("`{name}` was left behind"));
        }
    }
    wrong
}

/// Rewrites what the case expects of the output.
fn bless(path: &Path, mut text: String, case: &mut Case, ran: &Ran) -> Result<(), Failed> {
    let stdout = String::from_utf8_lossy(&ran.stdout).into_owned();
    if checks_all_of_stdout(case) && case.stdout.as_deref().unwrap_or_default() != stdout {
        text = replaced(&text, "stdout", &stdout);
        case.stdout = Some(stdout);
    }
    if case.stderr.as_ref().is_some_and(|expected| *expected != ran.stderr) {
        text = replaced(&text, "stderr", &ran.stderr);
        case.stderr = Some(ran.stderr.clone());
    }
    fs::write(path, text)?;
    Ok(())
}

/// Returns `text` with another value of `key`, which goes before the first table if it is new.
fn replaced(text: &str, key: &str, value: &str) -> String {
    let line = format!("{key} = ");
    let entry = format!("{line}{}\n", toml(value));
    let old = text.find(&format!("\n{line}")).map(|at| at + 1).or_else(|| text.starts_with(&line).then_some(0));
    if let Some(at) = old {
        let (before, rest) = text.split_at(at);
        let from = line.len() + 3;
        let end = match &rest[line.len()..] {
            long if long.starts_with("'''") => from + rest[from..].find("'''").unwrap() + 3,
            long if long.starts_with("\"\"\"") => from + rest[from..].find("\"\"\"").unwrap() + 3,
            _ => rest.find('\n').unwrap_or(rest.len()),
        };
        return format!("{before}{entry}{}", rest[end..].strip_prefix('\n').unwrap_or_default());
    }
    let tables = text.find("\n[").map_or(text.len(), |at| at + 1);
    let (before, rest) = text.split_at(tables);
    let gap = if rest.is_empty() { "" } else { "\n" };
    format!("{}\n{entry}{gap}{rest}", before.trim_end_matches('\n'))
}

/// Writes text as TOML: as it is between `'''` if that is possible.
fn toml(text: &str) -> String {
    let literal = !text.contains("'''") && !text.ends_with('\'') && text.chars().all(|c| c == '\n' || !c.is_control());
    if literal {
        return format!("'''\n{text}'''");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => write!(quoted, "\\u{:04X}", u32::from(c)).unwrap(),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
