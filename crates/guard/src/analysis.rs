//! What the source says of what was seen: which variables are not used again, what is done with a file that is read, and which
//! rules explain a line. The analysis is that of `tidegate check`; the files are read here.

use crate::variables::{Variable, Variables};
use std::{collections::HashMap, fs::File, io::Read, path::Path};
use tidegate_check::{Explained, Fate, FileUse, GuardedRun, explain, fates, file_use};
use tidegate_report::{
    json,
    record::{LineRule, RunRecord},
};

/// As much of a file is read.
const MOST_BYTES: u64 = 4 << 20;

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
pub(crate) fn answers(questions: &Questions<'_>) -> (Vec<Fate>, FileUse) {
    let Questions { variables: all, reading, place } = *questions;
    let mut by_file: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, variable) in all.variables.iter().enumerate() {
        by_file.entry(&variable.file).or_default().push(number);
    }
    let mut found = vec![Fate::Unknown("its file cannot be read".into()); all.variables.len()];
    for (file, numbers) in by_file {
        let Some(text) = text(place, file) else { continue };
        let asked: Vec<_> = numbers.iter().filter_map(|number| all.variables.get(*number)).map(asked).collect();
        for (number, fate) in numbers.into_iter().zip(fates(file, &text, &asked)) {
            if let Some(place) = found.get_mut(number) {
                *place = fate;
            }
        }
    }
    let read = reading.and_then(|(file, line)| Some(file_use(file, &text(place, file)?, line)));
    (found, read.unwrap_or_default())
}

fn asked(variable: &Variable) -> tidegate_check::Variable {
    let Variable { function, first_line, line, name, .. } = variable;
    tidegate_check::Variable { function: function.clone(), first_line: *first_line, line: *line, name: name.clone() }
}

fn text(place: &Path, file: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(place.join(file)).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Rules that say what a guarded run has: a limit, and somebody who watches.
const FULFILLED: [&str; 2] = ["TG030", "TG031"];

/// Adds to lines what the rules of `tidegate check` say of them. Scripts that cannot be read any more are left out.
pub(crate) fn add_rules(record: &mut RunRecord) {
    let text = json::write(record).unwrap_or_default();
    let explained = explain(&GuardedRun::Record { name: String::new(), text }).unwrap_or_default();
    let Some(guarded) = &mut record.guard else { return };
    for line in &mut guarded.lines {
        let of_line = explained.iter().filter(|told| told.line == line.line && told.file == Path::new(&line.file));
        for Explained { code, message, fix, .. } in of_line.filter(|told| !FULFILLED.contains(&told.code)) {
            let rule = LineRule { code: (*code).into(), message: message.clone(), fix: fix.clone() };
            if !line.rules.contains(&rule) {
                line.rules.push(rule);
            }
        }
    }
}
