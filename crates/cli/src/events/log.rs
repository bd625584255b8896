//! The log: lines of JSON, appended to a file that several processes may share.
//!
//! *Concurrency.* The file is opened to append, and each line is one write, so that lines of several processes and threads do
//! not mix. A lock keeps the threads of this one apart; nothing is allocated while it is held.

use super::now_ms;
use crate::printer::Printer;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tidegate_engine::EngineError;
use tidegate_report::log::{Happened, Line, Numbers};

/// A log that is open. A clone is the same log.
#[derive(Clone, Debug)]
pub struct EventLog {
    shared: Arc<Shared>,
    run: Arc<str>,
}

#[derive(Debug)]
struct Shared {
    /// `None` is the standard error.
    file: Option<File>,
    printer: Printer,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a line was written in part, as when the disk is full.
    is_torn: bool,
    /// Whether a failure was told.
    is_told: bool,
}

impl EventLog {
    /// Opens a log for the events of `run`.
    ///
    /// # Errors
    /// If the file cannot be opened. A pipe must have a reader, so that nobody waits for one.
    pub fn open(path: &Path, run: &str, printer: Printer) -> Result<Self, EngineError> {
        let file = if path == Path::new("-") {
            None
        } else {
            let mut options = OpenOptions::new();
            options.append(true).create(true).custom_flags(libc::O_NONBLOCK);
            Some(options.open(path).map_err(|error| EngineError::file("open the log", path, error))?)
        };
        Ok(Self { shared: Arc::new(Shared { file, printer, state: Mutex::default() }), run: run.into() })
    }

    /// Appends what happened. Where that fails, it is said once, and nothing ends of it.
    pub fn write(&self, unit: Option<&str>, happened: Happened, numbers: Numbers) {
        let line = Line { time_ms: now_ms(), run: &self.run, unit, happened, numbers }.to_json();
        self.shared.append(&line);
    }
}

impl Shared {
    fn append(&self, line: &str) {
        let mended = format!("\n{line}");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = if state.is_torn { mended.as_bytes() } else { line.as_bytes() };
        let written = match &self.file {
            Some(file) => write_once(file, bytes),
            None => write_once(io::stderr().lock(), bytes),
        };
        let error = match written {
            Ok(count) if count == bytes.len() => {
                state.is_torn = false;
                return;
            }
            Ok(count) => {
                state.is_torn |= count > 0;
                io::Error::from(io::ErrorKind::WriteZero)
            }
            Err(error) => error,
        };
        let is_told = std::mem::replace(&mut state.is_told, true);
        drop(state);
        if !is_told {
            self.printer.warning("log", &format!("events are missing from it, which could not be written: {error}"));
        }
    }
}

fn write_once(mut to: impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match to.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Color, OutputArgs};
    use std::{fs, thread};

    fn quiet() -> Printer {
        Printer::new(OutputArgs { quiet: true, no_progress: true, color: Color::Never })
    }

    #[test]
    fn lines_of_several_writers_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.ndjson");
        fs::write(&path, "what was there\n").unwrap();
        thread::scope(|scope| {
            for writer in 0..8 {
                // Each with a file of its own, as processes have.
                let log = EventLog::open(&path, &writer.to_string(), quiet()).unwrap();
                scope.spawn(move || {
                    for count in 0..200 {
                        log.write(None, Happened::Purge { count }, Numbers::default());
                    }
                });
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(first, "what was there");
        assert_eq!(rest.lines().count(), 8 * 200);
        for line in rest.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["event"], "purge");
        }
    }

    #[test]
    fn a_log_that_cannot_be_opened_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none/log"), folder.path().to_path_buf()] {
            let error = EventLog::open(&path, "1", quiet()).unwrap_err().to_string();
            assert!(error.starts_with("open the log `"), "{error}");
        }
    }

    #[test]
    fn a_full_disk_ends_nothing() {
        let log = EventLog::open(Path::new("/dev/full"), "1", quiet()).unwrap();
        for _ in 0..3 {
            log.write(None, Happened::Pause { count: 1 }, Numbers::default());
        }
        let state = log.shared.state.lock().unwrap();
        assert!(state.is_told && !state.is_torn);
    }
}
