//! What is to be done with the fields of a file's records.

use super::{
    split::{self, Field},
    usual::Span,
};
use crate::{
    ColumnSpec, ColumnType, Mismatch, accept::accepts, batch::Columns, column::Column, scalar::Short, time::Recent,
};

/// A field that is read or checked. Text that the query does not want needs neither.
#[derive(Debug)]
pub(super) struct Step {
    /// Its place in the record.
    pub field: usize,
    /// Its column.
    pub column: usize,
    wanted: bool,
    task: Task,
}

/// How a field is read.
#[derive(Debug)]
enum Task {
    Text,
    Time,
    /// A whole number: the greatest that the type holds.
    Whole(u64),
    Decimal,
    /// All else.
    Other,
}

/// What is kept from field to field to save work.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    unquoted: Vec<u8>,
    recent: Recent,
}

impl Step {
    /// Returns what is to be done with the field at a place of the record, which belongs to this column, if anything is.
    pub(super) fn new(field: usize, column: usize, kind: &ColumnType, wanted: bool) -> Option<Self> {
        let task = match kind {
            ColumnType::Text => Task::Text,
            ColumnType::Timestamp => Task::Time,
            ColumnType::Float32 | ColumnType::Float64 => Task::Decimal,
            ColumnType::Int16 => Task::Whole(i16::MAX.unsigned_abs().into()),
            ColumnType::Int32 => Task::Whole(i32::MAX.unsigned_abs().into()),
            ColumnType::Int64 => Task::Whole(i64::MAX.unsigned_abs()),
            ColumnType::UInt16 => Task::Whole(u16::MAX.into()),
            ColumnType::UInt32 => Task::Whole(u32::MAX.into()),
            ColumnType::UInt64 => Task::Whole(u64::MAX),
            ColumnType::Boolean | ColumnType::Date | ColumnType::Struct(_) | ColumnType::List(_) => Task::Other,
        };
        let is_idle = matches!(task, Task::Text) && !wanted;
        (!is_idle).then_some(Self { field, column, wanted, task })
    }

    /// Reads or checks a field of a usual record. Short numbers, which most are, are read as words.
    #[inline]
    pub(super) fn take_span(
        &self,
        spec: &ColumnSpec,
        span: Span,
        bytes: &[u8],
        columns: &mut Columns,
        scratch: &mut Scratch,
    ) -> Result<(), Mismatch> {
        match self.task {
            Task::Whole(most) => {
                if let Some(value) = short(span, bytes).and_then(Short::whole) {
                    return match (self.column(columns), i64::try_from(value)) {
                        (Some(column), Ok(value)) => column.push_signed(value),
                        _ if value <= most => Ok(()),
                        _ => Err(Mismatch),
                    };
                }
            }
            Task::Decimal if self.wanted => {
                if let Some(value) = short(span, bytes).and_then(Short::decimal) {
                    return self.column(columns).map_or(Ok(()), |column| column.push_float(value));
                }
            }
            Task::Decimal => {
                if short(span, bytes).is_some_and(Short::is_decimal) {
                    return Ok(());
                }
            }
            Task::Time if span.is_verbatim() => {
                let text = bytes.get(span.from..span.to).unwrap_or_default();
                if let Some(micros) = scratch.recent.timestamp(text) {
                    return self.column(columns).map_or(Ok(()), |column| column.push_timestamp(micros));
                }
            }
            Task::Text => {
                return self.column(columns).map_or(Ok(()), |column| push_text(span.field(bytes), column));
            }
            Task::Time | Task::Other => {}
        }
        self.take(spec, span.field(bytes), columns, scratch)
    }

    /// Appends a field to its column or, if the query does not want the column, only checks it.
    #[inline(never)]
    pub(super) fn take(
        &self,
        spec: &ColumnSpec,
        field: Field<'_>,
        columns: &mut Columns,
        scratch: &mut Scratch,
    ) -> Result<(), Mismatch> {
        let column = self.column(columns);
        if matches!(self.task, Task::Text) {
            return column.map_or(Ok(()), |column| push_text(field, column));
        }
        let Scratch { unquoted, recent } = scratch;
        let text = match field {
            Field::Plain(text) | Field::Quoted(text) => text,
            Field::Escaped(text) => {
                unquoted.clear();
                split::unquote(text, unquoted);
                unquoted.as_slice()
            }
        };
        match column {
            column if matches!(self.task, Task::Time) && !text.is_empty() => {
                let micros = recent.timestamp(text).ok_or(Mismatch)?;
                return column.map_or(Ok(()), |column| column.push_timestamp(micros));
            }
            Some(column) if text.is_empty() => column.push_null(),
            Some(column) => return column.push_parsed(text),
            None if text.is_empty() || accepts(&spec.kind, text) => {}
            None => return Err(Mismatch),
        }
        Ok(())
    }

    #[inline]
    fn column<'a>(&self, columns: &'a mut Columns) -> Option<&'a mut Column> {
        if self.wanted { columns.get(self.column) } else { None }
    }
}

/// Returns a field as a word if it is short.
#[inline]
fn short(span: Span, bytes: &[u8]) -> Option<Short> {
    if span.is_verbatim() { Short::new(bytes.get(span.from..)?, span.to - span.from) } else { None }
}

#[inline]
fn push_text(field: Field<'_>, column: &mut Column) -> Result<(), Mismatch> {
    match field {
        Field::Plain([]) => column.push_null(),
        Field::Plain(text) | Field::Quoted(text) => column.push_text(text),
        Field::Escaped(text) => return column.push_text_with(|value| split::unquote(text, value)),
    }
    Ok(())
}
