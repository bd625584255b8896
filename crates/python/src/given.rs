//! Columns that come from Python as NumPy has them: of a pandas frame, where nothing is installed that says it in Arrow's
//! words.

use crate::{faults::Fault, table::Table};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, LargeStringArray, PrimitiveArray, RecordBatch,
    types::{
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
        UInt32Type, UInt64Type,
    },
};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use pyo3::{
    Bound, PyAny, PyResult, Python,
    pybacked::PyBackedStr,
    types::{PyAnyMethods, PyBytes, PyBytesMethods},
};
use std::{str::FromStr, sync::Arc};

/// A column: its name, its type, its values, and a byte for each that says whether it is missing. Values are bytes, or, of
/// texts, a list of them and `None`.
pub(crate) type Given<'py> = (String, String, Bound<'py, PyAny>, Option<Bound<'py, PyBytes>>);

/// Returns a table of columns, which are copied.
///
/// # Errors
/// `UsageError` if a type is not known, or if columns are not of one length.
pub(crate) fn table(py: Python<'_>, columns: Vec<Given<'_>>) -> PyResult<Table> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (name, kind, values, missing) in columns {
        let kind = DataType::from_str(&kind).map_err(|error| Fault::Arrow(error).raised(py))?;
        let array: ArrayRef = if kind == DataType::LargeUtf8 {
            let texts: Vec<Option<PyBackedStr>> = values.extract()?;
            Arc::new(texts.iter().map(Option::as_deref).collect::<LargeStringArray>())
        } else {
            let bytes = values.cast::<PyBytes>()?.as_bytes();
            let is_there = |missing: &u8| *missing == 0;
            let valid = missing.map(|missing| missing.as_bytes().iter().map(is_there).collect::<NullBuffer>());
            py.detach(|| plain(&kind, bytes, valid)).map_err(|fault| fault.raised(py))?
        };
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|error| Fault::Arrow(error).raised(py))?;
    Ok(Table::new(schema, vec![batch]))
}

fn plain(kind: &DataType, bytes: &[u8], valid: Option<NullBuffer>) -> Result<ArrayRef, Fault> {
    let array = match kind {
        DataType::Boolean => {
            let values = bytes.iter().map(|value| *value != 0).collect();
            Ok(Arc::new(BooleanArray::new(values, valid)) as ArrayRef)
        }
        DataType::Int8 => numbers::<Int8Type>(bytes, valid),
        DataType::Int16 => numbers::<Int16Type>(bytes, valid),
        DataType::Int32 => numbers::<Int32Type>(bytes, valid),
        DataType::Int64 => numbers::<Int64Type>(bytes, valid),
        DataType::UInt8 => numbers::<UInt8Type>(bytes, valid),
        DataType::UInt16 => numbers::<UInt16Type>(bytes, valid),
        DataType::UInt32 => numbers::<UInt32Type>(bytes, valid),
        DataType::UInt64 => numbers::<UInt64Type>(bytes, valid),
        DataType::Float16 => numbers::<Float16Type>(bytes, valid),
        DataType::Float32 => numbers::<Float32Type>(bytes, valid),
        DataType::Float64 => numbers::<Float64Type>(bytes, valid),
        DataType::Timestamp(..) | DataType::Duration(_) => {
            numbers::<Int64Type>(bytes, valid).and_then(|counted| cast(&counted, kind))
        }
        other => return Err(Fault::Usage(format!("a column of NumPy cannot be of {other}"))),
    };
    Ok(array?)
}

fn numbers<T: ArrowPrimitiveType>(bytes: &[u8], valid: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let values = ScalarBuffer::<T::Native>::from(Buffer::from_slice_ref(bytes));
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values, valid)?))
}
