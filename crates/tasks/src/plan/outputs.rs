//! Outputs that would overwrite each other, an input, or something outside of the output folder.

use super::{Unit, make::Fault};
use crate::Problem;
use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Returns what is wrong with the outputs of all units. `line` gives the line of a unit's output.
pub(super) fn check(units: &[Unit], folder: &Path, line: impl Fn(&Unit) -> usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut taken: HashMap<&Path, &Unit> = HashMap::new();
    for unit in units {
        let Some(output) = &unit.output else { continue };
        if let Some(other) = taken.insert(&output.path, unit) {
            faults.push(collision(line(unit), [&other.name, &unit.name], &output.relative));
        }
    }
    let inputs = Inputs::of(units);
    let root = real(folder);
    for unit in units {
        let Some(output) = &unit.output else { continue };
        let within = output.path.ancestors().skip(1).take_while(|ancestor| *ancestor != folder);
        if let Some(other) = within.into_iter().find_map(|ancestor| taken.get(ancestor)) {
            faults.push(collision(line(unit), [&other.name, &unit.name], &output.relative));
        }
        let parent = real(output.path.parent().unwrap_or(folder));
        if !parent.starts_with(&root) {
            let message =
                format!("output `{}` of `{}` leads out of the output folder by a link", output.relative, unit.name);
            let help = Some("remove the link, or name another folder".into());
            let problem = Problem { line: line(unit), message, help };
            faults.push(Fault { problem, units: vec![unit.name.clone()] });
        }
        if let Some(reader) = inputs.reader(&output.path) {
            let message = format!("output `{}` of `{}` is an input of `{reader}`", output.relative, unit.name);
            let help = format!(
                "to read what `{}` writes, use `{{output:{0}}}` and `after`; else name another output",
                unit.task
            );
            let problem = Problem { line: line(unit), message, help: Some(help) };
            faults.push(Fault { problem, units: vec![unit.name.clone(), reader.to_owned()] });
        }
    }
    faults
}

fn collision(line: usize, units: [&str; 2], relative: &str) -> Fault {
    let [one, other] = units;
    let problem = Problem {
        line,
        message: format!("`{one}` and `{other}` both write to `{relative}`"),
        help: Some("tell them apart, by `{task}`, `{stem}` or `{name}` in `output`".into()),
    };
    Fault { problem, units: units.map(str::to_owned).to_vec() }
}

/// All inputs, by where they are on disk.
struct Inputs<'a> {
    paths: HashMap<PathBuf, &'a str>,
    inodes: HashMap<(u64, u64), &'a str>,
}

impl<'a> Inputs<'a> {
    fn of(units: &'a [Unit]) -> Self {
        let mut inputs = Self { paths: HashMap::new(), inodes: HashMap::new() };
        for unit in units {
            for input in &unit.inputs {
                inputs.paths.insert(real(&input.path), &unit.name);
                if let Ok(metadata) = fs::metadata(&input.path) {
                    inputs.inodes.insert((metadata.dev(), metadata.ino()), &unit.name);
                }
            }
        }
        inputs
    }

    /// Returns the unit that reads what would be replaced.
    fn reader(&self, output: &Path) -> Option<&'a str> {
        let by_path = self.paths.get(&real(output)).copied();
        by_path.or_else(|| {
            let metadata = fs::metadata(output).ok()?;
            self.inodes.get(&(metadata.dev(), metadata.ino())).copied()
        })
    }
}

/// Returns a path as it is on disk: links are followed as far as it exists.
fn real(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        missing.extend(ancestor.file_name().map(OsString::from));
    }
    path.to_path_buf()
}
