//! Where a sink's bytes go, and what their errors are called.

use super::{OutputFile, Verdict};
use crate::EngineError;
use datafusion::arrow::error::ArrowError;
use std::io::{self, Write};

/// Where a sink's bytes go.
pub enum Target {
    /// The standard output or another pipe.
    Stream(Box<dyn Write + Send>),
    /// A file that appears when it is whole.
    File(OutputFile),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

impl Target {
    /// Passes everything on; a file appears or not by the verdict. Nothing may be written after that.
    ///
    /// # Errors
    /// If it cannot be written to the end.
    pub fn close(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        match (std::mem::replace(self, Self::Stream(Box::new(io::sink()))), verdict) {
            (Self::Stream(mut stream), _) => stream.flush().map_err(stream_error),
            (Self::File(file), Verdict::Keep) => file.commit(),
            (Self::File(_), Verdict::Discard) => Ok(()),
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// With the path and, on a full disk, what was written so far.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.write_all(bytes).map_err(|error| self.error(error))
    }

    /// Turns an I/O error of writing here into ours.
    pub(super) fn error(&self, error: io::Error) -> EngineError {
        match self {
            Self::Stream(_) => stream_error(error),
            Self::File(file) => file.error(error),
        }
    }

    /// Turns an error of an Arrow writer on top of this into ours.
    pub(super) fn arrow_error(&self, error: ArrowError) -> EngineError {
        match error {
            ArrowError::IoError(_, error) => self.error(error),
            other => EngineError::Run(other.to_string()),
        }
    }
}

fn stream_error(error: io::Error) -> EngineError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => EngineError::BrokenPipe,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineError::DiskFull {
            path: "standard output".into(),
            needed: "the rows do not fit".into(),
            spilling: false,
        },
        _ => EngineError::file("write", "standard output", error),
    }
}

/// Turns an error of encoding into ours.
#[expect(clippy::needless_pass_by_value, reason = "used by `map_err`")]
pub(super) fn arrow_error(error: ArrowError) -> EngineError {
    EngineError::Run(error.to_string())
}
