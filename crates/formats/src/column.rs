//! One column under construction.
//!
//! Values go into plain vectors that become Arrow buffers without a copy. A column can be cut back to a length
//! ([`Column::truncate`]): so a record that turns out to be bad half-way leaves nothing behind. Text is checked for UTF-8
//! once for the whole column, at the end, and repaired value by value only where that fails.

use crate::{ColumnType, FormatError, scalar, time, validity::Validity, values::Values};
use arrow_array::ArrayRef;

/// A column under construction.
#[derive(Debug)]
pub struct Column {
    kind: ColumnType,
    validity: Validity,
    values: Values,
}

/// A value did not fit the column's type. The caller knows the column's name and makes the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl Column {
    /// Returns an empty column.
    pub fn new(kind: &ColumnType) -> Self {
        Self { kind: kind.clone(), validity: Validity::default(), values: Values::new(kind) }
    }

    /// Returns the column's type.
    pub fn kind(&self) -> &ColumnType {
        &self.kind
    }

    /// Returns the number of values, nulls among them.
    pub fn len(&self) -> usize {
        self.validity.len()
    }

    /// Returns whether the column holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts the column back to `length` values, values of unfinished lists and structs with them.
    pub fn truncate(&mut self, length: usize) {
        if self.len() > length {
            self.validity.truncate(length);
            self.values.truncate(length);
        } else if matches!(self.values, Values::Struct(_) | Values::List(_)) {
            // A record may have failed inside a list that was not closed yet.
            self.values.truncate(length);
        }
    }

    /// Appends a null.
    #[inline]
    pub fn push_null(&mut self) {
        self.validity.push(false);
        match &mut self.values {
            Values::Text(text) => text.close(),
            values => values.push_default(),
        }
    }

    /// Appends text, which is taken as it is: bytes that are not UTF-8 become U+FFFD when the column is finished.
    /// In a column of another type the text is read as that type and a mismatch becomes a null; decoders that must
    /// tell the two apart use [`Column::push_parsed`].
    #[inline]
    pub fn push_text(&mut self, text: &[u8]) {
        if let Values::Text(values) = &mut self.values {
            values.push(text);
            self.validity.push(true);
        } else if self.push_parsed(text).is_err() {
            self.push_null();
        }
    }

    /// Appends the first `length` bytes of `from`; what follows them may make that faster.
    #[inline(never)]
    pub(crate) fn push_first(&mut self, from: &[u8], length: usize) {
        match &mut self.values {
            Values::Text(values) => {
                self.validity.push(true);
                values.push_first(from, length);
            }
            _ => self.push_text(from.get(..length).unwrap_or(from)),
        }
    }

    /// Appends text that `write` appends to the bytes it is given, which are those of all values before.
    ///
    /// # Errors
    /// [`Mismatch`] if the column holds no text; then nothing was appended.
    pub fn push_text_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Mismatch> {
        let pushed = match &mut self.values {
            Values::Text(text) => {
                write(&mut text.bytes);
                text.close();
                true
            }
            _ => false,
        };
        self.pushed(pushed)
    }

    /// Reads `text` as the column's type and appends it.
    ///
    /// # Errors
    /// [`Mismatch`] if the text is no such value; then nothing was appended.
    pub fn push_parsed(&mut self, text: &[u8]) -> Result<(), Mismatch> {
        let pushed = match &mut self.values {
            Values::Text(values) => {
                values.push(text);
                true
            }
            Values::Boolean(values) => scalar::boolean(text).map(|value| values.append(value)).is_some(),
            Values::Float32(values) => push(values, scalar::float(text).map(narrow)),
            Values::Float64(values) => push(values, scalar::float(text)),
            Values::Date(values) => push(values, time::date(text)),
            Values::Timestamp(values) => push(values, time::timestamp(text)),
            Values::UInt64(values) => push(values, scalar::unsigned(text)),
            Values::Struct(_) | Values::List(_) => false,
            _ => return scalar::signed(text).map_or(Err(Mismatch), |value| self.push_signed(value)),
        };
        self.pushed(pushed)
    }

    /// Appends a whole number.
    ///
    /// # Errors
    /// [`Mismatch`] if the column holds no numbers or narrower ones; then nothing was appended.
    #[inline]
    pub fn push_signed(&mut self, value: i64) -> Result<(), Mismatch> {
        let pushed = match &mut self.values {
            Values::Int16(values) => push(values, value.try_into().ok()),
            Values::Int32(values) => push(values, value.try_into().ok()),
            Values::Int64(values) => push(values, Some(value)),
            Values::UInt16(values) => push(values, value.try_into().ok()),
            Values::UInt32(values) => push(values, value.try_into().ok()),
            Values::UInt64(values) => push(values, value.try_into().ok()),
            Values::Float32(values) => push(values, Some(narrow(widen(value)))),
            Values::Float64(values) => push(values, Some(widen(value))),
            _ => false,
        };
        self.pushed(pushed)
    }

    /// Appends a whole number that is not negative; one too large for the column becomes a null.
    pub fn push_unsigned(&mut self, value: u64) {
        let pushed = match i64::try_from(value) {
            Ok(value) => self.push_signed(value).is_ok(),
            Err(_) => match &mut self.values {
                Values::UInt64(values) => {
                    values.push(value);
                    self.validity.push(true);
                    true
                }
                _ => false,
            },
        };
        if !pushed {
            self.push_null();
        }
    }

    /// Appends a number.
    ///
    /// # Errors
    /// [`Mismatch`] if the column does not hold floating point numbers; then nothing was appended.
    pub fn push_float(&mut self, value: f64) -> Result<(), Mismatch> {
        let pushed = match &mut self.values {
            Values::Float32(values) => push(values, Some(narrow(value))),
            Values::Float64(values) => push(values, Some(value)),
            _ => false,
        };
        self.pushed(pushed)
    }

    /// Appends `true` or `false`.
    ///
    /// # Errors
    /// [`Mismatch`] if the column is not boolean; then nothing was appended.
    pub fn push_boolean(&mut self, value: bool) -> Result<(), Mismatch> {
        let pushed = match &mut self.values {
            Values::Boolean(values) => {
                values.append(value);
                true
            }
            _ => false,
        };
        self.pushed(pushed)
    }

    /// Appends a time in microseconds since 1970 in UTC.
    ///
    /// # Errors
    /// [`Mismatch`] if the column holds no times; then nothing was appended.
    pub fn push_timestamp(&mut self, micros: i64) -> Result<(), Mismatch> {
        let pushed = match &mut self.values {
            Values::Timestamp(values) => push(values, Some(micros)),
            _ => false,
        };
        self.pushed(pushed)
    }

    /// Returns the columns inside a struct column, each of which the caller then gives one value; the struct itself
    /// counts as appended.
    pub fn push_struct(&mut self) -> Option<&mut [Column]> {
        match &mut self.values {
            Values::Struct(fields) => {
                self.validity.push(true);
                Some(fields)
            }
            _ => None,
        }
    }

    /// Returns a column inside a struct column.
    #[inline]
    pub(crate) fn field(&mut self, at: usize) -> Option<&mut Column> {
        match &mut self.values {
            Values::Struct(fields) => fields.get_mut(at),
            _ => None,
        }
    }

    /// Returns the column of a list's items, to which the caller appends any number of values before it calls
    /// [`Column::close_list`].
    pub fn open_list(&mut self) -> Option<&mut Column> {
        match &mut self.values {
            Values::List(list) => Some(&mut list.items),
            _ => None,
        }
    }

    /// Ends the list that [`Column::open_list`] began.
    pub fn close_list(&mut self) {
        if let Values::List(list) = &mut self.values {
            list.close();
            self.validity.push(true);
        }
    }

    /// Returns the values as an Arrow array and leaves the column empty.
    ///
    /// # Errors
    /// [`FormatError::Arrow`] if buffers and lengths disagree, which would be a bug.
    pub fn finish(&mut self) -> Result<ArrayRef, FormatError> {
        let length = self.validity.len();
        let nulls = self.validity.finish();
        self.values.finish(&self.kind, nulls, length)
    }

    #[inline]
    fn pushed(&mut self, pushed: bool) -> Result<(), Mismatch> {
        if pushed {
            self.validity.push(true);
            return Ok(());
        }
        Err(Mismatch)
    }
}

