//! Which variables are not used again, and what is done with a file that is read: asked of the program's own interpreter, by its
//! own parser, when the program has ended.
//!
//! This is the seam to the static analysis of `tidegate check`: variables with the lines that their frames were at go in, and a
//! fate for each comes out. The analysis here knows one file at a time, and calls unknown what is not sure.

use crate::variables::{Variable, Variables};
use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const ANALYSIS: &str =
    concat!(include_str!("analysis/dead.py"), include_str!("analysis/reading.py"), include_str!("analysis/answers.py"));

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

/// What a script does with a file that it reads into a data frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The columns that it uses, separated by commas; empty if it may use all.
    pub(crate) columns: String,
    /// The same as a query; empty if it cannot be said.
    pub(crate) query: String,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Questions<'a> {
    pub(crate) variables: &'a Variables,
    /// The file and the line that read a data frame.
    pub(crate) reading: Option<(&'a str, u32)>,
    /// The folder that relative paths are of.
    pub(crate) place: &'a Path,
}

/// Returns the fate of each variable, and what is done with what is read.
pub(crate) fn answers(questions: &Questions<'_>) -> (Vec<Fate>, Reading) {
    let Questions { variables: all, reading, place } = *questions;
    let unknown = |reason: &str| (vec![Fate::Unknown(reason.into()); all.variables.len()], Reading::default());
    if all.interpreter.is_empty() || all.variables.is_empty() {
        return unknown("the interpreter is not known");
    }
    let of_reading = reading.map(|(file, line)| format!("reading\t{}\t{line}\n", plain(file)));
    let requests: String = all.variables.iter().map(request).chain(of_reading).collect();
    let answers = ask(&all.interpreter, place, requests).unwrap_or_default();
    let answers: Vec<&str> = answers.lines().collect();
    if answers.len() != all.variables.len() + usize::from(reading.is_some()) {
        return unknown("the interpreter did not answer");
    }
    let read = reading.and_then(|_| answers.last()?.split_once('\t'));
    let read = read
        .filter(|(columns, _)| *columns != "unknown")
        .map(|(columns, query)| Reading { columns: columns.to_owned(), query: query.to_owned() });
    (answers.into_iter().take(all.variables.len()).map(fate).collect(), read.unwrap_or_default())
}

fn fate(answer: &str) -> Fate {
    match answer.split_once('\t') {
        Some(("used", _)) => Fate::Used,
        Some(("dead", line)) => line.parse().map_or_else(|_| Fate::Unknown(String::new()), Fate::Dead),
        Some((_, reason)) => Fate::Unknown(reason.to_owned()),
        None => Fate::Unknown(String::new()),
    }
}

fn ask(interpreter: &str, place: &Path, requests: String) -> Option<String> {
    let mut command = Command::new(interpreter);
    command.args(["-I", "-S", "-c", ANALYSIS]).current_dir(place).env_remove("LD_PRELOAD");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let (mut to, mut from) = (child.stdin.take()?, child.stdout.take()?);
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

fn plain(text: &str) -> String {
    text.replace(['\t', '\n'], " ")
}

fn request(variable: &Variable) -> String {
    let Variable { file, function, first_line, line, name, .. } = variable;
    format!("variable\t{}\t{}\t{first_line}\t{line}\t{}\n", plain(file), plain(function), plain(name))
}
