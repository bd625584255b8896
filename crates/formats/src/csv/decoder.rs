//! Reads delimited records into columns.

use super::{
    CsvLayout,
    split::{self, Field, Fields},
};
use crate::{
    ColumnSpec, ColumnType, Decoder, FileStart, Outcome, Reason, Record,
    accept::accepts,
    batch::Columns,
    column::{Column, Mismatch},
    time,
};
use std::{collections::HashSet, sync::Arc};

/// Reads records of one layout.
#[derive(Debug)]
pub struct CsvDecoder {
    layout: CsvLayout,
    columns: Arc<[ColumnSpec]>,
    delimiter: u8,
    /// For each field of the file, its column.
    fields: Vec<Option<usize>>,
    /// Columns of the layout that the file does not have.
    absent: Vec<usize>,
    scratch: Scratch,
}

/// What is kept from field to field to save work.
#[derive(Debug, Default)]
struct Scratch {
    unquoted: Vec<u8>,
    /// The last time read, and what it came to: many records share a second.
    time: Vec<u8>,
    micros: i64,
}

impl CsvDecoder {
    pub(super) fn new(layout: &CsvLayout) -> Self {
        let mut decoder = Self {
            layout: layout.clone(),
            columns: layout.shared_columns(),
            delimiter: layout.delimiter(),
            fields: Vec::new(),
            absent: Vec::new(),
            scratch: Scratch::default(),
        };
        decoder.start(&FileStart::default());
        decoder
    }

    fn record(&mut self, fields: &mut Fields<'_>, columns: &mut Columns) -> Outcome {
        let mut found = 0;
        let mut bad = None;
        for field in fields {
            if bad.is_none()
                && let Some(Some(at)) = self.fields.get(found)
                && let Some(spec) = self.columns.get(*at)
                && push(spec, field, columns.get(*at), &mut self.scratch).is_err()
            {
                bad = Some(spec);
            }
            found += 1;
        }
        // The count goes first: with a field too few or too many, a value that does not fit is no surprise.
        if found != self.fields.len() {
            return Outcome::Reject(Reason::FieldCount { expected: self.fields.len(), found });
        }
        if let Some(spec) = bad {
            let column = Arc::clone(&spec.name);
            return Outcome::Reject(Reason::Value { column, expected: spec.kind.expected() });
        }
        for &at in &self.absent {
            if let Some(column) = columns.get(at) {
                column.push_null();
            }
        }
        Outcome::Row
    }
}

impl Decoder for CsvDecoder {
    fn start(&mut self, file: &FileStart) {
        self.fields = match &file.fields {
            Some(fields) => fields.to_vec(),
            None => self.layout.by_position().collect(),
        };
        let present: HashSet<usize> = self.fields.iter().copied().flatten().collect();
        self.absent = (0..self.columns.len()).filter(|at| !present.contains(at)).collect();
    }

    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        if let Some(length) = blank_line(bytes) {
            return Record { length, content: 0, lines: 1, outcome: Outcome::Blank };
        }
        let mut fields = Fields::new(bytes, self.delimiter);
        let mut outcome = self.record(&mut fields, columns);
        let extent = fields.finish();
        if !extent.closed {
            outcome = Outcome::Reject(Reason::Malformed("no closing quote"));
        }
        Record { length: extent.length, content: extent.content, lines: extent.lines, outcome }
    }
}

/// Returns the length of the blank line at the start of `bytes`, if there is one.
pub(super) fn blank_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n', ..] | [b'\r'] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// Appends a field to its column or, if the query does not want the column, only checks it.
fn push(
    spec: &ColumnSpec,
    field: Field<'_>,
    column: Option<&mut Column>,
    scratch: &mut Scratch,
) -> Result<(), Mismatch> {
    if matches!(spec.kind, ColumnType::Text) {
        if let Some(column) = column {
            match field {
                Field::Plain([]) => column.push_null(),
                Field::Plain(text) | Field::Quoted(text) => column.push_text(text),
                Field::Escaped(text) => return column.push_text_with(|value| split::unquote(text, value)),
            }
        }
        return Ok(());
    }
    let Scratch { unquoted, time, micros } = scratch;
    let text = match field {
        Field::Plain(text) | Field::Quoted(text) => text,
        Field::Escaped(text) => {
            unquoted.clear();
            split::unquote(text, unquoted);
            unquoted.as_slice()
        }
    };
    if matches!(spec.kind, ColumnType::Timestamp) && !text.is_empty() {
        if time.as_slice() != text {
            *micros = time::timestamp(text).ok_or(Mismatch)?;
            time.clear();
            time.extend_from_slice(text);
        }
        return column.map_or(Ok(()), |column| column.push_timestamp(*micros));
    }
    match column {
        Some(column) if text.is_empty() => column.push_null(),
        Some(column) => return column.push_parsed(text),
        None if text.is_empty() || accepts(&spec.kind, text) => {}
        None => return Err(Mismatch),
    }
    Ok(())
}
