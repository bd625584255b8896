//! A file of metrics that is replaced again and again, each time whole.

use crate::printer::Printer;
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tidegate_engine::{EngineError, sink::OutputFile};

/// Between two times that it is replaced.
const EVERY: Duration = Duration::from_secs(1);

/// A file of metrics.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    printer: Printer,
    /// When it is due next.
    due: Mutex<Instant>,
    is_told: AtomicBool,
}

impl MetricsFile {
    /// Begins a file with these metrics.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(path: &Path, printer: Printer, text: &str) -> Result<Self, EngineError> {
        write(path, text)?;
        let due = Mutex::new(Instant::now() + EVERY);
        Ok(Self { path: path.to_path_buf(), printer, due, is_told: AtomicBool::new(false) })
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces it, if a second has passed since the last time.
    pub fn tick(&self, text: impl FnOnce() -> String) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now < *due {
            return;
        }
        *due = now + EVERY;
        drop(due);
        self.replace(&text());
    }

    /// Replaces it. Where that fails, it is said once, and nothing ends of it.
    pub fn replace(&self, text: &str) {
        if let Err(error) = write(&self.path, text)
            && !self.is_told.swap(true, Relaxed)
        {
            self.printer.warning("metrics", &error.to_string());
        }
    }
}

/// The folder may be read while this is written, so that the file must be whole; but it need not outlive a power cut.
pub(super) fn write(path: &Path, text: &str) -> Result<(), EngineError> {
    let mut file = OutputFile::create(path)?;
    file.write_all(text.as_bytes()).map_err(|error| file.error(error))?;
    file.commit_unsynced()
}
