//! The Arrow C stream interface: batches to and from other libraries, without a copy.
//!
//! The only module of this crate with `unsafe` code: what another library put into a capsule is taken at its word.

use crate::faults::Fault;
use arrow_array::{
    RecordBatchReader,
    ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream},
};
use arrow_schema::{Schema, ffi::FFI_ArrowSchema};
use pyo3::{
    Bound, PyResult, Python,
    types::{PyCapsule, PyCapsuleMethods},
};
use std::ffi::CStr;

const NAME: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";

/// Returns batches as a capsule that any Arrow library takes.
pub(crate) fn export(py: Python<'_>, reader: Box<dyn RecordBatchReader + Send>) -> PyResult<Bound<'_, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), NAME)
}

/// Takes the batches out of a capsule of another library.
///
/// # Errors
/// [`Fault::Python`] if the capsule holds something else, [`Fault::Arrow`] if it was taken before.
#[expect(unsafe_code, reason = "the C interface is pointers")]
pub(crate) fn import(capsule: &Bound<'_, PyCapsule>) -> Result<Box<dyn RecordBatchReader + Send>, Fault> {
    let stream = capsule.pointer_checked(Some(NAME))?;
    // SAFETY: a capsule of this name holds an `ArrowArrayStream`, by the interface's rules; it is moved out, and what
    // is left in the capsule is marked as released.
    let reader = unsafe { ArrowArrayStreamReader::from_raw(stream.as_ptr().cast()) }?;
    Ok(Box::new(reader))
}

/// Reads the columns that a capsule of another library describes.
///
/// # Errors
/// [`Fault::Python`] if the capsule holds something else, [`Fault::Arrow`] if it describes no columns.
#[expect(unsafe_code, reason = "the C interface is pointers")]
pub(crate) fn import_schema(capsule: &Bound<'_, PyCapsule>) -> Result<Schema, Fault> {
    let schema = capsule.pointer_checked(Some(SCHEMA))?;
    // SAFETY: a capsule of this name holds an `ArrowSchema`, by the interface's rules, which lives as long as the
    // capsule.
    let schema: &FFI_ArrowSchema = unsafe { schema.cast().as_ref() };
    Ok(Schema::try_from(schema)?)
}
