//! Makes the units of a task file, or says all that keeps them from being run.

use super::{
    InputFile, Output, Unit,
    inputs::{self, Folders},
    outputs,
};
use crate::{
    Fingerprint, Problem, TasksError,
    file::{Each, Names, Piece, Task, TaskFile, Template, Work, failure, is_listed},
};
use chrono::DateTime;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// What to make of an input that fits no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is a mistake.
    Refused,
    /// Files may come yet.
    Awaited,
}

/// Returns the units of all tasks, each after those it waits for. With [`Missing::Awaited`], files that cannot be looked at are
/// left out: [`super::Watcher`] tells of them.
///
/// # Errors
/// [`TasksError::File`] with everything that is wrong: inputs that are missing or cannot be read, outputs that collide, lead
/// out of their folder, or are inputs.
pub fn plan(file: &TaskFile, missing: Missing) -> Result<Vec<Unit>, TasksError> {
    let Planned { units, faults, unread } = Maker::of(file, missing).plan();
    let mut problems: Vec<Problem> = faults.into_iter().map(|fault| fault.problem).collect();
    if missing == Missing::Refused {
        problems.extend(unread);
    }
    if problems.is_empty() { Ok(units) } else { Err(failure(&file.path, problems)) }
}

fn output_line(task: &Task) -> usize {
    task.output.as_ref().map_or(task.line, |output| output.line)
}

/// Something wrong, and the units that are concerned, by name; none if it concerns a whole task.
#[derive(Debug)]
pub(super) struct Fault {
    pub problem: Problem,
    pub units: Vec<String>,
}

/// What was planned.
pub(super) struct Planned {
    pub units: Vec<Unit>,
    pub faults: Vec<Fault>,
    /// Files that cannot be looked at.
    pub unread: Vec<Problem>,
}

pub(super) struct Maker<'a> {
    file: &'a TaskFile,
    missing: Missing,
    /// Units that are not made, by name.
    pub left_out: HashSet<String>,
    /// What files are like, so that none is read twice.
    looked: HashMap<PathBuf, Result<Option<InputFile>, String>>,
    units: Vec<Unit>,
    tasks: HashMap<&'a str, Made>,
    faults: Vec<Fault>,
    unread: Vec<Problem>,
}

/// What was made of a task.
#[derive(Clone, Default)]
struct Made {
    depth: usize,
    keys: Vec<Fingerprint>,
    outputs: Vec<PathBuf>,
}

/// What all units of a task have in common: what comes before them.
struct Before {
    /// What it is; `None` if nothing does.
    key: Option<Fingerprint>,
    outputs: Arc<BTreeMap<String, Vec<PathBuf>>>,
}

impl Before {
    fn of(before: Vec<(String, Made)>) -> Self {
        let mut texts = Vec::new();
        for (name, made) in &before {
            texts.push(name.clone());
            texts.extend(made.keys.iter().map(Fingerprint::to_string));
        }
        let key = (!texts.is_empty()).then(|| Fingerprint::of_texts(texts.iter().map(String::as_str)));
        let outputs = before.into_iter().map(|(name, made)| (name, made.outputs)).collect();
        Self { key, outputs: Arc::new(outputs) }
    }
}

impl<'a> Maker<'a> {
    pub fn of(file: &'a TaskFile, missing: Missing) -> Self {
        let (left_out, looked, tasks) = Default::default();
        Self { file, missing, left_out, looked, units: Vec::new(), tasks, faults: Vec::new(), unread: Vec::new() }
    }

    /// Makes all units but for those that are left out.
    pub fn plan(&mut self) -> Planned {
        self.tasks.clear();
        for task in &self.file.tasks {
            self.make(task);
        }
        let (units, mut faults) = (mem::take(&mut self.units), mem::take(&mut self.faults));
        let lines: HashMap<&str, usize> =
            self.file.tasks.iter().map(|task| (task.name.as_str(), output_line(task))).collect();
        let line = |unit: &Unit| lines.get(unit.task.as_str()).copied().unwrap_or(1);
        faults.extend(outputs::check(&units, &self.file.output, line));
        Planned { units, faults, unread: mem::take(&mut self.unread) }
    }

