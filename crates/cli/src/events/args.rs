//! The options.

use clap::Args;
use std::path::{Path, PathBuf};
use tidegate_engine::EngineError;

/// What is told of runs while they run.
#[derive(Clone, Debug, Args)]
pub struct EventArgs {
    /// Append what happens to this file, as lines of JSON; several processes may share it. `-` is the standard error.
    #[arg(long, env = "TIDEGATE_LOG", value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Write metrics of what runs into this file once a second, for the textfile collector of Prometheus' node exporter.
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// POST a JSON object to this URL when a task ends at its memory limit (exit code 3), and once when the peak passes a share
    /// of the limit.
    #[arg(long, env = "TIDEGATE_WEBHOOK", hide_env_values = true, value_name = "URL", value_parser = webhook)]
    pub webhook: Option<String>,
    /// The share of the limit that the log and the webhook tell of when the peak passes it.
    #[arg(long, env = "TIDEGATE_WEBHOOK_ABOVE", value_name = "SHARE", default_value = "80%", value_parser = share)]
    pub webhook_above: u8,
}

/// As for other files, `none` is none, also where the environment names one.
const NONE: &str = "none";

impl EventArgs {
    /// Returns the log that is wanted.
    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref().filter(|path| *path != Path::new(NONE))
    }

    /// Returns the file of metrics that is wanted.
    pub fn metrics(&self) -> Option<&Path> {
        self.metrics.as_deref().filter(|path| *path != Path::new(NONE))
    }

    /// Returns the webhook that is wanted.
    pub fn webhook(&self) -> Option<&str> {
        self.webhook.as_deref().filter(|url| *url != NONE)
    }

    /// Returns whether the log goes where a progress bar would be drawn.
    pub fn logs_to_stderr(&self) -> bool {
        self.log() == Some(Path::new("-"))
    }

    /// Checks that the log and the metrics are two files.
    ///
    /// # Errors
    /// [`EngineError::Usage`] if they are one.
    pub fn check(&self) -> Result<(), EngineError> {
        match (self.log(), self.metrics()) {
            (Some(log), Some(metrics)) if log == metrics => {
                Err(EngineError::Usage(format!("--log and --metrics are the same file, `{}`", log.display())))
            }
            _ => Ok(()),
        }
    }
}

/// Checks a URL, so that a slip of the pen is told before anything runs. What is wrong is told without the URL: it may hold a
/// secret.
fn webhook(text: &str) -> Result<String, String> {
    if text == NONE {
        return Ok(text.to_owned());
    }
    let uri = text.parse::<ureq::http::Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    if uri.is_some_and(|uri| uri.host().is_some_and(|host| !host.is_empty())) {
        return Ok(text.to_owned());
    }
    Err("a URL such as https://example.com/hook is needed".into())
}

fn share(text: &str) -> Result<u8, String> {
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    percent.filter(|percent| (1..=100).contains(percent)).ok_or_else(|| format!("`{text}` is no share from 1% to 100%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_told() {
        for good in ["http://127.0.0.1:80/", "https://user:word@example.com/a?b=c", "none"] {
            assert_eq!(webhook(good), Ok(good.to_owned()));
        }
        for bad in ["example.com/hook", "ftp://example.com/", "https://", "https:///x", "/hook", ""] {
            assert!(webhook(bad).is_err(), "{bad}");
        }
        assert_eq!((share("80%"), share(" 100 %")), (Ok(80), Ok(100)));
        for bad in ["80", "0%", "101%", "%", "-1%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
