//! Batches of numbers as one matrix, row by row: in memory, or in a file in NumPy's format that may be far larger.

use crate::{
    batches::Open,
    columns::{Column, short_name, type_named},
    faults::Fault,
};
use arrow_array::{
    Array, ArrowPrimitiveType, RecordBatch, RecordBatchReader,
    cast::AsArray,
    types::{
        Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use arrow_buffer::ToByteSlice;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType};
use std::{
    fs::Permissions,
    io::{self, BufWriter, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Bytes before the values of a file. The shape is written last, so its place is kept.
const HEADER: usize = 128;

/// Rows that are turned from columns at a time: as many as keep what is written in the nearest cache.
const TILE: usize = 32;

/// Returns the values and the shape.
pub(crate) fn in_memory(open: &mut Open, dtype: &str) -> Result<(Column, (usize, usize)), Fault> {
    let stored = stored(dtype)?;
    let mut values = Vec::new();
    let (rows, columns) = write(open, &stored, &mut values)?;
    values.shrink_to_fit();
    Ok((Column::plain(&stored, rows * columns, values), (rows, columns)))
}

/// Writes a file, which appears when it is whole, and returns the shape.
pub(crate) fn in_file(open: &mut Open, dtype: &str, path: &Path) -> Result<(usize, usize), Fault> {
    let failed = |error| Fault::System("write the matrix", error);
    let stored = stored(dtype)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The person's umask takes away from that what it takes from all files.
    let made = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder);
    let mut file = BufWriter::with_capacity(1 << 20, made.map_err(failed)?);
    file.write_all(&[0; HEADER]).map_err(failed)?;
    let shape = write(open, &stored, &mut file)?;
    file.rewind().map_err(failed)?;
    file.write_all(&header(&stored, shape)?).map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(shape)
}

fn stored(dtype: &str) -> Result<DataType, Fault> {
    type_named(dtype).ok_or_else(|| Fault::Usage(format!("dtype: a matrix cannot be of `{dtype}`")))
}

fn header(stored: &DataType, (rows, columns): (usize, usize)) -> Result<Vec<u8>, Fault> {
    let name = short_name(stored).unwrap_or("<f8");
    let mut text = format!("{{'descr': '{name}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    text.extend(std::iter::repeat_n(' ', (HEADER - 11).saturating_sub(text.len())));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| Fault::Usage("the matrix has too long a header".into()))?;
    Ok([b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat())
}

/// Writes the values of all batches, row by row.
fn write(open: &mut Open, stored: &DataType, to: &mut impl Write) -> Result<(usize, usize), Fault> {
    let columns = open.schema().fields().len();
    let mut rows = 0;
    for batch in open {
        let batch = converted(&batch?, stored)?;
        rows += batch.num_rows();
        let written = match stored {
            DataType::Boolean => write_bools(&batch, to),
            DataType::Int8 => write_rows::<Int8Type>(&batch, to),
            DataType::Int16 => write_rows::<Int16Type>(&batch, to),
            DataType::Int32 => write_rows::<Int32Type>(&batch, to),
            DataType::Int64 => write_rows::<Int64Type>(&batch, to),
            DataType::UInt8 => write_rows::<UInt8Type>(&batch, to),
            DataType::UInt16 => write_rows::<UInt16Type>(&batch, to),
            DataType::UInt32 => write_rows::<UInt32Type>(&batch, to),
            DataType::UInt64 => write_rows::<UInt64Type>(&batch, to),
            DataType::Float32 => write_floats::<Float32Type>(&batch, to, f32::NAN),
            _ => write_floats::<Float64Type>(&batch, to, f64::NAN),
        };
        written.map_err(|error| Fault::System("write the matrix", error))?;
    }
    Ok((rows, columns))
}

/// Returns the batch with all columns of one type. A number that the type cannot hold is an error, and so is a missing
/// one where the type has no word for it.
fn converted(batch: &RecordBatch, stored: &DataType) -> Result<RecordBatch, Fault> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut arrays = Vec::with_capacity(batch.num_columns());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if array.logical_null_count() > 0 && !stored.is_floating() {
            let name = field.name();
            return Err(Fault::Usage(format!(
                "column `{name}` has NULLs, for which only float32 and float64 have a value"
            )));
        }
        let named = |error: ArrowError| Fault::Usage(format!("column `{}` as {stored}: {error}", field.name()));
        arrays.push(cast_with_options(array, stored, &options).map_err(named)?);
        fields.push(field.as_ref().clone().with_data_type(stored.clone()).with_nullable(true));
    }
    let schema = arrow_schema::Schema::new(fields);
    let rows = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.into(), arrays, &rows)?)
}

fn write_rows<T: ArrowPrimitiveType>(batch: &RecordBatch, to: &mut impl Write) -> io::Result<()> {
    let columns: Vec<&[T::Native]> =
        batch.columns().iter().map(|array| &**array.as_primitive::<T>().values()).collect();
    write_tiles(&columns, batch.num_rows(), to)
}

fn write_floats<T: ArrowPrimitiveType>(batch: &RecordBatch, to: &mut impl Write, missing: T::Native) -> io::Result<()> {
    if batch.columns().iter().all(|array| array.null_count() == 0) {
        return write_rows::<T>(batch, to);
    }
    let column = |array: &arrow_array::ArrayRef| -> Vec<T::Native> {
        array.as_primitive::<T>().iter().map(|value| value.unwrap_or(missing)).collect()
    };
    let columns: Vec<_> = batch.columns().iter().map(column).collect();
    let columns: Vec<_> = columns.iter().map(Vec::as_slice).collect();
    write_tiles(&columns, batch.num_rows(), to)
}

fn write_bools(batch: &RecordBatch, to: &mut impl Write) -> io::Result<()> {
    let column =
        |array: &arrow_array::ArrayRef| -> Vec<u8> { array.as_boolean().values().iter().map(u8::from).collect() };
    let columns: Vec<_> = batch.columns().iter().map(column).collect();
    let columns: Vec<_> = columns.iter().map(Vec::as_slice).collect();
    write_tiles(&columns, batch.num_rows(), to)
}

fn write_tiles<N: Copy + Default>(columns: &[&[N]], rows: usize, to: &mut impl Write) -> io::Result<()>
where
    [N]: ToByteSlice,
{
    let width = columns.len();
    if width == 0 {
        return Ok(());
    }
    let mut tile = vec![N::default(); width * TILE];
    for first in (0..rows).step_by(TILE) {
        for (at, column) in columns.iter().enumerate() {
            let places = tile.iter_mut().skip(at).step_by(width);
            for (place, value) in places.zip(column.iter().skip(first)) {
                *place = *value;
            }
        }
        let taken = (rows - first).min(TILE) * width;
        to.write_all(tile.get(..taken).unwrap_or_default().to_byte_slice())?;
    }
    Ok(())
}
