//! Parts: outputs on their way, in a hidden folder beside the place where they will appear, and so on the same disk.

use crate::{Fingerprint, TasksError, file::HIDDEN};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// A part that is whole and on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub part: PathBuf,
    pub fingerprint: Fingerprint,
}

impl Sealed {
    /// Waits until a part is on disk, and takes its fingerprint.
    pub fn seal(part: &Path) -> io::Result<Self> {
        if !fs::symlink_metadata(part)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        let file = File::open(part)?;
        file.sync_all()?;
        Ok(Self { part: part.to_path_buf(), fingerprint: Fingerprint::of_file(&file)? })
    }
}

/// Returns how the names of all folders for parts begin that belong to a folder of outputs. One folder of outputs may be in
/// another, and their loops must not remove each other's parts.
pub(super) fn prefix(outputs: Fingerprint) -> String {
    format!("{HIDDEN}-parts-{}-", beginning(outputs))
}

/// Returns the name of a folder for parts that no other loop uses.
pub(super) fn folder_name(prefix: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let token = Fingerprint::of_texts([now.to_string().as_str(), std::process::id().to_string().as_str()]);
    format!("{prefix}{}", beginning(token))
}

fn beginning(fingerprint: Fingerprint) -> String {
    fingerprint.to_string().chars().take(12).collect()
}

/// Renames a part to its place, for good.
pub(super) fn appear(part: &Path, place: &Path) -> Result<(), TasksError> {
    fs::rename(part, place).map_err(|error| TasksError::io("write", place, error))?;
    let folder = place.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| TasksError::io("write", folder, error))
}

/// Removes the folders in `folder` whose names begin with `prefix`, but for the one named `own`.
pub(super) fn sweep(folder: &Path, prefix: &str, own: Option<&str>) -> Result<(), TasksError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_nothing(&error) => return Ok(()),
        Err(error) => return Err(TasksError::io("list", folder, error)),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_part = name.to_str().is_some_and(|name| name.starts_with(prefix) && Some(name) != own);
        if is_part {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder for parts, again if a process that is about to end writes to it meanwhile.
pub(super) fn remove(folder: &Path) -> Result<(), TasksError> {
    let mut result = Ok(());
    for _ in 0..100 {
        result = fs::remove_dir_all(folder);
        match &result {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if is_nothing(error) => return Ok(()),
            _ => break,
        }
    }
    result.map_err(|error| TasksError::io("remove", folder, error))
}

/// Returns whether there is no such folder, or something else in its place: then there are no parts in it.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
