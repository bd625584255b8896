//! From some rows of a message to arrays, of which every value is checked.

use super::{
    batch::Batch,
    error::{IpcError, damaged, refused_by_arrow},
    layout::{Bytes, Part},
    memory::{Asking, Granted},
    schema::{Column, Layout, Offsets},
};
use datafusion::arrow::{
    array::{
        Array, ArrayData, ArrayRef, AsArray, BinaryArray, BooleanArray, NullArray, StringArray, make_array,
        new_empty_array,
    },
    buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    compute::{CastOptions, TakeOptions, cast_with_options, take},
    datatypes::{DataType, UInt64Type},
    error::ArrowError,
};
use std::{ops::Range, sync::Arc};

/// Rows, and which of their values are null.
pub(super) struct Values {
    pub rows: Range<usize>,
    pub nulls: Option<NullBuffer>,
}

/// Reads some rows of a message.
pub(crate) struct Decoder<'a> {
    pub(super) batch: &'a Batch,
    /// The bytes that the rows may still take.
    left: u64,
    /// The bytes that were read.
    read: u64,
    /// Who is asked for more, for a row that cannot be cut.
    asking: Option<&'a Asking>,
    /// What was granted, as long as the row is read.
    granted: Vec<Granted>,
}

impl<'a> Decoder<'a> {
    /// Returns the columns of some rows, and how many bytes of the file were read for them. More rows than one must not take
    /// more than `most` bytes; for a single one, memory is asked for.
    ///
    /// # Errors
    /// [`IpcError::TooMuch`] if they would; else if they are damaged or memory is refused.
    pub fn columns(
        batch: &'a Batch,
        rows: &Range<usize>,
        most: usize,
        asking: &'a Asking,
    ) -> Result<(Vec<ArrayRef>, u64), IpcError> {
        let asking = Some(asking).filter(|_| rows.len() < 2);
        Self { batch, left: most as u64, read: 0, asking, granted: Vec::new() }.all(rows)
    }

    /// Returns one for rows that may take whatever they take.
    pub(super) fn unbounded(batch: &'a Batch) -> Self {
        Self { batch, left: u64::MAX, read: 0, asking: None, granted: Vec::new() }
    }

    fn all(mut self, rows: &Range<usize>) -> Result<(Vec<ArrayRef>, u64), IpcError> {
        let batch = self.batch;
        let mut columns = Vec::with_capacity(batch.parts.len());
        for (place, part) in &batch.parts {
            let column = batch.schema.columns.get(*place);
            let column = column.ok_or_else(|| self.wrong("a column that the schema has not"))?;
            columns.push(self.array(column, part, rows.clone())?);
        }
        Ok((columns, self.read))
    }

    /// Returns some values of a column.
    pub(super) fn array(&mut self, column: &Column, part: &Part, rows: Range<usize>) -> Result<ArrayRef, IpcError> {
        if rows.start > rows.end || rows.end > part.length {
            return Err(self.wrong("a column that is shorter than it should be"));
        }
        if rows.is_empty() {
            return Ok(new_empty_array(&column.data_type));
        }
        if matches!(column.layout, Layout::Nothing) {
            return Ok(Arc::new(NullArray::new(rows.len())));
        }
        let nulls = self.nulls(part, &rows)?;
        let values = Values { rows, nulls };
        match &column.layout {
            Layout::Nothing => Ok(Arc::new(NullArray::new(values.rows.len()))),
            Layout::Bits => {
                let bits = self.bits(buffer(self, part, 1)?, &values.rows)?;
                Ok(Arc::new(BooleanArray::new(bits, values.nulls)))
            }
            Layout::Fixed(width) => self.fixed(&column.data_type, *width, part, values),
            Layout::Bytes(offsets) => {
                let texts = buffer(self, part, 2)?;
                let (place, offsets) = self.offsets(*offsets, part, &values.rows, texts.length())?;
                let texts = self.bytes(texts, place)?;
                self.texts(&column.data_type, offsets, texts, values.nulls)
            }
            Layout::Views => self.views(&column.data_type, part, values),
            Layout::List(offsets, item) => self.list(column, (*offsets, &**item), part, values),
            Layout::FixedList(size, item) => self.fixed_list(column, (*size, &**item), part, values),
            Layout::Struct(parts) => self.structs(column, parts, part, values),
            Layout::Dictionary { id, places, width } => {
                let places = self.fixed(places, *width, part, values)?;
                self.of_dictionary(column, *id, &places)
            }
            Layout::Foreign(..) => Err(self.wrong("values that are stored in a way that is not read")),
        }
    }

