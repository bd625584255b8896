//! A machine as a file: JSON with a version.

use super::Machine;
use crate::ProfileError;
use serde::{Deserialize, Serialize};
use std::{fs, io::Write, path::Path};

/// The version that is written and read. It is raised when a field changes its meaning; fields may be added without.
const VERSION: u32 = 1;

/// The file as it is written.
#[derive(Serialize)]
struct Written<'a> {
    tidegate_machine: u32,
    machine: &'a Machine,
}

/// The file as it is read: the version first, so that another one is not called damaged.
#[derive(Deserialize)]
struct Versioned {
    tidegate_machine: u32,
    machine: serde_json::Value,
}

/// Writes a machine into a file, which appears whole or not at all.
///
/// # Errors
/// [`ProfileError::Write`] if the file cannot be written.
pub fn save(machine: &Machine, path: &Path) -> Result<(), ProfileError> {
    let failed = |source| ProfileError::Write { path: path.to_path_buf(), source };
    let written = Written { tidegate_machine: VERSION, machine };
    let mut text = serde_json::to_string_pretty(&written).map_err(|error| failed(error.into()))?;
    text.push('\n');
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let write = || {
        let mut file = fs::File::create(&part)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&part, path)
    };
    write().map_err(|error| {
        // What is left of it is of no use to anybody, and the error to report is the first one.
        let _ = fs::remove_file(&part);
        failed(error)
    })
}

/// Reads a machine that was saved.
///
/// # Errors
/// [`ProfileError::Read`] if there is no such file, [`ProfileError::Damaged`] if it is no whole profile,
/// [`ProfileError::Version`] if another version of the program wrote it.
pub fn load(path: &Path) -> Result<Machine, ProfileError> {
    let bytes = fs::read(path).map_err(|source| ProfileError::Read { path: path.to_path_buf(), source })?;
    let damaged = |source| ProfileError::Damaged { path: path.to_path_buf(), source };
    let file: Versioned = serde_json::from_slice(&bytes).map_err(damaged)?;
    if file.tidegate_machine != VERSION {
        return Err(ProfileError::Version { path: path.to_path_buf(), version: file.tidegate_machine, known: VERSION });
    }
    serde_json::from_value(file.machine).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod.json");
        let machine = Machine::read();
        assert!(machine.memory.total.is_some());
        save(&Machine::default(), &path).unwrap();
        save(&machine, &path).unwrap();
        assert_eq!(load(&path).unwrap(), machine);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_profile_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod.json");
        save(&Machine::read(), &path).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        for text in ["", "{}", "[1]", "{\"tidegate_machine\":1}", &whole[..whole.len() / 2]] {
            fs::write(&path, text).unwrap();
            assert!(matches!(load(&path), Err(ProfileError::Damaged { .. })), "{text}");
        }
        fs::write(&path, "{\"tidegate_machine\":1,\"machine\":{\"memory\":{\"total\":\"much\"}}}").unwrap();
        let message = load(&path).unwrap_err().to_string();
        assert!(message.contains("prod.json` is no whole profile of a machine: invalid type"), "{message}");
        fs::write(&path, "{\"tidegate_machine\":7,\"machine\":[]}").unwrap();
        let error = load(&path).unwrap_err();
        assert!(error.to_string().ends_with("prod.json` has version 7, this program reads 1"), "{error}");
        assert!(matches!(load(Path::new("/no/such/profile")), Err(ProfileError::Read { .. })));
        assert!(matches!(save(&Machine::default(), Path::new("/no/such/x")), Err(ProfileError::Write { .. })));
    }

    #[test]
    fn a_profile_without_a_part_lacks_only_that_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prod.json");
        fs::write(&path, "{\"tidegate_machine\":1,\"machine\":{\"memory\":{\"total\":5},\"later\":1}}").unwrap();
        let machine = load(&path).unwrap();
        assert_eq!(machine.memory.total, Some(crate::ByteCount::new(5)));
        assert_eq!(machine.cores, Machine::default().cores);
    }
}
