//! What ends a stream of batches, and the Python exceptions that it becomes.

use arrow_schema::ArrowError;
use pyo3::{
    Bound, IntoPyObject, PyErr, PyResult, Python, intern,
    types::{PyAnyMethods, PyDict, PyDictMethods, PyModule},
};
use serde_json::Value;
use std::{
    error::Error,
    fmt, io,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tidegate_worker::{
    WorkerError,
    protocol::{Failure, FailureKind, Progress},
};

/// What ended a stream of batches.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The query failed, or was cancelled.
    Failed(Box<Failure>),
    /// The worker could not be started, or is gone; with what it last said of itself.
    Worker(Box<WorkerError>, Option<Progress>),
    /// What came is no Arrow, or Arrow cannot do what is asked.
    Arrow(ArrowError),
    /// Python code raised this: a handler of a signal, a function of the person.
    Python(PyErr),
    /// A file or a pipe of this side.
    System(&'static str, io::Error),
    /// What was asked cannot be done.
    Usage(String),
}

/// Where a reader leaves the fault that it can only hint at in an [`ArrowError`]. The first counts.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Option<Fault>>);

impl Slot {
    pub(crate) fn put(&self, fault: Fault) {
        self.lock().get_or_insert(fault);
    }

    pub(crate) fn take(&self) -> Option<Fault> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a fault, where an exception cannot be carried.
#[derive(Debug)]
pub(crate) struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Said {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::Worker(error, Some(progress)) if matches!(**error, WorkerError::Lost(_)) => {
                write!(f, "{error}; it last showed the kernel {}", progress.resident)
            }
            Self::Worker(error, _) => write!(f, "{error}"),
            Self::Arrow(error) => write!(f, "{error}"),
            Self::Python(error) => write!(f, "{error}"),
            Self::System(action, error) => write!(f, "{action}: {error}"),
            Self::Usage(message) => f.write_str(message),
        }
    }
}

impl From<ArrowError> for Fault {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Fault {
    /// Returns the error for a library that reads batches over the C interface.
    pub(crate) fn said(&self) -> ArrowError {
        ArrowError::ExternalError(Box::new(self.text()))
    }

    /// Returns its text as an error that any thread may keep.
    pub(crate) fn text(&self) -> Said {
        Said(self.to_string())
    }

    /// Returns the exception.
    pub(crate) fn raised(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Python(error) => error,
            other => other.made(py).unwrap_or_else(|error| error),
        }
    }

    fn made(self, py: Python<'_>) -> PyResult<PyErr> {
        let message = self.to_string();
        let fields = PyDict::new(py);
        let class = match self {
            Self::Failed(failure) => {
                let class = class_of(failure.kind);
                set_failure(&fields, *failure)?;
                class
            }
            Self::Worker(error, progress) => {
                fields.set_item(intern!(py, "help"), error.help())?;
                let class = class_of_worker(&error);
                if class == "WorkerLost" {
                    fields.set_item(intern!(py, "pid"), pid(&error))?;
                    let progress = progress.map(|progress| crate::pool::progress_object(py, &progress)).transpose()?;
                    fields.set_item(intern!(py, "progress"), progress)?;
                }
                class
            }
            Self::Arrow(_) => "RunError",
            Self::System(..) => "InputError",
            Self::Usage(_) | Self::Python(_) => "UsageError",
        };
        exception(py, class, message, &fields)
    }
}

fn class_of(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Query => "QueryError",
        FailureKind::Usage => "UsageError",
        FailureKind::Input => "InputError",
        FailureKind::MemoryLimit => "MemoryLimitError",
        FailureKind::Disk => "DiskError",
        FailureKind::Rejects => "RejectsError",
        FailureKind::Cancelled => "CancelledError",
        _ => "RunError",
    }
}

fn class_of_worker(error: &WorkerError) -> &'static str {
    match error {
        WorkerError::Lost(loss) if loss.out_of_memory() => "MemoryLimitError",
        WorkerError::Lost(_) | WorkerError::Silent { .. } | WorkerError::Truncated => "WorkerLost",
        WorkerError::LimitAbove { .. } | WorkerError::TooLarge { .. } | WorkerError::Content { .. } => "UsageError",
        _ => "RunError",
    }
}

fn pid(error: &WorkerError) -> Option<u32> {
    match error {
        WorkerError::Lost(loss) => Some(loss.pid),
        WorkerError::Silent { pid, .. } => Some(*pid),
        _ => None,
    }
}

fn set_failure(fields: &Bound<'_, PyDict>, failure: Failure) -> PyResult<()> {
    let py = fields.py();
    fields.set_item(intern!(py, "help"), failure.help)?;
    let place = failure.place.map(|place| (place.line, place.column));
    let place = place.map(|place| errors(py)?.getattr(intern!(py, "Place"))?.call1(place)).transpose()?;
    fields.set_item(intern!(py, "place"), place)?;
    fields.set_item(intern!(py, "record"), failure.record.map(|record| json(py, &record)).transpose()?)
}

/// Returns an exception of `tidegate._errors`.
fn exception(py: Python<'_>, class: &str, message: String, fields: &Bound<'_, PyDict>) -> PyResult<PyErr> {
    let message = message.into_pyobject(py)?;
    Ok(PyErr::from_value(errors(py)?.getattr(class)?.call((message,), Some(fields))?))
}

/// Returns JSON as what `json.loads` makes of it.
pub(crate) fn json<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, pyo3::PyAny>> {
    py.import(intern!(py, "json"))?.getattr(intern!(py, "loads"))?.call1((value.to_string(),))
}

fn errors(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import(intern!(py, "tidegate._errors"))
}

/// Runs the handlers of signals that came, and returns what they raised. Nothing is looked after while the interpreter shuts down.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general enough over lifetimes")]
pub(crate) fn look_after_signals() -> PyResult<()> {
    Python::try_attach(|py| py.check_signals()).transpose().map(Option::unwrap_or_default)
}
