//! Rows in this process: what `collect` returns, and each batch of a result.

use crate::{
    batches::Batches,
    cells::Cells,
    exchange,
    faults::Fault,
    given::{self, Given},
};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::{
    Bound, IntoPyObject, PyAny, PyResult, Python, pyclass, pymethods,
    types::{PyBytes, PyCapsule, PyList, PyTuple},
};
use std::{str::FromStr, sync::Arc};

/// Rows in this process.
#[pyclass(frozen, module = "tidegate._native")]
pub(crate) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

#[pymethods]
impl Table {
    /// The columns: name, type, and whether there may be nulls.
    fn schema_fields<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        fields(py, &self.schema)
    }

    /// How many rows there are.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The bytes that the rows take. All columns of a batch can be parts of one allocation, which must not count for each.
    #[getter]
    fn nbytes(&self) -> usize {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        columns.filter_map(|column| column.to_data().get_slice_memory_size().ok()).sum()
    }

    /// Returns rows as tuples, from the first of these numbers to before the second.
    fn rows<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let cells = Cells::new(py)?;
        let mut rows = Vec::new();
        for batch in self.between(start, stop) {
            let columns: PyResult<Vec<_>> = batch.columns().iter().map(|column| cells.of(column)).collect();
            let mut columns: Vec<_> = columns?.into_iter().map(Vec::into_iter).collect();
            for _ in 0..batch.num_rows() {
                rows.push(PyTuple::new(py, columns.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>())?);
            }
        }
        Ok(rows)
    }

    /// Returns the values of a column.
    fn column<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyList>> {
        let cells = Cells::new(py)?;
        let mut values: Vec<Bound<'py, PyAny>> = Vec::with_capacity(self.num_rows());
        for column in self.batches.iter().filter_map(|batch| batch.columns().get(index)) {
            values.extend(cells.of(column)?);
        }
        PyList::new(py, values)
    }

    /// Returns some of the rows, without a copy.
    fn slice(&self, start: usize, stop: usize) -> Self {
        Self { schema: self.schema.clone(), batches: self.between(start, stop) }
    }

    /// Returns a table without rows that has these columns: names and types, as `schema_fields` writes types.
    #[staticmethod]
    fn of_fields(py: Python<'_>, columns: Vec<(String, String)>) -> PyResult<Self> {
        let field = |(name, kind): (String, String)| {
            let kind = DataType::from_str(&kind).map_err(|error| Fault::Usage(error.to_string()).raised(py))?;
            Ok(Field::new(name, kind, true))
        };
        let fields: PyResult<Vec<_>> = columns.into_iter().map(field).collect();
        Ok(Self::new(Arc::new(Schema::new(fields?)), Vec::new()))
    }

    /// Returns a table without rows that has the columns of an `arrow_schema`.
    #[staticmethod]
    fn of_schema(py: Python<'_>, capsule: &Bound<'_, PyCapsule>) -> PyResult<Self> {
        let schema = exchange::import_schema(capsule).map_err(|fault| fault.raised(py))?;
        Ok(Self::new(Arc::new(schema), Vec::new()))
    }

    /// Returns a table of columns that lie as NumPy has them: names, types, values, and which of them are missing.
    #[staticmethod]
    fn of_columns(py: Python<'_>, columns: Vec<Given<'_>>) -> PyResult<Self> {
        given::table(py, columns)
    }

    /// Returns the table that an Arrow IPC stream holds.
    #[staticmethod]
    fn of_ipc(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        let read = || -> Result<Self, Fault> {
            let reader = StreamReader::try_new(bytes, None)?;
            let schema = reader.schema();
            Ok(Self::new(schema, reader.collect::<Result<_, _>>()?))
        };
        read().map_err(|fault| fault.raised(py))
    }

    /// Returns the rows as an Arrow IPC stream.
    fn to_ipc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let written = py.detach(|| -> Result<Vec<u8>, ArrowError> {
            let mut writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
            self.batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.into_inner()
        });
        written.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| Fault::Arrow(error).raised(py))
    }

    /// Returns the rows with the columns of another table, by their names; each value as that column's type.
    fn conform(&self, py: Python<'_>, like: &Self) -> PyResult<Self> {
        if self.schema == like.schema {
            return Ok(Self { schema: self.schema.clone(), batches: self.batches.clone() });
        }
        py.detach(|| self.conformed(&like.schema)).map_err(|fault| fault.raised(py))
    }

    /// Returns the rows as batches to read.
    fn to_batches(&self) -> Batches {
        Batches::of_table(self.schema.clone(), self.batches.clone())
    }
}

impl Table {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    fn conformed(&self, schema: &SchemaRef) -> Result<Self, Fault> {
        let extra = self.schema.fields().iter().find(|field| schema.index_of(field.name()).is_err());
        if let Some(field) = extra {
            return Err(Fault::Usage(format!("column `{}` is not in the schema", field.name())));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let conform = |batch: &RecordBatch| -> Result<RecordBatch, Fault> {
            let mut columns = Vec::with_capacity(schema.fields().len());
            for field in schema.fields() {
                let Some(column) = batch.column_by_name(field.name()) else {
                    return Err(Fault::Usage(format!("column `{}` of the schema is missing", field.name())));
                };
                let cast = cast_with_options(column, field.data_type(), &options);
                let named = |error: ArrowError| {
                    Fault::Usage(format!("column `{}` as {}: {error}", field.name(), field.data_type()))
                };
                columns.push(cast.map_err(named)?);
            }
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &rows)?)
        };
        let batches: Result<_, _> = self.batches.iter().map(conform).collect();
        Ok(Self::new(schema.clone(), batches?))
    }

    fn between(&self, start: usize, stop: usize) -> Vec<RecordBatch> {
        let mut before = 0;
        let mut found = Vec::new();
        for batch in &self.batches {
            let rows = batch.num_rows();
            let from = start.saturating_sub(before).min(rows);
            let to = stop.saturating_sub(before).min(rows);
            if from < to {
                found.push(batch.slice(from, to - from));
            }
            before += rows;
        }
        found
    }
}

/// Returns columns: name, type, and whether there may be nulls.
pub(crate) fn fields<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    let field = |field: &arrow_schema::FieldRef| {
        (field.name().as_str(), field.data_type().to_string(), field.is_nullable()).into_pyobject(py)
    };
    schema.fields().iter().map(field).collect()
}