    pub(super) fn wrong(&self, what: &str) -> IpcError {
        damaged(self.batch.offset, what)
    }

    pub(super) fn refused(&self, error: &ArrowError) -> IpcError {
        refused_by_arrow(self.batch.offset, error)
    }

    /// Reads a part of a buffer.
    pub(super) fn bytes(&mut self, bytes: &Bytes, range: Range<u64>) -> Result<Buffer, IpcError> {
        self.spend(range.end.saturating_sub(range.start))?;
        self.passing(bytes, range)
    }

    /// Reads a part of a buffer that the rows do not keep.
    pub(super) fn passing(&mut self, bytes: &Bytes, range: Range<u64>) -> Result<Buffer, IpcError> {
        let length = range.end.saturating_sub(range.start);
        let buffer = self.batch.read(bytes, range)?;
        if matches!(bytes, Bytes::Placed(_)) {
            self.read += length;
        }
        Ok(buffer)
    }

    /// Takes note of memory that the rows take.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), IpcError> {
        match (self.left.checked_sub(bytes), self.asking) {
            (Some(left), _) => self.left = left,
            (None, Some(asking)) => self.granted.push(asking.ask(bytes)?),
            (None, None) => return Err(IpcError::TooMuch),
        }
        Ok(())
    }

    /// Returns which values are null. What is said of their number is not relied on: bits that are there count.
    fn nulls(&mut self, part: &Part, rows: &Range<usize>) -> Result<Option<NullBuffer>, IpcError> {
        let Some(bytes) = part.buffers.first() else { return Ok(None) };
        if bytes.length() == 0 {
            let missing = part.has_nulls.then(|| self.wrong("nulls, and nothing that says which values they are"));
            return missing.map_or(Ok(None), Err);
        }
        let nulls = NullBuffer::new(self.bits(bytes, rows)?);
        Ok((nulls.null_count() > 0).then_some(nulls))
    }

    fn bits(&mut self, bytes: &Bytes, rows: &Range<usize>) -> Result<BooleanBuffer, IpcError> {
        let range = (rows.start / 8) as u64..rows.end.div_ceil(8) as u64;
        Ok(BooleanBuffer::new(self.bytes(bytes, range)?, rows.start % 8, rows.len()))
    }

    fn fixed(
        &mut self,
        data_type: &DataType,
        width: usize,
        part: &Part,
        Values { rows, nulls }: Values,
    ) -> Result<ArrayRef, IpcError> {
        let buffer = self.bytes(buffer(self, part, 1)?, times(&rows, width))?;
        let data = ArrayData::builder(data_type.clone()).len(rows.len()).add_buffer(buffer).nulls(nulls);
        data.align_buffers(true).build().map(make_array).map_err(|error| self.refused(&error))
    }

    /// Returns where the values of some rows are, and where each of them ends from there on.
    pub(super) fn offsets(
        &mut self,
        width: Offsets,
        part: &Part,
        rows: &Range<usize>,
        most: u64,
    ) -> Result<(Range<u64>, OffsetBuffer<i32>), IpcError> {
        let bytes = match width {
            Offsets::Narrow => size_of::<i32>(),
            Offsets::Wide => size_of::<i64>(),
        };
        let range = times(&(rows.start..rows.end.saturating_add(1)), bytes);
        let buffer = self.bytes(buffer(self, part, 1)?, range)?;
        let narrow = |bytes: &[u8]| bytes.first_chunk().map_or(-1, |bytes| i64::from(i32::from_le_bytes(*bytes)));
        let wide = |bytes: &[u8]| bytes.first_chunk().map_or(-1, |bytes| i64::from_le_bytes(*bytes));
        let each = buffer.as_slice().chunks_exact(bytes);
        let each: Vec<i64> = match width {
            Offsets::Narrow => each.map(narrow).collect(),
            Offsets::Wide => each.map(wide).collect(),
        };
        let (Some(first), Some(last)) = (each.first().copied(), each.last().copied()) else {
            return Err(self.wrong("values without their ends"));
        };
        let place = u64::try_from(first).ok().zip(u64::try_from(last).ok().filter(|last| *last <= most));
        let Some((start, end)) = place.filter(|_| each.is_sorted()) else {
            return Err(self.wrong("values that end where there are none"));
        };
        if last - first > i64::from(i32::MAX) {
            let one = || self.wrong("a value of more than 2 GiB, which is the most that is taken");
            return Err(if rows.len() > 1 { IpcError::TooMuch } else { one() });
        }
        // What was checked just now fits.
        let relative = each.iter().map(|offset| i32::try_from(offset - first).unwrap_or(i32::MAX));
        Ok((start..end, OffsetBuffer::new(relative.collect::<ScalarBuffer<_>>())))
    }

    /// Returns texts, which must be UTF-8, or binary values.
    pub(super) fn texts(
        &self,
        data_type: &DataType,
        offsets: OffsetBuffer<i32>,
        values: Buffer,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, IpcError> {
        let texts = match data_type {
            DataType::Utf8 => StringArray::try_new(offsets, values, nulls).map(|texts| Arc::new(texts) as ArrayRef),
            _ => BinaryArray::try_new(offsets, values, nulls).map(|values| Arc::new(values) as ArrayRef),
        };
        texts.map_err(|error| self.refused(&error))
    }

    /// Returns values in place of where they are in a dictionary.
    fn of_dictionary(&mut self, column: &Column, id: i64, places: &ArrayRef) -> Result<ArrayRef, IpcError> {
        let Some(dictionary) = self.batch.dictionaries.get(&id) else {
            // Nobody needs one of which no value is used.
            return if places.null_count() == places.len() {
                Ok(datafusion::arrow::array::new_null_array(&column.data_type, places.len()))
            } else {
                Err(self.wrong("a dictionary that is not there"))
            };
        };
        // `take` looks whether places are too large, but not whether they are negative.
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let places = cast_with_options(places, &DataType::UInt64, &strict).map_err(|error| self.refused(&error))?;
        if let Some(texts) = dictionary.values.as_string_opt::<i32>() {
            let length = |place: u64| {
                let place = usize::try_from(place).ok().filter(|place| *place < texts.len());
                place.map_or(0, |place| u64::try_from(texts.value_length(place)).unwrap_or_default())
            };
            let all = places.as_primitive::<UInt64Type>().iter().flatten().map(length).sum();
            self.spend(all)?;
        } else {
            self.spend(dictionary.usual.saturating_mul(places.len() as u64))?;
        }
        let checked = TakeOptions { check_bounds: true };
        take(&dictionary.values, &places, Some(checked)).map_err(|error| self.refused(&error))
    }
}

/// Returns a buffer of a column.
pub(super) fn buffer<'p>(decoder: &Decoder<'_>, part: &'p Part, at: usize) -> Result<&'p Bytes, IpcError> {
    part.buffers.get(at).ok_or_else(|| decoder.wrong("fewer buffers than its columns need"))
}

/// Returns the bytes of rows that take `width` bytes each; more than there can be where that is no number.
pub(super) fn times(rows: &Range<usize>, width: usize) -> Range<u64> {
    let at = |row: usize| (row as u64).saturating_mul(width as u64);
    at(rows.start)..at(rows.end)
}
