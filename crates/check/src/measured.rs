//! What a guarded run measured, joined with findings by file and line.
//!
//! The record of a run is JSON. Somewhere in it is `lines`: a list of `{"file": "etl.py", "line": 12, "bytes": 3100000000}`, where
//! `bytes` is the most that was held of what that line allocated.

use crate::{CheckError, Finding};
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The lines that a run measured.
pub(crate) struct Measured {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    file: PathBuf,
    line: u32,
    bytes: u64,
}

impl Measured {
    /// Reads the record of a run.
    ///
    /// # Errors
    /// [`CheckError::Read`] if it cannot be read, [`CheckError::Run`] if it holds no lines.
    pub(crate) fn read(path: &Path) -> Result<Self, CheckError> {
        let text = fs::read_to_string(path).map_err(|source| CheckError::Read { path: path.to_path_buf(), source })?;
        Self::of(&text).map_err(|message| CheckError::Run { path: path.to_path_buf(), message })
    }

    fn of(text: &str) -> Result<Self, String> {
        let record: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let found = lines(&record).ok_or("it holds no `lines`; `tidegate guard` writes them")?;
        let lines = Vec::<Line>::deserialize(found).map_err(|error| format!("`lines`: {error}"))?;
        Ok(Self { lines })
    }

    /// Adds to each finding what its lines held, and puts those that held most first.
    pub(crate) fn join(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut() {
            let of_file = self.lines.iter().filter(|line| is_same(&line.file, Path::new(&finding.file)));
            let lines = finding.lines.iter().copied().chain([finding.place.line]);
            let lines: Vec<u32> = lines.chain(finding.place.line..=finding.end.line).collect();
            finding.measured = of_file.filter(|line| lines.contains(&line.line)).map(|line| line.bytes).max();
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.measured));
    }
}

/// Finds `lines`, at the top or in an object at the top.
fn lines(record: &Value) -> Option<&Value> {
    let object = record.as_object()?;
    object
        .get("lines")
        .or_else(|| object.values().find_map(|inner| inner.as_object()?.get("lines")))
        .filter(|found| found.is_array())
}

/// One may be relative, and the other not: the shorter path is the end of the longer.
fn is_same(one: &Path, other: &Path) -> bool {
    let strip = |path: &Path| path.strip_prefix(".").map(Path::to_path_buf).unwrap_or_else(|_| path.to_path_buf());
    let (one, other) = (strip(one), strip(other));
    one.ends_with(&other) || other.ends_with(&one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_ranked_by_what_was_measured() {
        let script = "import pandas as pd\na = pd.read_csv('a')\nprint(len(a))\nb = pd.read_csv('b')\nprint(len(b))\n\
                      c = pd.read_csv('c')\nprint(len(c))\n";
        let mut findings = crate::check_source("jobs/etl.py", script).unwrap();
        findings.retain(|finding| finding.code == "TG001");
        assert_eq!(findings.len(), 2);
        let record = r#"{"run": {"lines": [{"file": "/srv/jobs/etl.py", "line": 4, "bytes": 900}, {"file": "x.py", "line": 2, "bytes": 9}]}}"#;
        Measured::of(record).unwrap().join(&mut findings);
        assert_eq!((findings[0].measured, findings[0].place.line), (Some(900), 5));
        assert_eq!(findings[1].measured, None);
    }

    #[test]
    fn what_is_no_record_is_told() {
        assert!(Measured::of("[]").is_err_and(|message| message.contains("no `lines`")));
        assert!(Measured::of(r#"{"lines": [{"file": 1}]}"#).is_err_and(|message| message.starts_with("`lines`")));
        assert!(Measured::of("x").is_err());
    }
}
