//! Findings for programs.

use crate::Report;
use serde_json::{Value, json as object};

/// Returns the findings as one object: `findings`, `checklists`, `files`. Sizes are in bytes.
pub fn json(report: &Report) -> Value {
    object!({ "findings": report.findings, "checklists": report.checklists, "files": report.files })
}
