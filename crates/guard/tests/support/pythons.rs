//! Which Pythons there are to test with.

use std::{env, path::PathBuf, process::Command};

/// A Python, with its version, such as `3.11`.
pub struct Python {
    pub version: String,
    pub path: PathBuf,
}

/// Returns those of `TIDEGATE_PYTHONS`, a list as in PATH; else that of `TIDEGATE_PYTHON` or `python3`, and each `python3.9` to
/// `python3.14` of another version that is in the PATH.
pub fn all() -> Vec<Python> {
    if let Some(list) = env::var_os("TIDEGATE_PYTHONS") {
        let named = env::split_paths(&list).map(|path| of(&path).ok_or(path));
        return named.map(|python| python.unwrap_or_else(|path| panic!("{} does not run", path.display()))).collect();
    }
    let mut found: Vec<Python> = Vec::new();
    let first = env::var("TIDEGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for name in std::iter::once(first).chain((9..=14).map(|minor| format!("python3.{minor}"))) {
        match of(&PathBuf::from(&name)) {
            Some(python) if found.iter().any(|other| other.version == python.version) => {}
            Some(python) => found.push(python),
            None => eprintln!("there is no {name}: it is left out"),
        }
    }
    found
}

fn of(path: &PathBuf) -> Option<Python> {
    let code = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)";
    let output = Command::new(path).args(["-c", code]).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    // What stands in the PATH may start another program, such as a choice of versions.
    Some(Python { version: lines.next()?.to_owned(), path: lines.next()?.into() })
}
