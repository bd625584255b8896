//! Changes of files: those that are proven to change nothing but memory.

use crate::{CheckError, Edit, Finding};
use similar::TextDiff;
use std::{
    cmp::Reverse,
    fs, io,
    path::{Path, PathBuf},
};

/// A file and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFix {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub before: String,
    /// Its text with all changes.
    pub after: String,
    /// How many findings that fixes.
    pub count: usize,
}

impl FileFix {
    /// Returns the change as a unified diff.
    pub fn diff(&self) -> String {
        let name = self.path.to_string_lossy();
        let diff = TextDiff::from_lines(self.before.as_str(), self.after.as_str());
        let (old, new) = (format!("a/{name}"), format!("b/{name}"));
        diff.unified_diff().context_radius(3).header(&old, &new).to_string()
    }

    /// Writes the file: a new one beside it takes its place when it is whole.
    ///
    /// # Errors
    /// [`CheckError::Write`] if it cannot be written, or is not any more what was checked.
    pub fn write(&self) -> Result<(), CheckError> {
        let write = |source| CheckError::Write { path: self.path.clone(), source };
        let now = fs::read_to_string(&self.path).map_err(write)?;
        if now != self.before {
            return Err(write(io::Error::other("it was changed meanwhile")));
        }
        // A link stays a link: what it leads to is written.
        let path = self.path.canonicalize().map_err(write)?;
        let permissions = fs::metadata(&path).map_err(write)?.permissions();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = path.with_file_name(format!(".{name}.{}.tidegate", std::process::id()));
        let replaced = fs::write(&beside, &self.after)
            .and_then(|()| fs::set_permissions(&beside, permissions))
            .and_then(|()| fs::rename(&beside, &path));
        if replaced.is_err() {
            let _ = fs::remove_file(&beside);
        }
        replaced.map_err(write)
    }
}

/// Returns what the proven changes make of the files of findings. Files of other encodings are left as they are.
///
/// # Errors
/// [`CheckError::Read`] if a file cannot be read any more.
pub fn fixes(findings: &[Finding]) -> Result<Vec<FileFix>, CheckError> {
    let mut files: Vec<&str> =
        findings.iter().filter(|finding| !finding.edits.is_empty()).map(|f| f.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let mut changed = Vec::new();
    for file in files {
        let path = Path::new(file);
        let bytes = fs::read(path).map_err(|source| CheckError::Read { path: path.to_path_buf(), source })?;
        let Ok(before) = String::from_utf8(bytes) else { continue };
        // Offsets are those of the text without the mark.
        if before.starts_with('\u{feff}') {
            continue;
        }
        let of_file: Vec<&Finding> = findings.iter().filter(|finding| finding.file == file).collect();
        let edits: Vec<&[Edit]> = of_file.iter().map(|finding| finding.edits.as_slice()).collect();
        let (after, count) = apply(&before, &edits);
        changed.push(FileFix { path: path.to_path_buf(), before, after, count });
    }
    Ok(changed)
}

/// Applies changes to a text, those of a finding all or none: one that overlaps an earlier one is left out. Returns the text
/// and how many findings were fixed.
pub fn apply(text: &str, findings: &[&[Edit]]) -> (String, usize) {
    let mut taken: Vec<&Edit> = Vec::new();
    let mut count = 0;
    for edits in findings.iter().filter(|edits| !edits.is_empty()) {
        let fits = |edit: &Edit| text.get(edit.start..edit.end).is_some();
        let overlaps = |edit: &Edit| taken.iter().any(|other| edit.start < other.end && other.start < edit.end);
        if edits.iter().all(|edit| fits(edit) && !overlaps(edit)) {
            taken.extend(edits.iter());
            count += 1;
        }
    }
    // Of lines that are added at one place, those of the inner suites come first; else the first finding's.
    taken.sort_by_key(|edit| (edit.start, edit.end, Reverse(indentation(&edit.text))));
    let end = line_end(text);
    let (mut after, mut at) = (String::with_capacity(text.len()), 0);
    for edit in taken {
        after.push_str(text.get(at..edit.start).unwrap_or_default());
        after.push_str(&edit.text.replace('\n', end));
        at = edit.end;
    }
    after.push_str(text.get(at..).unwrap_or_default());
    (after, count)
}

/// How the first line of a text ends.
fn line_end(text: &str) -> &'static str {
    match text.find(['\n', '\r']).and_then(|at| text.get(at..)) {
        Some(end) if end.starts_with("\r\n") => "\r\n",
        Some(end) if end.starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// How far the first line of a text is indented.
fn indentation(text: &str) -> usize {
    let line = text.trim_start_matches('\n');
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { start, end, text: text.to_owned() }
    }

    #[test]
    fn changes_are_made_in_the_order_of_their_places() {
        let (one, two) = ([edit(4, 4, "b\n")], [edit(0, 1, "A"), edit(2, 2, "x\n")]);
        assert_eq!(apply("a\nc\n", &[&one, &two]), ("A\nx\nc\nb\n".to_owned(), 2));
        assert_eq!(apply("abc", &[&[edit(0, 2, "x")], &[edit(1, 3, "y")]]), ("xc".to_owned(), 1));
        let (outer, inner) = ([edit(2, 2, "del x\n")], [edit(2, 2, "    del y\n")]);
        assert_eq!(apply("a\nc\n", &[&outer, &inner]).0, "a\n    del y\ndel x\nc\n");
        assert_eq!(apply("a\r\nc\r\n", &[&[edit(3, 3, "b\n")]]).0, "a\r\nb\r\nc\r\n");
        assert_eq!(apply("a\rc\r", &[&[edit(2, 2, "b\n")]]).0, "a\rb\rc\r");
        assert_eq!(apply("ä", &[&[edit(1, 1, "x")]]), ("ä".to_owned(), 0));
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.py");
        fs::write(&path, "b\n").unwrap();
        let fix = FileFix { path: path.clone(), before: "a\n".into(), after: "c\n".into(), count: 1 };
        assert!(fix.write().unwrap_err().to_string().ends_with("it was changed meanwhile"));
        FileFix { before: "b\n".into(), ..fix }.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "c\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