    /// Makes the units of a task, after those it waits for. There are no circles: the file was checked.
    fn make(&mut self, task: &'a Task) -> Made {
        if let Some(made) = self.tasks.get(task.name.as_str()) {
            return made.clone();
        }
        let mut before = Vec::new();
        for after in &task.after {
            if let Some(next) = self.file.tasks.iter().find(|next| next.name == after.value) {
                before.push((next.name.clone(), self.make(next)));
            }
        }
        let depth = before.iter().map(|(_, made)| made.depth + 1).max().unwrap_or_default();
        self.check_lists(task, &before);
        let mut made = Made { depth, ..Made::default() };
        let files = self.inputs(task);
        let groups: Vec<Vec<InputFile>> = match task.each {
            _ if task.inputs.is_empty() => vec![Vec::new()],
            Each::File => files.into_iter().map(|file| vec![file]).collect(),
            Each::All if files.is_empty() => Vec::new(),
            Each::All => vec![files],
        };
        let before = Before::of(before);
        for group in groups {
            let Some(unit) = self.unit(task, group, &before) else { continue };
            made.keys.push(unit.key);
            made.outputs.extend(unit.output.as_ref().map(|output| output.path.clone()));
            self.units.push(Unit { depth, ..unit });
        }
        self.tasks.insert(&task.name, made.clone());
        made
    }

    /// Expects one output where a text has place for one.
    fn check_lists(&mut self, task: &Task, before: &[(String, Made)]) {
        for (other, made) in before.iter().filter(|(_, made)| made.outputs.len() > 1) {
            let uses = |piece: Piece<'_>| piece == Piece::OutputOf(other);
            let count = made.outputs.len();
            let (is_list, help) = match &task.work {
                Work::Sql(sql) => (is_listed(sql, uses), format!("write `csv({{output:{other}}})`, or of its format")),
                Work::Command(words) => {
                    (words.iter().all(|word| is_alone(word, uses)), "make it an argument of its own".to_owned())
                }
            };
            if !is_list {
                let message = format!("`{{output:{other}}}` of `{}` stands for {count} files", task.name);
                self.problem(task.line, message, help);
            }
        }
    }

    fn inputs(&mut self, task: &Task) -> Vec<InputFile> {
        let folders = Folders { file: &self.file.folder, outputs: &self.file.output };
        let mut paths = Vec::new();
        for pattern in &task.inputs {
            match inputs::paths(folders, &pattern.value) {
                Ok(found) if found.is_empty() && self.missing == Missing::Refused => {
                    let message = format!("no file matches `{}`", pattern.value);
                    let help = format!("paths are relative to the task file, here `{}`", self.file.folder.display());
                    self.problem(pattern.line, message, help);
                }
                Ok(found) => paths.extend(found),
                Err(message) => self.problem(pattern.line, message, "name files that can be read"),
            }
        }
        paths.sort();
        paths.dedup();
        let line = task.inputs.first().map_or(task.line, |pattern| pattern.line);
        let files = self.look(paths, line);
        if task.each == Each::All && files.len() > 1 {
            self.check_input_list(task, files.len());
        }
        files
    }

    /// Looks at files, and leaves out those that cannot be used.
    fn look(&mut self, paths: Vec<PathBuf>, line: usize) -> Vec<InputFile> {
        let mut files = Vec::new();
        for path in paths {
            let looked = self.looked.entry(path).or_insert_with_key(|path| inputs::look(&self.file.folder, path));
            let message = match looked {
                Ok(Some(file)) => {
                    files.push(file.clone());
                    continue;
                }
                // What comes and goes is no mistake of the file.
                Ok(None) if self.missing == Missing::Awaited => continue,
                Ok(None) => "a file went away while it was looked at".to_owned(),
                Err(message) => message.clone(),
            };
            self.unread.push(Problem { line, message, help: Some("make it readable, or leave it out".to_owned()) });
        }
        files
    }