#[inline]
fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    value.map(|value| values.push(value)).is_some()
}

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit column was asked for")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a whole number in a column of floating point numbers is rounded, as SQL does"
)]
fn widen(value: i64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array, StringArray};

    #[test]
    fn truncation_takes_back_open_lists_and_structs() -> Result<(), FormatError> {
        let inner =
            ColumnType::Struct(vec![crate::ColumnSpec::new("a", ColumnType::List(Box::new(ColumnType::Int64)))]);
        let mut column = Column::new(&inner);
        for value in [1, 2] {
            let fields = column.push_struct().ok_or(FormatError::Empty)?;
            let list = fields.first_mut().ok_or(FormatError::Empty)?;
            let _ = list.open_list().map(|items| items.push_signed(value));
            if value == 1 {
                list.close_list();
            }
        }
        column.truncate(1);
        let array = column.finish()?;
        assert_eq!(array.len(), 1);
        Ok(())
    }

    #[test]
    fn bytes_that_are_not_utf8_are_repaired_one_value_at_a_time() -> Result<(), FormatError> {
        let mut column = Column::new(&ColumnType::Text);
        column.push_text(b"caf\xC3");
        column.push_text(b"\xA9");
        column.push_null();
        column.push_text("é".as_bytes());
        let array = column.finish()?;
        let array = array.as_any().downcast_ref::<StringArray>().ok_or(FormatError::Empty)?;
        let values: Vec<_> = array.iter().collect();
        assert_eq!(values, [Some("caf\u{FFFD}"), Some("\u{FFFD}"), None, Some("é")]);
        Ok(())
    }

    #[test]
    fn a_mismatch_appends_nothing() {
        let mut column = Column::new(&ColumnType::Int16);
        assert_eq!(column.push_parsed(b"70000"), Err(Mismatch));
        assert_eq!(column.push_parsed(b"abc"), Err(Mismatch));
        assert_eq!(column.push_parsed(b"-7"), Ok(()));
        assert_eq!(column.len(), 1);
    }
}
