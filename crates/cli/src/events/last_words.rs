//! The last words of a process that ended where it stood, at its limit, on a thread that had to stay small.
//!
//! It starts this program anew in its place (`execve`): all of its memory is gone then, so that a connection or a file are no
//! matter for the limit. What is to be told comes in the environment, as it may hold a secret.

use super::{Webhook, metrics};
use crate::printer::Printer;
use serde_json::{Value, json};
use std::{env, io, os::unix::process::CommandExt, path::Path, process::Command};
use tidegate_engine::EngineError;

/// What is to be told, as JSON.
const VARIABLE: &str = "TIDEGATE_LAST_WORDS";

/// What is to be told.
pub(super) struct LastWords<'a> {
    /// The file of metrics, and what it shall hold.
    pub metrics: Option<(&'a Path, String)>,
    /// The webhook, and the notice.
    pub notice: Option<(&'a str, String)>,
    /// The exit code of the process.
    pub exit_code: u8,
}

impl LastWords<'_> {
    /// Starts the program anew. Returns only if that is not possible.
    pub(super) fn exec(&self, printer: Printer) -> io::Error {
        let words = json!({
            "metrics": self.metrics.as_ref().map(|(path, text)| json!([path.to_str(), text])),
            "notice": self.notice.as_ref().map(|(url, text)| json!([url, text])),
            "exit_code": self.exit_code,
        });
        let mut command = Command::new("/proc/self/exe");
        command.arg("last-words").args(printer.arguments()).env(VARIABLE, words.to_string());
        command.exec()
    }
}

/// Runs the hidden command that says them, and returns the exit code of the process that is gone.
///
/// # Errors
/// If nothing is to be said.
pub fn run_command(printer: Printer) -> Result<u8, EngineError> {
    let words = env::var(VARIABLE).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let words = words.ok_or_else(|| EngineError::Usage("there are no last words".into()))?;
    let pair = |name: &str| {
        let pair = words.get(name)?;
        Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?))
    };
    if let Some((path, text)) = pair("metrics")
        && let Err(error) = metrics::write(Path::new(path), text)
    {
        printer.warning("metrics", &error.to_string());
    }
    if let Some((url, notice)) = pair("notice") {
        let webhook = Webhook::new(url);
        webhook.post(notice.to_owned());
        if let Some(failed) = webhook.finish() {
            printer.warning("webhook", &format!("nobody was told: {failed}"));
        }
    }
    let code = words.get("exit_code").and_then(Value::as_u64).and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(1))
}
