//! Data for tests that need much of it, written by `tidegate demo`.

use crate::tidegate::{TIDEGATE, command, run};
use std::path::{Path, PathBuf};

/// Writes `lines` records into `folder` and returns the file's path.
pub fn write(folder: &Path, form: &str, lines: u64) -> PathBuf {
    let mut demo = command(TIDEGATE);
    demo.args(["demo", "--as", form, "--lines", &lines.to_string(), "--data"]).arg(folder);
    let ran = run(&mut demo, b"");
    assert!(ran.status.success(), "tidegate demo: {ran}");
    folder.join(format!("access.{form}"))
}
