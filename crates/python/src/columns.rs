//! Columns for NumPy and pandas: each grows batch by batch in a place of its own, so that rows are in memory once.
//!
//! *Model.* A batch of a result is one allocation that holds all of its columns; if whole batches were kept until the
//! last one is there, a frame made of them would need twice its size. Here the values of each batch are appended to
//! long vectors and the batch is dropped. A long vector grows by moving pages, not bytes, and what of it was not
//! touched takes no memory.

use crate::{batches::Open, faults::Fault, table::Table};
use arrow_array::{Array, ArrayRef, LargeStringArray, RecordBatch, RecordBatchReader, cast::AsArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use arrow_select::concat::concat;
use pyo3::{
    Bound, IntoPyObject, PyResult, Python, pyclass, pymethods,
    types::{PyDict, PyDictMethods},
};
use std::{mem, sync::Arc};

/// A finished column.
#[pyclass(frozen, module = "tidegate._native")]
pub(crate) struct Column {
    kind: Kind,
    rows: usize,
    values: Buffer,
    /// Which values there are; of texts, too.
    valid: Option<NullBuffer>,
    /// Of texts.
    offsets: Option<Buffer>,
    /// Of what is neither numbers nor text: the batches, as they came.
    kept: Vec<ArrayRef>,
    field: Arc<Field>,
}

/// How the values of a column lie in memory.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// As NumPy has them: its name for the type, and how it is counted.
    Plain(&'static str, DataType),
    /// One byte for each.
    Bool,
    /// UTF-8 behind each other.
    Text,
    Kept,
}

#[pymethods]
impl Column {
    #[getter]
    fn name(&self) -> &str {
        self.field.name()
    }

    /// `plain`, `bool`, `text` or `kept`.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Plain(..) => "plain",
            Kind::Bool => "bool",
            Kind::Text => "text",
            Kind::Kept => "kept",
        }
    }

    /// The time zone of times, if they have one.
    #[getter]
    fn zone(&self) -> Option<&str> {
        match self.field.data_type() {
            DataType::Timestamp(_, zone) => zone.as_deref(),
            _ => None,
        }
    }

    /// How many values are missing.
    #[getter]
    fn null_count(&self) -> usize {
        self.valid.as_ref().map_or(0, NullBuffer::null_count)
    }

    /// What NumPy makes an array of, without a copy. The array keeps this object.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let name = match &self.kind {
            Kind::Plain(name, _) => *name,
            Kind::Bool => "|b1",
            Kind::Text | Kind::Kept => return Err(pyo3::exceptions::PyAttributeError::new_err("__array_interface__")),
        };
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (self.rows,))?;
        interface.set_item("typestr", name)?;
        let address = self.values.as_ptr().addr();
        interface.set_item("data", (address, false).into_pyobject(py)?)?;
        Ok(interface)
    }

    /// Returns which values are missing, as one byte for each; nothing if none are.
    fn missing(&self) -> Option<Self> {
        let valid = self.valid.as_ref().filter(|valid| valid.null_count() > 0)?;
        let bytes: Vec<u8> = valid.iter().map(|valid| u8::from(!valid)).collect();
        let field = Arc::new(Field::new("missing", DataType::Boolean, false));
        Some(Self {
            kind: Kind::Bool,
            rows: self.rows,
            values: bytes.into(),
            valid: None,
            offsets: None,
            kept: Vec::new(),
            field,
        })
    }

    /// Returns the column as a table of its own: texts in one piece, others as they came.
    fn table(&self, py: Python<'_>) -> PyResult<Table> {
        self.made_table().map_err(|fault| fault.raised(py))
    }
}

impl Column {
    /// Returns values that lie as NumPy has them.
    pub(crate) fn plain(stored: &DataType, rows: usize, values: Vec<u8>) -> Self {
        let field = Arc::new(Field::new("values", stored.clone(), false));
        let kind = kind(stored);
        Self { kind, rows, values: Buffer::from_vec(values), valid: None, offsets: None, kept: Vec::new(), field }
    }

    fn made_table(&self) -> Result<Table, Fault> {
        let (field, arrays) = match self.kind {
            Kind::Text => {
                let offsets = ScalarBuffer::from(self.offsets.clone().unwrap_or_default());
                let texts =
                    LargeStringArray::try_new(OffsetBuffer::new(offsets), self.values.clone(), self.valid.clone())?;
                (Field::new(self.name(), DataType::LargeUtf8, true), vec![Arc::new(texts) as ArrayRef])
            }
            _ => (self.field.as_ref().clone(), self.kept.clone()),
        };
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = |array| RecordBatch::try_new(Arc::clone(&schema), vec![array]);
        let batches = arrays.into_iter().map(batch).collect::<Result<Vec<_>, _>>()?;
        Ok(Table::new(schema, batches))
    }
}

/// A column that grows.
struct Growing {
    kind: Kind,
    field: Arc<Field>,
    rows: usize,
    values: Vec<u8>,
    offsets: Vec<i64>,
    valid: Option<BooleanBufferBuilder>,
    kept: Vec<ArrayRef>,
}

impl Growing {
    fn new(field: &Arc<Field>, texts: bool) -> Self {
        let kind = match kind(field.data_type()) {
            Kind::Text if !texts => Kind::Kept,
            kind => kind,
        };
        let offsets = if kind == Kind::Text { vec![0] } else { Vec::new() };
        let (rows, values, valid, kept) = Default::default();
        Self { kind, field: Arc::clone(field), rows, values, offsets, valid, kept }
    }

