//! From what a task file calls its input to files, as queries find them: a name that exists is meant literally, a folder means
//! the files in it that are not hidden, and all else is a glob.

use crate::Fingerprint;
use std::{
    fs, io,
    path::{Path, PathBuf},
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

/// Returns the paths that a pattern means, in order. None if nothing fits.
///
/// # Errors
/// In words, if the pattern cannot be understood or a folder cannot be read.
pub(crate) fn paths(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let path = folder.join(pattern);
    let failed = |error: &io::Error| format!("list `{pattern}`: {error}");
    let mut files = match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => in_folder(&path).map_err(|error| failed(&error))?,
        Ok(_) => vec![path],
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let glob = absolute(folder, pattern);
            let found =
                glob::glob(&glob.to_string_lossy()).map_err(|error| format!("`{pattern}` is no pattern: {error}"))?;
            let mut files = Vec::new();
            for path in found {
                let path = path.map_err(|error| failed(error.error()))?;
                if path.is_file() {
                    files.push(path);
                }
            }
            files
        }
        Err(error) => return Err(failed(&error)),
    };
    files.sort();
    Ok(files)
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

/// Looks at a file.
///
/// # Errors
/// In words, if it cannot be read, or has a name that a query cannot hold.
pub(crate) fn look(folder: &Path, path: PathBuf) -> Result<InputFile, String> {
    let name = path.strip_prefix(folder).unwrap_or(&path);
    let Some(name) = name.to_str().map(str::to_owned) else {
        return Err(format!("`{}` has a name that is no UTF-8", name.display()));
    };
    let read = || {
        let metadata = fs::metadata(&path)?;
        Ok((ByteCount::new(metadata.len()), metadata.modified()?, Fingerprint::of_input(&path)?))
    };
    let (size, changed, fingerprint) = read().map_err(|error: io::Error| format!("read `{name}`: {error}"))?;
    Ok(InputFile { name, path, size, changed, fingerprint })
}
