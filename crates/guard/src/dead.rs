//! Which variables are not used again: asked of the program's own interpreter, by its own parser, when the program has ended.
//!
//! This is the seam to the static analysis of `tidegate check`: a list of variables with the lines that their frames were at
//! goes in, and a fate for each comes out. The analysis here knows one file at a time, and calls unknown what is not sure.

use crate::variables::{Variable, Variables};
use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const ANALYSIS: &str = include_str!("dead.py");

/// An analysis that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of a variable after the line that its frame was at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It may be used again.
    Used,
    /// It is not used again, and could go after this line.
    Dead(u32),
    /// Nobody knows, and why.
    Unknown(String),
}

/// Returns the fate of each variable.
pub(crate) fn fates(all: &Variables, place: &Path) -> Vec<Fate> {
    let unknown = |reason: &str| vec![Fate::Unknown(reason.into()); all.variables.len()];
    if all.interpreter.is_empty() || all.variables.is_empty() {
        return unknown("the interpreter is not known");
    }
    let answers = ask(&all.interpreter, place, &all.variables).unwrap_or_default();
    let answers: Vec<&str> = answers.lines().collect();
    if answers.len() != all.variables.len() {
        return unknown("the interpreter did not answer");
    }
    answers.into_iter().map(fate).collect()
}

fn fate(answer: &str) -> Fate {
    match answer.split_once('\t') {
        Some(("used", _)) => Fate::Used,
        Some(("dead", line)) => line.parse().map_or_else(|_| Fate::Unknown(String::new()), Fate::Dead),
        Some((_, reason)) => Fate::Unknown(reason.to_owned()),
        None => Fate::Unknown(String::new()),
    }
}

fn ask(interpreter: &str, place: &Path, variables: &[Variable]) -> Option<String> {
    let mut command = Command::new(interpreter);
    command.args(["-I", "-S", "-c", ANALYSIS]).current_dir(place).env_remove("LD_PRELOAD");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let (mut to, mut from) = (child.stdin.take()?, child.stdout.take()?);
    let requests: String = variables.iter().map(request).collect();
    // A pipe holds a few hundred requests; an interpreter that reads none must not hold us up.
    let writer = thread::spawn(move || to.write_all(requests.as_bytes()));
    let reader = thread::spawn(move || {
        let mut answers = String::new();
        from.read_to_string(&mut answers).map(|_| answers)
    });
    let until = Instant::now() + PATIENCE;
    while !reader.is_finished() && Instant::now() < until {
        thread::sleep(Duration::from_millis(2));
    }
    // Where it has ended, this does nothing.
    let _ = child.kill();
    let _ = child.wait();
    let _ = writer.join();
    reader.join().ok()?.ok()
}

fn request(variable: &Variable) -> String {
    let plain = |text: &str| text.replace(['\t', '\n'], " ");
    let Variable { file, function, first_line, line, name, .. } = variable;
    format!("{}\t{}\t{first_line}\t{line}\t{}\n", plain(file), plain(function), plain(name))
}
