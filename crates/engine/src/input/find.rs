//! From a path in a query to the files it means.

use super::Compression;
use crate::{EngineError, names};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tidegate_memory::ByteCount;

/// One input of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// The name as `_file` and messages show it.
    pub name: Arc<str>,
    /// Where it is; `None` for the standard input.
    pub path: Option<PathBuf>,
    /// Its size when it was found; what is appended later is not read.
    pub size: Option<ByteCount>,
    /// How the file is compressed.
    pub compression: Option<Compression>,
}

/// An input that is gone once it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// The standard input.
    StandardInput,
    /// A pipe or a device, whatever path leads to it.
    Pipe {
        /// The file system.
        device: u64,
        /// Its number there.
        inode: u64,
    },
}

/// Returns whether a path means the standard input.
pub fn is_standard_input(pattern: &str) -> bool {
    matches!(pattern, "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")
}

/// Returns what `pattern` means, if that can be read once only.
pub fn once(pattern: &str) -> Option<Once> {
    if is_standard_input(pattern) {
        return Some(Once::StandardInput);
    }
    let metadata = fs::metadata(pattern).ok()?;
    let repeats = metadata.is_file() || metadata.is_dir();
    (!repeats).then(|| Once::Pipe { device: metadata.dev(), inode: metadata.ino() })
}

/// Returns the files that `pattern` means: one file, a glob, every file of a folder, or `-` for the standard input.
///
/// # Errors
/// [`EngineError::NoInput`] with the nearest names if nothing fits, [`EngineError::File`] if a file cannot be looked at.
pub fn find(pattern: &str) -> Result<Vec<InputFile>, EngineError> {
    if is_standard_input(pattern) {
        return Ok(vec![InputFile { name: "-".into(), path: None, size: None, compression: None }]);
    }
    let path = Path::new(pattern);
    // A name that exists is meant literally, brackets and stars included.
    let mut paths = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => folder(path)?,
        Ok(_) => vec![path.to_path_buf()],
        Err(error) if error.kind() == io::ErrorKind::NotFound => globbed(pattern)?,
        Err(error) => return Err(EngineError::file("open", path, error)),
    };
    if paths.is_empty() {
        let near = if path.is_dir() { Vec::new() } else { near(path) };
        return Err(EngineError::NoInput { pattern: pattern.to_owned(), near });
    }
    paths.sort();
    paths.into_iter().map(inspect).collect()
}

fn inspect(path: PathBuf) -> Result<InputFile, EngineError> {
    let metadata = fs::metadata(&path).map_err(|error| EngineError::file("open", &path, error))?;
    // A pipe has no size, and reads once; a device has no end.
    let size = metadata.is_file().then(|| ByteCount::new(metadata.len()));
    let compression = size.and_then(|_| Compression::of_file(&path));
    Ok(InputFile { name: path.to_string_lossy().into(), path: Some(path), size, compression })
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let failed = |error| EngineError::file("list", path, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()) {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn globbed(pattern: &str) -> Result<Vec<PathBuf>, EngineError> {
    let paths =
        glob::glob(pattern).map_err(|error| EngineError::query(format!("`{pattern}` is no pattern: {error}")))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| EngineError::file("list", error.path().to_path_buf(), error.into()))?;
        if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Looks for names near to the one that is missing, in the deepest folder of the path that exists.
fn near(path: &Path) -> Vec<String> {
    let mut missing = path;
    loop {
        let folder = match missing.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if let Ok(entries) = fs::read_dir(folder) {
            let known: Vec<String> =
                entries.flatten().take(10_000).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            let wrong = missing.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            let found = names::nearest(&wrong, known.iter().map(String::as_str));
            let in_folder =
                |name: String| if folder == Path::new(".") { name } else { folder.join(name).display().to_string() };
            return found.into_iter().map(in_folder).collect();
        }
        match missing.parent() {
            Some(parent) => missing = parent,
            None => return Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[InputFile], root: &Path) -> Vec<String> {
        files.iter().map(|file| file.name.strip_prefix(root.to_str().unwrap()).unwrap().to_owned()).collect()
    }

    #[test]
    fn files_globs_and_folders_are_found_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.log", "a.log", "c.csv", ".hidden", "odd[1].log"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let found = |pattern: &str| find(folder.path().join(pattern).to_str().unwrap());
        assert_eq!(names(&found("*.log").unwrap(), folder.path()), ["/a.log", "/b.log", "/odd[1].log"]);
        assert_eq!(names(&found("odd[1].log").unwrap(), folder.path()), ["/odd[1].log"]);
        assert_eq!(found("").unwrap().len(), 4);
        let Err(EngineError::NoInput { near, .. }) = found("a.lgo") else { panic!("found a file that is not there") };
        assert!(near.first().unwrap().ends_with("a.log"));
    }
}
