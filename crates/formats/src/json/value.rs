//! Reads one value into its column.

use super::{
    escape,
    object::Object,
    scan::{Number, Scanned, Scanner, Text, malformed},
};
use crate::{
    Column, ColumnType, Reason,
    accept::{accepts, accepts_signed},
    column::Mismatch,
    scalar,
    time::Recent,
};
use std::sync::Arc;

/// A value: the type it must have, and where it stands, for the reason of a reject.
#[derive(Debug)]
pub(super) struct Value {
    /// The column's name; dotted inside an object, with `[]` inside a list.
    name: Arc<str>,
    kind: ColumnType,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    Nothing,
    Time(Recent),
    Object(Object),
    List(Box<Value>),
}

impl Value {
    /// Returns a reader for values of this type in a column of this full name.
    pub(super) fn new(name: String, kind: &ColumnType) -> Self {
        let inside = match kind {
            ColumnType::Struct(columns) => Inside::Object(Object::new(columns, &format!("{name}."))),
            ColumnType::List(item) => Inside::List(Box::new(Self::new(format!("{name}[]"), item))),
            ColumnType::Timestamp => Inside::Time(Recent::default()),
            _ => Inside::Nothing,
        };
        Self { name: name.into(), kind: kind.clone(), inside }
    }

    /// Returns the type of the values.
    pub(super) fn kind(&self) -> &ColumnType {
        &self.kind
    }

    /// Returns the reader of the object that the values are.
    pub(super) fn object(&mut self) -> Option<&mut Object> {
        match &mut self.inside {
            Inside::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Reads the next value of `input` and appends it to `column`, or only checks it if the query does not want it.
    #[inline]
    pub(super) fn read(
        &mut self,
        input: &mut Scanner<'_>,
        column: Option<&mut Column>,
        scratch: &mut Vec<u8>,
    ) -> Scanned<()> {
        let Some(first) = input.peek() else { return malformed("no JSON value after a key") };
        let taken = match (&mut self.inside, first) {
            (_, b'n') => read_null(input, column)?,
            (Inside::Object(object), b'{') => return object.read_struct(input, column, scratch),
            (Inside::List(item), b'[') => return item.read_list(input, column, scratch),
            (Inside::Time(recent), b'"') => read_time(recent, input, column, scratch)?,
            _ => read_scalar(&self.kind, input, first, column, scratch)?,
        };
        taken.or_else(|Mismatch| self.mismatch())
    }

    #[cold]
    fn mismatch(&self) -> Scanned<()> {
        Err(Box::new(Reason::Value { column: Arc::clone(&self.name), expected: self.kind.expected() }))
    }

    #[inline(never)]
    fn read_list(
        &mut self,
        input: &mut Scanner<'_>,
        mut list: Option<&mut Column>,
        scratch: &mut Vec<u8>,
    ) -> Scanned<()> {
        input.accept(b"[");
        let mut goes_on = !input.accept(b"]");
        while goes_on {
            self.read(input, list.as_mut().and_then(|list| list.open_list()), scratch)?;
            goes_on = input.goes_on(b']')?;
        }
        if let Some(list) = list {
            list.close_list();
        }
        Ok(())
    }
}

#[inline]
fn read_null(input: &mut Scanner<'_>, column: Option<&mut Column>) -> Scanned<Result<(), Mismatch>> {
    if !input.accept(b"null") {
        return malformed("no JSON value after a key");
    }
    push_null(column);
    Ok(Ok(()))
}

/// Reads a time. The outer error is about the line, the inner one about the value.
#[inline]
fn read_time(
    recent: &mut Recent,
    input: &mut Scanner<'_>,
    column: Option<&mut Column>,
    scratch: &mut Vec<u8>,
) -> Scanned<Result<(), Mismatch>> {
    let text = decoded(input.string()?, scratch);
    let push = |micros| column.map_or(Ok(()), |column| column.push_timestamp(micros));
    Ok(recent.timestamp(text).map_or(Err(Mismatch), push))
}

/// Reads a value that is no struct, no list and no time. The outer error is about the line, the inner one about the value.
#[inline]
fn read_scalar(
    kind: &ColumnType,
    input: &mut Scanner<'_>,
    first: u8,
    column: Option<&mut Column>,
    scratch: &mut Vec<u8>,
) -> Scanned<Result<(), Mismatch>> {
    Ok(match (kind, first) {
        (ColumnType::Text, b'"') => push_string(column, input.string()?),
        (ColumnType::Text, _) => {
            let text = input.parse()?;
            column.map_or(Ok(()), |column| column.push_parsed(text))
        }
        (ColumnType::Boolean, b't' | b'f') => {
            let value = input.parse()? == b"true";
            column.map_or(Ok(()), |column| column.push_boolean(value))
        }
        (ColumnType::Date, b'"') => {
            let text = decoded(input.string()?, scratch);
            match column {
                Some(column) => column.push_parsed(text),
                None => accepts(kind, text).then_some(()).ok_or(Mismatch),
            }
        }
        _ if kind.is_number() && matches!(first, b'-' | b'0'..=b'9') => push_number(kind, column, input.number()?),
        _ => Err(Mismatch),
    })
}

fn push_string(column: Option<&mut Column>, text: Text<'_>) -> Result<(), Mismatch> {
    match (column, text) {
        (Some(column), Text::Plain(text)) => column.push_text(text),
        (Some(column), Text::Escaped(text)) => return column.push_text_with(|value| escape::decode(text, value)),
        (None, _) => {}
    }
    Ok(())
}

#[inline]
fn push_number(kind: &ColumnType, column: Option<&mut Column>, number: Number<'_>) -> Result<(), Mismatch> {
    match (column, number) {
        (Some(column), Number::Whole(value)) => column.push_signed(value),
        (None, Number::Whole(value)) => accepts_signed(kind, value).then_some(()).ok_or(Mismatch),
        (column, Number::Text(text)) => push_odd_number(kind, column, text),
    }
}

#[inline(never)]
fn push_odd_number(kind: &ColumnType, column: Option<&mut Column>, text: &[u8]) -> Result<(), Mismatch> {
    match column {
        Some(column) => match column.push_parsed(text) {
            Err(Mismatch) => column.push_signed(whole_number(text).ok_or(Mismatch)?),
            Ok(()) => Ok(()),
        },
        None if accepts(kind, text) => Ok(()),
        None => whole_number(text).filter(|value| accepts_signed(kind, *value)).map(|_| ()).ok_or(Mismatch),
    }
}

/// Reads a number such as `2.0` or `1e3` that is whole all the same. Above 2^53 a float no longer tells which one.
fn whole_number(text: &[u8]) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = scalar::float(text).filter(|value| value.abs() <= EXACT && value.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and well inside the range")]
    let value = value as i64;
    Some(value)
}

/// Returns the value of a string, in `scratch` if it holds escapes.
pub(super) fn decoded<'a>(text: Text<'a>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match text {
        Text::Plain(text) => text,
        Text::Escaped(text) => {
            scratch.clear();
            escape::decode(text, scratch);
            scratch
        }
    }
}

/// Appends a null if the column is wanted.
fn push_null(column: Option<&mut Column>) {
    if let Some(column) = column {
        column.push_null();
    }
}
