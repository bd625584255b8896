//! The values of a column under construction, without their nulls.

use crate::{Column, ColumnType, FormatError};
use arrow_array::{
    ArrayRef, BooleanArray, ListArray, PrimitiveArray, StringArray, StructArray,
    types::{
        ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{Field, Fields};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) enum Values {
    Boolean(BooleanBufferBuilder),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Date(Vec<i32>),
    Timestamp(Vec<i64>),
    Text(Text),
    Struct(Vec<Column>),
    List(List),
}

/// Texts of so many bytes are copied as if they had as many.
const SHORT: usize = 32;

/// The bytes of all texts, one after another.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub bytes: Vec<u8>,
    ends: Ends,
}

/// The items of all lists, one after another.
#[derive(Debug)]
pub(crate) struct List {
    pub items: Box<Column>,
    ends: Ends,
}

/// Where each value ends, after a zero: what Arrow calls offsets.
#[derive(Debug)]
struct Ends(Vec<i32>);

impl Values {
    pub(crate) fn new(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Boolean => Self::Boolean(BooleanBufferBuilder::new(0)),
            ColumnType::Int16 => Self::Int16(Vec::new()),
            ColumnType::Int32 => Self::Int32(Vec::new()),
            ColumnType::Int64 => Self::Int64(Vec::new()),
            ColumnType::UInt16 => Self::UInt16(Vec::new()),
            ColumnType::UInt32 => Self::UInt32(Vec::new()),
            ColumnType::UInt64 => Self::UInt64(Vec::new()),
            ColumnType::Float32 => Self::Float32(Vec::new()),
            ColumnType::Float64 => Self::Float64(Vec::new()),
            ColumnType::Date => Self::Date(Vec::new()),
            ColumnType::Timestamp => Self::Timestamp(Vec::new()),
            ColumnType::Text => Self::Text(Text::default()),
            ColumnType::Struct(fields) => Self::Struct(fields.iter().map(|field| Column::new(&field.kind)).collect()),
            ColumnType::List(item) => Self::List(List { items: Box::new(Column::new(item)), ends: Ends::default() }),
        }
    }

    /// Appends the value that stands where a null is.
    pub(crate) fn push_default(&mut self) {
        match self {
            Self::Boolean(values) => values.append(false),
            Self::Int16(values) => values.push(0),
            Self::Int32(values) | Self::Date(values) => values.push(0),
            Self::Int64(values) | Self::Timestamp(values) => values.push(0),
            Self::UInt16(values) => values.push(0),
            Self::UInt32(values) => values.push(0),
            Self::UInt64(values) => values.push(0),
            Self::Float32(values) => values.push(0.0),
            Self::Float64(values) => values.push(0.0),
            Self::Text(text) => text.close(),
            Self::Struct(fields) => fields.iter_mut().for_each(Column::push_null),
            Self::List(list) => list.close(),
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        match self {
            Self::Boolean(values) => values.truncate(length),
            Self::Int16(values) => values.truncate(length),
            Self::Int32(values) | Self::Date(values) => values.truncate(length),
            Self::Int64(values) | Self::Timestamp(values) => values.truncate(length),
            Self::UInt16(values) => values.truncate(length),
            Self::UInt32(values) => values.truncate(length),
            Self::UInt64(values) => values.truncate(length),
            Self::Float32(values) => values.truncate(length),
            Self::Float64(values) => values.truncate(length),
            Self::Text(text) => text.bytes.truncate(text.ends.truncate(length)),
            Self::Struct(fields) => fields.iter_mut().for_each(|field| field.truncate(length)),
            Self::List(list) => list.items.truncate(list.ends.truncate(length)),
        }
    }

    /// Returns the `length` values as an array and leaves none.
    pub(crate) fn finish(
        &mut self,
        kind: &ColumnType,
        nulls: Option<NullBuffer>,
        length: usize,
    ) -> Result<ArrayRef, FormatError> {
        Ok(match self {
            Self::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Self::Int16(values) => Arc::new(primitive::<Int16Type>(values, nulls)?),
            Self::Int32(values) => Arc::new(primitive::<Int32Type>(values, nulls)?),
            Self::Int64(values) => Arc::new(primitive::<Int64Type>(values, nulls)?),
            Self::UInt16(values) => Arc::new(primitive::<UInt16Type>(values, nulls)?),
            Self::UInt32(values) => Arc::new(primitive::<UInt32Type>(values, nulls)?),
            Self::UInt64(values) => Arc::new(primitive::<UInt64Type>(values, nulls)?),
            Self::Float32(values) => Arc::new(primitive::<Float32Type>(values, nulls)?),
            Self::Float64(values) => Arc::new(primitive::<Float64Type>(values, nulls)?),
            Self::Date(values) => Arc::new(primitive::<Date32Type>(values, nulls)?),
            Self::Timestamp(values) => {
                Arc::new(primitive::<TimestampMicrosecondType>(values, nulls)?.with_timezone("UTC"))
            }
            Self::Text(text) => Arc::new(text.finish(nulls.as_ref())),
            Self::Struct(columns) => {
                let arrays = columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new_with_length(struct_fields(kind), arrays, nulls, length)?)
            }
            Self::List(list) => {
                let items = list.items.finish()?;
                let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
                Arc::new(ListArray::try_new(field, list.ends.finish(), items, nulls)?)
            }
        })
    }
}