    fn append(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        if self.kind != Kind::Kept {
            self.append_valid(array);
        }
        self.rows += array.len();
        match &self.kind {
            Kind::Plain(_, stored) => {
                let array = if array.data_type() == stored { Arc::clone(array) } else { cast(array, stored)? };
                let data = array.to_data();
                let width = stored.primitive_width().unwrap_or(1);
                let (from, to) = (data.offset() * width, (data.offset() + data.len()) * width);
                let bytes = data.buffers().first().and_then(|buffer| buffer.get(from..to));
                self.values.extend_from_slice(bytes.unwrap_or_default());
            }
            Kind::Bool => self.values.extend(array.as_boolean().values().iter().map(u8::from)),
            Kind::Text => self.append_text(array)?,
            Kind::Kept => self.kept.push(alone(array)?),
        }
        Ok(())
    }

    fn append_valid(&mut self, array: &ArrayRef) {
        match (array.logical_nulls(), &mut self.valid) {
            (None, None) => {}
            (None, Some(valid)) => valid.append_n(array.len(), true),
            (Some(nulls), valid) => {
                let rows = self.rows;
                let valid = valid.get_or_insert_with(|| {
                    let mut before = BooleanBufferBuilder::new(rows + nulls.len());
                    before.append_n(rows, true);
                    before
                });
                valid.append_buffer(nulls.inner());
            }
        }
    }

    fn append_text(&mut self, array: &ArrayRef) -> Result<(), ArrowError> {
        let array =
            if matches!(array.data_type(), DataType::Utf8) { Arc::clone(array) } else { cast(array, &DataType::Utf8)? };
        let texts = array.as_string::<i32>();
        let (Some(first), Some(last)) = (texts.value_offsets().first(), texts.value_offsets().last()) else {
            return Ok(());
        };
        let begins =
            i64::try_from(self.values.len()).map_err(|_| ArrowError::ComputeError("texts are too long".into()))?;
        let begins = begins - i64::from(*first);
        self.offsets.extend(texts.value_offsets().iter().skip(1).map(|offset| begins + i64::from(*offset)));
        let (first, last) = (usize::try_from(*first).unwrap_or_default(), usize::try_from(*last).unwrap_or_default());
        self.values.extend_from_slice(texts.value_data().get(first..last).unwrap_or_default());
        Ok(())
    }

    fn finish(mut self) -> Column {
        self.values.shrink_to_fit();
        self.offsets.shrink_to_fit();
        let valid = self.valid.map(|mut valid| NullBuffer::new(valid.finish()));
        let offsets = (self.kind == Kind::Text).then(|| Buffer::from_vec(mem::take(&mut self.offsets)));
        let values = Buffer::from_vec(self.values);
        Column { kind: self.kind, rows: self.rows, values, valid, offsets, kept: self.kept, field: self.field }
    }
}

/// Reads all batches into columns. Without `texts`, those are kept as they came.
pub(crate) fn columns(open: &mut Open, texts: bool) -> Result<Vec<Column>, Fault> {
    let mut growing: Vec<_> = open.schema().fields().iter().map(|field| Growing::new(field, texts)).collect();
    for batch in open {
        for (column, array) in growing.iter_mut().zip(batch?.columns()) {
            column.append(array)?;
        }
    }
    Ok(growing.into_iter().map(Growing::finish).collect())
}

/// Returns the type that NumPy has this name for.
pub(crate) fn type_named(name: &str) -> Option<DataType> {
    Some(match name {
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        _ => return None,
    })
}

/// Returns NumPy's short name for a type of numbers.
pub(crate) fn short_name(of: &DataType) -> Option<&'static str> {
    match kind(of) {
        Kind::Plain(name, _) => Some(name),
        Kind::Bool => Some("|b1"),
        Kind::Text | Kind::Kept => None,
    }
}

fn kind(of: &DataType) -> Kind {
    let plain = |name| Kind::Plain(name, of.clone());
    match of {
        DataType::Boolean => Kind::Bool,
        DataType::Int8 => plain("|i1"),
        DataType::Int16 => plain("<i2"),
        DataType::Int32 => plain("<i4"),
        DataType::Int64 => plain("<i8"),
        DataType::UInt8 => plain("|u1"),
        DataType::UInt16 => plain("<u2"),
        DataType::UInt32 => plain("<u4"),
        DataType::UInt64 => plain("<u8"),
        DataType::Float16 => plain("<f2"),
        DataType::Float32 => plain("<f4"),
        DataType::Float64 => plain("<f8"),
        DataType::Timestamp(TimeUnit::Second, _) => plain("<M8[s]"),
        DataType::Timestamp(TimeUnit::Millisecond, _) => plain("<M8[ms]"),
        DataType::Timestamp(TimeUnit::Microsecond, _) => plain("<M8[us]"),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => plain("<M8[ns]"),
        DataType::Duration(TimeUnit::Second) => plain("<m8[s]"),
        DataType::Duration(TimeUnit::Millisecond) => plain("<m8[ms]"),
        DataType::Duration(TimeUnit::Microsecond) => plain("<m8[us]"),
        DataType::Duration(TimeUnit::Nanosecond) => plain("<m8[ns]"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Dictionary(_, value) if kind(value) == Kind::Text => Kind::Text,
        _ => Kind::Kept,
    }
}

/// Copies an array out of the batch that it is a part of, which can go then.
fn alone(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    // One array alone would be returned as it is.
    concat(&[array, &array.slice(0, 0)])
}
