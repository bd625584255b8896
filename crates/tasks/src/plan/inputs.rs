//! From what a task file calls its input to files, as queries find them: a name that exists is meant literally, a folder means
//! the files in it that are not hidden, and all else is a glob.

use crate::{Fingerprint, file::HIDDEN};
use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    time::SystemTime,
};
use tidegate_memory::ByteCount;

/// A file that a unit reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// The path below the task file's folder, or absolute if the file is elsewhere.
    pub name: String,
    /// The path, absolute.
    pub path: PathBuf,
    /// Its size.
    pub size: ByteCount,
    /// When it was changed last.
    pub changed: SystemTime,
    /// What it holds.
    pub fingerprint: Fingerprint,
}

/// The folders that the paths of a task file are relative to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folders<'a> {
    /// Of the task file: what inputs are relative to.
    pub file: &'a Path,
    /// Of the outputs.
    pub outputs: &'a Path,
}

/// Returns the paths that a pattern means, in order. None if nothing fits.
///
/// A glob does not mean what the loop itself writes: what it passes on its way through the folder of outputs is left out, unless
/// it begins there, and parts are left out always. A file that is named stays: if the loop writes it, that is a mistake.
///
/// # Errors
/// In words, if the pattern cannot be understood, or what it names cannot be read or is no file.
pub(crate) fn paths(folders: Folders<'_>, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = folders.file.join(pattern);
    let failed = |error: &io::Error| format!("list `{pattern}`: {error}");
    let mut files = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => in_folder(&path).map_err(|error| failed(&error))?,
        Ok(metadata) if metadata.is_file() => vec![path],
        // Such as a pipe or a device: planning would wait for its end.
        Ok(_) => return Err(format!("`{pattern}` is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let glob = absolute(folders.file, pattern);
            let found =
                glob::glob(&glob.to_string_lossy()).map_err(|error| format!("`{pattern}` is no pattern: {error}"))?;
            let outputs = clean(folders.outputs);
            let begins_there = Glob::of(folders.file, pattern).base.starts_with(&outputs);
            let is_own = |path: &Path| is_own(&clean(path), &outputs, begins_there);
            let mut files = Vec::new();
            for path in found {
                match path {
                    Ok(path) if path.is_file() && !is_own(&path) => files.push(path),
                    Ok(_) => {}
                    // Folders of parts come and go.
                    Err(error) if is_own(error.path()) || error.error().kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(error.error())),
                }
            }
            files
        }
        Err(error) => return Err(failed(&error)),
    };
    files.sort();
    Ok(files)
}

/// Returns whether a pattern may fit what the loop itself writes, so that a query must not look for its files once more.
pub(crate) fn reaches_outputs(folders: Folders<'_>, pattern: &str) -> bool {
    if folders.file.join(pattern).exists() {
        return false;
    }
    let Glob { base, rest } = Glob::of(folders.file, pattern);
    let outputs = clean(folders.outputs);
    if base.starts_with(&outputs) {
        return rest.len() > 1 || rest.iter().any(|part| part == "**");
    }
    let Ok(below) = outputs.strip_prefix(&base) else { return false };
    let mut parts = rest.iter();
    for folder in below {
        match parts.next() {
            None => return false,
            Some(part) if part == "**" => return true,
            Some(part) => {
                let fits = glob::Pattern::new(part).is_ok_and(|part| part.matches(&folder.to_string_lossy()));
                if !fits {
                    return false;
                }
            }
        }
    }
    parts.next().is_some()
}

/// A pattern in two parts.
struct Glob {
    /// The folder down to which it is meant literally.
    base: PathBuf,
    /// What comes below it.
    rest: Vec<String>,
}

impl Glob {
    fn of(folder: &Path, pattern: &str) -> Self {
        let mut literal = PathBuf::new();
        let mut rest = Vec::new();
        for part in Path::new(pattern) {
            let text = part.to_string_lossy();
            if rest.is_empty() && !text.contains(['*', '?', '[']) {
                literal.push(part);
            } else {
                rest.push(text.into_owned());
            }
        }
        Self { base: clean(&folder.join(literal)), rest }
    }
}

fn is_own(path: &Path, outputs: &Path, begins_there: bool) -> bool {
    let Ok(below) = path.strip_prefix(outputs) else { return false };
    !begins_there || below.iter().any(|part| part.as_encoded_bytes().starts_with(HIDDEN.as_bytes()))
}

/// Returns a path without `.` and `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

fn in_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Returns the pattern as a path that means the same from anywhere.
pub(crate) fn absolute(folder: &Path, pattern: &str) -> PathBuf {
    let path = folder.join(pattern);
    if path.exists() {
        return path;
    }
    // Brackets and stars of the folder's own name are no pattern.
    PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy())).join(pattern)
}

/// Looks at a file. `None` if it is not there any more.
///
/// # Errors
/// In words, if it cannot be read, or has a name that a query cannot hold.
pub(crate) fn look(folder: &Path, path: &Path) -> Result<Option<InputFile>, String> {
    let name = path.strip_prefix(folder).unwrap_or(path);
    let Some(name) = name.to_str().map(str::to_owned) else {
        return Err(format!("`{}` has a name that is no UTF-8", name.display()));
    };
    let read = || -> io::Result<_> {
        let metadata = fs::metadata(path)?;
        Ok((ByteCount::new(metadata.len()), metadata.modified()?, Fingerprint::of_input(path)?))
    };
    match read() {
        Ok((size, changed, fingerprint)) => {
            Ok(Some(InputFile { name, path: path.to_path_buf(), size, changed, fingerprint }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("read `{name}`: {error}")),
    }
}
