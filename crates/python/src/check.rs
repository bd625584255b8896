//! Static analysis of Python scripts: the findings as JSON, which the Python half makes objects of.

use pyo3::{PyResult, Python, exceptions::PyOSError, pyfunction};

/// Returns the findings of a script as a list in JSON.
#[pyfunction]
pub(crate) fn check_source(py: Python<'_>, name: &str, source: &str) -> PyResult<String> {
    let findings = py.detach(|| tidegate_check::check_source(name, source))?;
    serde_json::to_string(&findings).map_err(|error| PyOSError::new_err(error.to_string()))
}
