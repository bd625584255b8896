//! One JSON object a line, as `pandas.read_json(lines=True)` sees it.

use crate::{
    Blocks, SizingError,
    column::Column,
    delimited::records_of,
    look::{Look, allocated, count, look, python_text},
    observed::{Measured, Observed},
    range::ratio,
    sizes::FileKind,
};
use jiter::JsonValue;
use std::collections::HashMap;

/// Reads a sample of JSON lines.
///
/// # Errors
/// [`SizingError::NoRecord`] without an object.
pub(crate) fn observe(blocks: &Blocks) -> Result<Observed, SizingError> {
    let mut objects = Objects::default();
    let mut measured = Vec::new();
    let mut broken = 0;
    for (place, block) in blocks.blocks.iter().enumerate() {
        let bytes = records_of(blocks, block, place == 0);
        let before = objects.count;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            broken += u64::from(objects.see(line).is_none());
        }
        measured.push(Measured { records: objects.count - before, bytes: count(bytes.len()) });
    }
    if objects.count == 0 {
        return Err(SizingError::NoRecord);
    }
    for column in &mut objects.columns {
        column.see_missing(objects.count.saturating_sub(column.values));
    }
    let broken =
        (broken > 0).then(|| format!("{broken} lines of the sample are no JSON objects: read_json raises ValueError"));
    Ok(Observed {
        kind: FileKind::Ndjson,
        index_columns: 0,
        blocks: measured,
        size: blocks.size,
        header: 0,
        is_whole: blocks.is_whole(),
        objects: ratio(objects.bytes, objects.count),
        columns: objects.columns,
        delimiter: b'\n',
        has_header: false,
        notes: broken.into_iter().collect(),
    })
}

/// The objects seen so far.
#[derive(Default)]
struct Objects {
    columns: Vec<Column>,
    places: HashMap<String, usize>,
    count: u64,
    /// What they take as Python's objects.
    bytes: u64,
}

impl Objects {
    /// Counts a line in, if it is an object.
    fn see(&mut self, line: &[u8]) -> Option<()> {
        let JsonValue::Object(members) = JsonValue::parse(line, false).ok()? else { return None };
        self.count += 1;
        self.bytes += dictionary(members.len());
        for (key, value) in members.iter() {
            self.bytes += python_text(key.as_bytes()).allocated + object(value);
            let place = self.place(key);
            if let Some(column) = self.columns.get_mut(place) {
                see(column, value);
            }
        }
        Some(())
    }

    fn place(&mut self, key: &str) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        let place = self.columns.len();
        self.columns.push(Column::new(key));
        self.places.insert(key.to_owned(), place);
        place
    }
}

fn see(column: &mut Column, value: &JsonValue<'_>) {
    match value {
        JsonValue::Null => column.see_missing(1),
        JsonValue::Bool(_) => column.see_look(Look::Boolean, b"true"),
        JsonValue::Int(value) => column.see_look(Look::Whole((*value).into()), value.to_string().as_bytes()),
        JsonValue::BigInt(value) => {
            let text = value.to_string();
            column.see_look(look(text.as_bytes()), text.as_bytes());
        }
        JsonValue::Float(value) => {
            let text = value.to_string();
            let is_short = matches!(look(text.as_bytes()), Look::Number { is_short: true } | Look::Whole(_));
            column.see_look(Look::Number { is_short }, text.as_bytes());
        }
        JsonValue::Str(text) => column.see_look(Look::Text, text.as_bytes()),
        JsonValue::Array(items) => column.see_nested(list(items.len())),
        JsonValue::Object(members) => column.see_nested(dictionary(members.len())),
    }
}

/// What a value takes as Python's objects while the file is read, all that is in it among them.
fn object(value: &JsonValue<'_>) -> u64 {
    match value {
        JsonValue::Null | JsonValue::Bool(_) => 0,
        JsonValue::Int(_) | JsonValue::Float(_) => 32,
        JsonValue::BigInt(_) => 48,
        JsonValue::Str(text) => python_text(text.as_bytes()).allocated,
        JsonValue::Array(items) => list(items.len()) + items.iter().map(object).sum::<u64>(),
        JsonValue::Object(members) => {
            let inside = |(key, value): &(_, JsonValue<'_>)| key_size(key) + object(value);
            dictionary(members.len()) + members.iter().map(inside).sum::<u64>()
        }
    }
}

fn key_size(key: &impl AsRef<str>) -> u64 {
    allocated(49 + count(key.as_ref().len()))
}

/// What `sys.getsizeof` says of a list that was filled item by item.
fn list(items: usize) -> u64 {
    let mut room = 0;
    while room < items {
        let next = room + 1;
        room = (next + (next >> 3) + 6) & !3;
    }
    56 + 8 * count(room)
}

/// What `sys.getsizeof` says of a dictionary that was filled key by key: tables of a power of two, two thirds full at most.
fn dictionary(keys: usize) -> u64 {
    if keys == 0 {
        return 64;
    }
    let mut slots = 8;
    while slots * 2 / 3 < keys {
        slots *= 2;
    }
    let entries = slots * 2 / 3;
    let index = if slots <= 128 { slots } else { 2 * slots };
    64 + 32 + count(index) + 16 * count(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_have_the_sizes_that_python_says() {
        // sys.getsizeof on Python 3.11.7, filled one by one.
        assert_eq!([0, 1, 4, 5, 9].map(list), [56, 88, 88, 120, 184]);
        assert_eq!([0, 1, 5, 6, 17].map(dictionary), [64, 184, 184, 272, 464]);
    }
}
