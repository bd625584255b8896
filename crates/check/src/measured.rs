//! What a guarded run measured, joined with findings by file and line.
//!
//! The record of a run is JSON. Its `guard` has `lines`: a list of `{"file": "etl.py", "line": 12, "bytes": 3100000000}`, where `bytes`
//! is what lived at the peak of what that line allocated. A list `lines` at the top is read as well.

use crate::{CheckError, Finding, Options, check};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A guarded run, by its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardedRun {
    /// The record is in a file.
    File(PathBuf),
    /// The record is here.
    Record {
        /// What the run is called in messages.
        name: String,
        /// The record, as JSON.
        text: String,
    },
}

/// The lines that a run measured.
pub(crate) struct Measured {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the record")]
struct Line {
    /// Empty where no line of Python ran.
    file: PathBuf,
    line: u32,
    bytes: u64,
}

/// A record, as far as it is looked at. The record of a query has counts of lines at its top, in place of a list.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    guard: Option<Lines>,
    #[serde(default)]
    lines: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    lines: Vec<Line>,
}

impl Measured {
    /// Reads the record of a run.
    ///
    /// # Errors
    /// [`CheckError::Read`] if it cannot be read, [`CheckError::Run`] if it holds no lines.
    pub(crate) fn read(run: &GuardedRun) -> Result<Self, CheckError> {
        let wrong = |name: String| |message| CheckError::Run { name, message };
        match run {
            GuardedRun::File(path) => {
                let read = |source| CheckError::Read { path: path.clone(), source };
                Self::of(&fs::read_to_string(path).map_err(read)?).map_err(wrong(path.display().to_string()))
            }
            GuardedRun::Record { name, text } => Self::of(text).map_err(wrong(name.clone())),
        }
    }

    fn of(text: &str) -> Result<Self, String> {
        let record: Record = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let lines = match (record.guard, record.lines.filter(serde_json::Value::is_array)) {
            (Some(guard), _) => guard.lines,
            (None, Some(lines)) => Vec::deserialize(lines).map_err(|error| format!("`lines`: {error}"))?,
            (None, None) => return Err("it was not guarded: `tidegate guard` measures lines".to_owned()),
        };
        Ok(Self { lines })
    }

    /// Adds to each finding what its lines held, and puts those that held most first.
    pub(crate) fn join(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut() {
            let of_file = self.lines.iter().filter(|line| is_same(&line.file, Path::new(&finding.file)));
            finding.measured = of_file.filter(|line| is_about(finding, line.line)).map(|line| line.bytes).max();
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.measured));
    }
}

/// Returns whether a finding is about a line: its own, or the one where its value is made.
fn is_about(finding: &Finding, line: u32) -> bool {
    finding.lines.contains(&line) || (finding.place.line..=finding.end.line).contains(&line)
}

/// What a rule says of a line that a guarded run measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The file, as the run names it.
    pub file: PathBuf,
    /// The line.
    pub line: u32,
    /// What lived at the peak of what it allocated.
    pub bytes: u64,
    /// The code of the rule.
    pub code: &'static str,
    /// What is the matter, in one sentence.
    pub message: String,
    /// What to do, in one line.
    pub fix: String,
}

/// Returns what the rules say of the lines that a guarded run measured, in the order of the run. Files that are not there any more,
/// and those of installed packages, are left out.
///
/// # Errors
/// [`CheckError::Run`] if it is no guarded run, and what [`check`] returns.
pub fn explain(run: &GuardedRun) -> Result<Vec<Explained>, CheckError> {
    let measured = Measured::read(run)?;
    let is_own = |path: &&PathBuf| {
        let is_installed = path.iter().any(|part| part == "site-packages" || part == "dist-packages");
        !is_installed && path.extension().is_some_and(|extension| extension == "py") && path.is_file()
    };
    let mut paths: Vec<PathBuf> = measured.lines.iter().map(|line| &line.file).filter(is_own).cloned().collect();
    paths.sort_unstable();
    paths.dedup();
    let report = check(&Options { paths, ..Options::default() })?;
    let mut explained = Vec::new();
    for line in &measured.lines {
        let of_file = report.findings.iter().filter(|finding| Path::new(&finding.file) == line.file);
        explained.extend(of_file.filter(|finding| is_about(finding, line.line)).map(|finding| Explained {
            file: line.file.clone(),
            line: line.line,
            bytes: line.bytes,
            code: finding.code,
            message: finding.message.clone(),
            fix: finding.fix.clone(),
        }));
    }
    Ok(explained)
}

/// One may be relative, and the other not: the shorter path is the end of the longer.
fn is_same(one: &Path, other: &Path) -> bool {
    let strip = |path: &Path| path.strip_prefix(".").map_or_else(|_| path.to_path_buf(), Path::to_path_buf);
    let (one, other) = (strip(one), strip(other));
    let is_named = !one.as_os_str().is_empty() && !other.as_os_str().is_empty();
    is_named && (one.ends_with(&other) || other.ends_with(&one))
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
        let record = r#"{"lines": {"read": 1}, "guard": {"lines": [{"file": "/srv/jobs/etl.py", "line": 4, "bytes": 900, "total": 1},
            {"file": "x.py", "line": 2, "bytes": 9}, {"file": "", "line": 2, "bytes": 9000}]}}"#;
        Measured::of(record).unwrap().join(&mut findings);
        assert_eq!((findings[0].measured, findings[0].place.line), (Some(900), 5));
        assert_eq!(findings[1].measured, None);
    }

    #[test]
    fn lines_of_a_run_are_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etl.py");
        fs::write(&path, "import pandas as pd\ndf = pd.read_csv('a', low_memory=False)\nprint(df)\n").unwrap();
        let lines =
            serde_json::json!([{"file": "gone.py", "line": 1, "bytes": 9}, {"file": path, "line": 2, "bytes": 7}]);
        let text = serde_json::json!({"guard": {"lines": lines}}).to_string();
        let explained = explain(&GuardedRun::Record { name: "a".into(), text }).unwrap();
        let told: Vec<_> = explained.iter().map(|line| (line.line, line.bytes, line.code)).collect();
        assert_eq!(told, [(2, 7, "TG010")]);
    }

    #[test]
    fn what_is_no_record_is_told() {
        assert!(Measured::of("[]").is_err());
        assert!(Measured::of("{}").is_err_and(|message| message.contains("not guarded")));
        assert!(Measured::of(r#"{"lines": {"read": 1}}"#).is_err());
        assert!(Measured::of(r#"{"lines": [{"file": 1}]}"#).is_err_and(|message| message.starts_with("`lines`")));
        assert!(Measured::of("x").is_err());
    }
}
