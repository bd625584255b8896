//! Values that are made of others, and those that stand elsewhere.

use super::{
    decode::{Decoder, Values, buffer, times},
    error::IpcError,
    layout::Part,
    schema::{Column, Offsets},
};
use datafusion::arrow::{
    array::{ArrayRef, AsArray, FixedSizeListArray, ListArray, MapArray, StructArray},
    buffer::{Buffer, OffsetBuffer},
    datatypes::DataType,
};
use std::{ops::Range, sync::Arc};

/// Bytes of a view, and of the longest value that stands in one.
const VIEW: usize = 16;
const INSIDE: usize = 12;

/// Values that lie closer together than that are read at once.
const GAP: u64 = 64 << 10;

/// A value, as its view tells it.
enum Viewed {
    Null,
    Inside(usize),
    Elsewhere { at: usize, place: Range<u64> },
}

impl Decoder<'_> {
    /// Returns lists, or maps, which are lists of pairs.
    pub(super) fn list(
        &mut self,
        column: &Column,
        (offsets, item): (Offsets, &Column),
        part: &Part,
        Values { rows, nulls }: Values,
    ) -> Result<ArrayRef, IpcError> {
        let values = part.parts.first().ok_or_else(|| self.wrong("lists without values"))?;
        let (place, offsets) = self.offsets(offsets, part, &rows, values.length as u64)?;
        // The places of values that are in memory, or in a file, are numbers of this machine.
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let values = self.array(item, values, number(place.start)..number(place.end))?;
        let lists = match &column.data_type {
            DataType::List(field) => {
                ListArray::try_new(Arc::clone(field), offsets, values, nulls).map(|lists| Arc::new(lists) as ArrayRef)
            }
            DataType::Map(field, sorted) => {
                let entries = values.as_struct_opt().ok_or_else(|| self.wrong("a map of no entries"))?;
                let maps = MapArray::try_new(Arc::clone(field), offsets, entries.clone(), nulls, *sorted);
                maps.map(|maps| Arc::new(maps) as ArrayRef)
            }
            _ => return Err(self.wrong("lists of another type")),
        };
        lists.map_err(|error| self.refused(&error))
    }

    /// Returns lists of so many values each.
    pub(super) fn fixed_list(
        &mut self,
        column: &Column,
        (size, item): (usize, &Column),
        part: &Part,
        Values { rows, nulls }: Values,
    ) -> Result<ArrayRef, IpcError> {
        let values = part.parts.first().ok_or_else(|| self.wrong("lists without values"))?;
        let at = |row: usize| row.saturating_mul(size);
        let values = self.array(item, values, at(rows.start)..at(rows.end))?;
        let DataType::FixedSizeList(field, size) = &column.data_type else {
            return Err(self.wrong("lists of another type"));
        };
        let lists = FixedSizeListArray::try_new_with_length(Arc::clone(field), *size, values, nulls, rows.len());
        lists.map(|lists| Arc::new(lists) as ArrayRef).map_err(|error| self.refused(&error))
    }

    /// Returns structs.
    pub(super) fn structs(
        &mut self,
        column: &Column,
        parts: &[Column],
        part: &Part,
        Values { rows, nulls }: Values,
    ) -> Result<ArrayRef, IpcError> {
        let DataType::Struct(fields) = &column.data_type else { return Err(self.wrong("structs of another type")) };
        let values = parts.iter().zip(&part.parts).map(|(column, part)| self.array(column, part, rows.clone()));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let structs = StructArray::try_new_with_length(fields.clone(), values, nulls, rows.len());
        structs.map(|structs| Arc::new(structs) as ArrayRef).map_err(|error| self.refused(&error))
    }

    /// Returns texts or binary values in place of views of them: what a view refers to is not kept whole.
    pub(super) fn views(
        &mut self,
        data_type: &DataType,
        part: &Part,
        Values { rows, nulls }: Values,
    ) -> Result<ArrayRef, IpcError> {
        let views = self.bytes(buffer(self, part, 1)?, times(&rows, VIEW))?;
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        let views = views.as_slice().chunks_exact(VIEW).enumerate();
        let views: Vec<(&[u8], Viewed)> = views
            .map(|(row, view)| (view, if is_null(row) { Some(Viewed::Null) } else { viewed(view) }))
            .map(|(view, viewed)| Some((view, viewed?)))
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong("a view of no length"))?;
        let lengths = views.iter().map(|(_, viewed)| viewed.length());
        let all: u64 = lengths.clone().sum();
        self.spend(all)?;
        if all > i32::MAX as u64 {
            return Err(if rows.len() > 1 { IpcError::TooMuch } else { self.wrong("a value of more than 2 GiB") });
        }
        let offsets = OffsetBuffer::from_lengths(lengths.map(|length| usize::try_from(length).unwrap_or_default()));
        let elsewhere = self.elsewhere(part, &views)?;
        let mut values = Vec::with_capacity(usize::try_from(all).unwrap_or_default());
        for (view, viewed) in &views {
            match viewed {
                Viewed::Null => {}
                Viewed::Inside(length) => values.extend_from_slice(view.get(4..4 + length).unwrap_or_default()),
                Viewed::Elsewhere { at, place } => {
                    if let Some(near) = elsewhere.iter().find(|near| near.at == *at) {
                        values.extend_from_slice(near.value(place));
                    } else {
                        let value = self.passing(buffer(self, part, 2 + at)?, place.clone())?;
                        values.extend_from_slice(&value);
                    }
                }
            }
        }
        self.texts(data_type, offsets, Buffer::from_vec(values), nulls)
    }

    /// Reads the parts of buffers that views refer to, of those that refer to little else.
    fn elsewhere(&mut self, part: &Part, views: &[(&[u8], Viewed)]) -> Result<Vec<Near>, IpcError> {
        let mut wanted: Vec<(usize, Range<u64>, u64)> = Vec::new();
        for (_, viewed) in views {
            let Viewed::Elsewhere { at, place } = viewed else { continue };
            let length = place.end - place.start;
            match wanted.iter_mut().rev().find(|(known, ..)| known == at) {
                Some((_, all, used)) => {
                    *all = all.start.min(place.start)..all.end.max(place.end);
                    *used += length;
                }
                None => wanted.push((*at, place.clone(), length)),
            }
        }
        let mut near = Vec::new();
        for (at, place, used) in wanted {
            let bytes = buffer(self, part, 2 + at)?;
            if place.end > bytes.length() {
                return Err(self.wrong("a view of what is not there"));
            }
            if place.end - place.start <= used.saturating_mul(4).saturating_add(GAP) {
                let values = self.passing(bytes, place.clone())?;
                near.push(Near { at, start: place.start, values });
            }
        }
        Ok(near)
    }
}

/// A part of a buffer that views refer to.
struct Near {
    at: usize,
    start: u64,
    values: Buffer,
}

impl Near {
    fn value(&self, place: &Range<u64>) -> &[u8] {
        let at = |place: u64| usize::try_from(place.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.values.as_slice().get(at(place.start)..at(place.end)).unwrap_or_default()
    }
}

impl Viewed {
    fn length(&self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Inside(length) => *length as u64,
            Self::Elsewhere { place, .. } => place.end - place.start,
        }
    }
}

/// Takes a view apart: its length, then the value, or the first four bytes of it, its buffer and its place there.
fn viewed(view: &[u8]) -> Option<Viewed> {
    let number = |at: usize| view.get(at..)?.first_chunk().map(|bytes| i32::from_le_bytes(*bytes));
    let length = usize::try_from(number(0)?).ok()?;
    if length <= INSIDE {
        return Some(Viewed::Inside(length));
    }
    let at = usize::try_from(number(8)?).ok()?;
    let start = u64::try_from(number(12)?).ok()?;
    Some(Viewed::Elsewhere { at, place: start..start + length as u64 })
}