impl Text {
    #[inline]
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.close();
    }

    /// Appends the first `length` bytes of `from`. A copy of a fixed number of bytes is a few instructions, one of as many as
    /// there are is a call; so a short text is copied with some of what follows, which is dropped again.
    #[inline]
    pub(crate) fn push_first(&mut self, from: &[u8], length: usize) {
        match from.first_chunk::<SHORT>() {
            Some(bytes) if length <= SHORT && self.has_room() => {
                let end = self.bytes.len() + length;
                self.bytes.extend_from_slice(bytes);
                self.bytes.truncate(end);
                self.close();
            }
            _ => self.push_long(from, length),
        }
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.bytes.capacity() - self.bytes.len() >= SHORT && self.ends.0.len() < self.ends.0.capacity()
    }

    #[inline(never)]
    fn push_long(&mut self, from: &[u8], length: usize) {
        self.push(from.get(..length).unwrap_or(from));
    }

    /// Makes the bytes appended since the last text a text.
    #[inline]
    pub(crate) fn close(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn finish(&mut self, nulls: Option<&NullBuffer>) -> StringArray {
        let offsets = self.ends.finish();
        let bytes = Buffer::from_vec(take_vec(&mut self.bytes));
        StringArray::try_new(offsets.clone(), bytes.clone(), nulls.cloned())
            .unwrap_or_else(|_| repair(&bytes, &offsets, nulls))
    }
}

impl List {
    /// Makes the items appended since the last list a list.
    pub(crate) fn close(&mut self) {
        self.ends.push(self.items.len());
    }
}

impl Default for Ends {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Ends {
    /// Batches are bounded far below 2 GiB, so that a 32-bit end always suffices.
    #[inline]
    fn push(&mut self, end: usize) {
        self.0.push(i32::try_from(end).unwrap_or(i32::MAX));
    }

    /// Cuts back to `length` values and returns where the last of them ends.
    fn truncate(&mut self, length: usize) -> usize {
        self.0.truncate(length + 1);
        self.0.last().copied().map_or(0, place)
    }

    fn finish(&mut self) -> OffsetBuffer<i32> {
        let ends = take_vec(&mut self.0);
        self.0.push(0);
        OffsetBuffer::new(ScalarBuffer::from(ends))
    }
}

/// Builds the array value by value, with U+FFFD for what is not UTF-8. Slow, and only needed where a log holds such bytes.
fn repair(bytes: &[u8], offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>) -> StringArray {
    let value = |(at, (from, to)): (usize, (&i32, &i32))| {
        let valid = nulls.is_none_or(|nulls| nulls.is_valid(at));
        valid.then(|| String::from_utf8_lossy(bytes.get(place(*from)..place(*to)).unwrap_or_default()))
    };
    offsets.iter().zip(offsets.iter().skip(1)).enumerate().map(value).collect()
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>, FormatError> {
    Ok(PrimitiveArray::try_new(ScalarBuffer::from(take_vec(values)), nulls)?)
}

/// Takes the values and leaves room for as many again: batches of one file are much alike.
fn take_vec<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = values.len() + values.len() / 8;
    std::mem::replace(values, Vec::with_capacity(room))
}

fn struct_fields(kind: &ColumnType) -> Fields {
    match kind {
        ColumnType::Struct(fields) => fields.iter().map(crate::ColumnSpec::field).collect(),
        _ => Fields::empty(),
    }
}

fn place(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}