    /// Expects that a text has place for several input files, if it is given them.
    fn check_input_list(&mut self, task: &Task, count: usize) {
        let folders = Folders { file: &self.file.folder, outputs: &self.file.output };
        let is_input = |piece: Piece<'_>| piece == Piece::Input;
        let (is_list, help) = match &task.work {
            Work::Sql(sql) => {
                let globs = !task.inputs.iter().any(|pattern| inputs::reaches_outputs(folders, &pattern.value));
                let help = "write `logs({input})`, or of its format; or name a pattern that does not fit outputs";
                (globs || is_listed(sql, is_input), help)
            }
            Work::Command(words) => {
                (words.iter().all(|word| is_alone(word, is_input)), "make it an argument of its own")
            }
        };
        if !is_list {
            self.problem(task.line, format!("`{{input}}` of `{}` stands for {count} files", task.name), help);
        }
    }

    fn unit(&mut self, task: &Task, inputs: Vec<InputFile>, before: &Before) -> Option<Unit> {
        let name = match inputs.as_slice() {
            [file] if task.each == Each::File => format!("{}: {}", task.name, file.name),
            _ => task.name.clone(),
        };
        if self.left_out.contains(&name) {
            return None;
        }
        let output = match &task.output {
            Some(template) => match self.output(&template.value, &names(task, &inputs)) {
                Ok(output) => Some(output),
                Err((message, help)) => {
                    let problem = Problem { line: output_line(task), message, help: Some(help) };
                    self.faults.push(Fault { problem, units: vec![name] });
                    return None;
                }
            },
            None => None,
        };
        Some(Unit {
            name,
            task: task.name.clone(),
            key: key(task, &inputs, before),
            inputs,
            work: task.work.clone(),
            output,
            format: task.format,
            limit: task.limit,
            after: task.after.iter().map(|after| after.value.clone()).collect(),
            depth: 0,
            folder: self.file.folder.clone(),
            outputs: self.file.output.clone(),
            used: Arc::clone(&before.outputs),
            each: task.each,
            patterns: task.inputs.clone(),
        })
    }

    fn output(&self, template: &Template, names: &Names) -> Result<Output, (String, String)> {
        let path = template.fill(names)?;
        let relative: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        let relative = relative.to_string_lossy().into_owned();
        let path = self.file.output.join(&relative);
        Ok(Output { relative, path })
    }

    /// Notes what concerns a whole task.
    fn problem(&mut self, line: usize, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem { line, message: message.into(), help: Some(help.into()) };
        self.faults.push(Fault { problem, units: Vec::new() });
    }
}

/// Returns whether every such placeholder in a word is all of it.
fn is_alone(word: &str, which: impl Fn(Piece<'_>) -> bool) -> bool {
    let pieces = crate::file::pieces(word);
    pieces.len() == 1 || !pieces.into_iter().any(which)
}

fn names(task: &Task, inputs: &[InputFile]) -> Names {
    let mut names = Names { task: task.name.clone(), ..Names::default() };
    if let [file] = inputs {
        let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let path = Path::new(&file.name);
        names.name = part(path.file_name());
        names.stem = part(path.file_stem());
        names.ext = Some(part(path.extension()).unwrap_or_default());
    }
    names.date = inputs.iter().map(|file| file.changed).max().and_then(date);
    names
}

/// Returns a day in UTC.
fn date(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let moment = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
    Some(moment.date_naive().to_string())
}

/// Returns what tells a unit from all others, and from itself on other data.
fn key(task: &Task, inputs: &[InputFile], before: &Before) -> Fingerprint {
    let mut texts = vec![task.name.clone()];
    match &task.work {
        Work::Sql(sql) => texts.extend(["sql".to_owned(), sql.clone()]),
        Work::Command(words) => {
            texts.push("command".to_owned());
            texts.extend(words.iter().cloned());
        }
    }
    texts.push(task.format.map_or("", crate::file::Format::name).to_owned());
    for input in inputs {
        texts.extend([input.name.clone(), input.fingerprint.to_string()]);
    }
    texts.extend(before.key.map(|key| key.to_string()));
    Fingerprint::of_texts(texts.iter().map(String::as_str))
}
