//! A unit of work.

use crate::{
    Fingerprint,
    file::{Each, Format, Piece, Placed, Work, pieces},
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};
use tidegate_memory::ByteCount;

use super::{
    InputFile,
    inputs::{self, Folders},
};

/// One run of a task, on one input file or on all of them.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What people call it: the task and, if it reads one file, that file.
    pub name: String,
    /// The name of its task.
    pub task: String,
    /// What it is: the task, its inputs' contents, the text, the format, and all that of the tasks before.
    pub key: Fingerprint,
    /// The files it reads.
    pub inputs: Vec<InputFile>,
    /// What is done.
    pub work: Work,
    /// Where the output goes.
    pub output: Option<Output>,
    /// The format of the output.
    pub format: Option<Format>,
    /// The limit that its task was given.
    pub limit: Option<ByteCount>,
    /// Tasks that must have ended well before.
    pub after: Vec<String>,
    /// The most tasks that come one after the other before it.
    pub depth: usize,
    /// The folder of the task file, absolute: where commands run.
    pub folder: PathBuf,
    /// The folder of outputs, absolute.
    pub(crate) outputs: PathBuf,
    /// What the task's outputs are called, of each task that the text uses. All units of a task have it in common.
    pub(crate) used: Arc<BTreeMap<String, Vec<PathBuf>>>,
    /// How inputs become units.
    pub(crate) each: Each,
    /// The inputs as the file writes them.
    pub(crate) patterns: Vec<Placed<String>>,
}

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The path below the folder of outputs.
    pub relative: String,
    /// The path, absolute.
    pub path: PathBuf,
}

impl Unit {
    /// Returns the bytes of all input files.
    pub fn input_bytes(&self) -> ByteCount {
        self.inputs.iter().map(|input| input.size).sum()
    }

    /// Returns the query, with paths in quotes; `None` for a command.
    pub fn sql(&self) -> Option<String> {
        let Work::Sql(template) = &self.work else { return None };
        let mut sql = String::new();
        for piece in pieces(template) {
            match piece {
                Piece::Text(text) => sql.push_str(text),
                Piece::Input => sql.push_str(&quoted(&self.readable())),
                Piece::Output => {}
                Piece::OutputOf(task) => sql.push_str(&quoted(self.outputs_of(task))),
            }
        }
        Some(sql)
    }

    /// Returns the program and its arguments, with `part` for `{output}`; `None` for a query. An argument that is a placeholder
    /// alone becomes as many arguments as there are files.
    pub fn arguments(&self, part: Option<&Path>) -> Option<Vec<OsString>> {
        let Work::Command(words) = &self.work else { return None };
        let files: Vec<PathBuf> = self.inputs.iter().map(|input| input.path.clone()).collect();
        let mut arguments = Vec::new();
        for word in words {
            let pieces = pieces(word);
            let paths = |piece: Piece<'_>| match piece {
                Piece::Text(text) => vec![OsString::from(text)],
                Piece::Input => names(&files),
                Piece::Output => part.map(|part| part.as_os_str().to_owned()).into_iter().collect(),
                Piece::OutputOf(task) => names(self.outputs_of(task)),
            };
            match pieces.as_slice() {
                [piece] => arguments.extend(paths(*piece)),
                several => {
                    let mut argument = OsString::new();
                    several.iter().flat_map(|piece| paths(*piece)).for_each(|part| argument.push(part));
                    arguments.push(argument);
                }
            }
        }
        Some(arguments)
    }

    /// Returns whether the command names the file that it writes; else its standard output is what it writes.
    pub(crate) fn names_output(&self) -> bool {
        let Work::Command(words) = &self.work else { return false };
        words.iter().any(|word| pieces(word).contains(&Piece::Output))
    }

    /// Expects that the inputs are what they were when the unit was planned, in number and content.
    ///
    /// # Errors
    /// What has changed.
    pub(crate) fn check_inputs(&self) -> Result<(), String> {
        for input in &self.inputs {
            match Fingerprint::of_input(&input.path) {
                Ok(now) if now == input.fingerprint => {}
                Ok(_) => return Err(format!("`{}` changed while it was read", input.name)),
                Err(error) => return Err(format!("`{}` went away while it was read: {error}", input.name)),
            }
        }
        if self.each == Each::All {
            let found = self
                .patterns
                .iter()
                .flat_map(|pattern| inputs::paths(self.folders(), &pattern.value).unwrap_or_default());
            let mut found: Vec<PathBuf> = found.collect();
            found.sort();
            found.dedup();
            if !found.iter().eq(self.inputs.iter().map(|input| &input.path)) {
                return Err("files came or went while all were read".to_owned());
            }
        }
        Ok(())
    }

    /// Returns what a query names: the file, or each pattern for all files. A pattern that fits what the loop writes, the query
    /// must not follow by itself: then it is given the files.
    fn readable(&self) -> Vec<PathBuf> {
        let reaches = |pattern: &Placed<String>| inputs::reaches_outputs(self.folders(), &pattern.value);
        match self.each {
            Each::All if !self.patterns.iter().any(reaches) => {
                self.patterns.iter().map(|pattern| inputs::absolute(&self.folder, &pattern.value)).collect()
            }
            Each::File | Each::All => self.inputs.iter().map(|input| input.path.clone()).collect(),
        }
    }

    fn folders(&self) -> Folders<'_> {
        Folders { file: &self.folder, outputs: &self.outputs }
    }

    fn outputs_of(&self, task: &str) -> &[PathBuf] {
        self.used.get(task).map(Vec::as_slice).unwrap_or_default()
    }
}

fn names(paths: &[PathBuf]) -> Vec<OsString> {
    paths.iter().map(|path| path.as_os_str().to_owned()).collect()
}

/// Returns paths as SQL texts, separated by commas.
fn quoted(paths: &[PathBuf]) -> String {
    let quoted = |path: &PathBuf| format!("'{}'", path.to_string_lossy().replace('\'', "''"));
    paths.iter().map(quoted).collect::<Vec<_>>().join(", ")
}
