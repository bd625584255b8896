//! What a sample shows of one column.

use crate::{
    distinct::Distinct,
    look::{Look, Time, count, look, python_text, time},
    range::ratio,
};

/// What a sample shows of one column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    pub name: String,
    /// Values, missing ones among them.
    pub values: u64,
    pub missing: u64,
    pub booleans: u64,
    /// Whole numbers of up to 64 bits.
    pub wholes: u64,
    pub least: i128,
    pub most: i128,
    /// Whole numbers of more bits.
    pub huge: u64,
    huge_bits: u64,
    pub numbers: u64,
    /// Numbers that 64 bits are needed for.
    pub long_numbers: u64,
    pub texts: u64,
    pub dates: u64,
    pub moments: u64,
    /// Lists and objects of JSON, and what they take as Python's.
    pub nested: u64,
    pub nested_bytes: u64,
    /// Of all values that are not missing, as if they were texts.
    text_bytes: u64,
    text_objects: u64,
    text_allocated: u64,
    not_ascii: u64,
    pub distinct: Distinct,
}

impl Column {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Counts a field of text in.
    pub(crate) fn see(&mut self, field: &[u8]) {
        self.see_look(look(field), field);
    }

    /// Counts a value in that was told apart already.
    pub(crate) fn see_look(&mut self, look: Look, field: &[u8]) {
        self.values += 1;
        match look {
            Look::Missing => {
                self.missing += 1;
                return;
            }
            Look::Boolean => self.booleans += 1,
            Look::Whole(value) => {
                if self.wholes == 0 {
                    (self.least, self.most) = (value, value);
                }
                self.wholes += 1;
                (self.least, self.most) = (self.least.min(value), self.most.max(value));
            }
            Look::Huge { bits } => {
                self.huge += 1;
                self.huge_bits += bits;
            }
            Look::Number { is_short } => {
                self.numbers += 1;
                self.long_numbers += u64::from(!is_short);
            }
            Look::Text => {
                self.texts += 1;
                match time(field) {
                    Some(Time::Date) => self.dates += 1,
                    Some(Time::Moment) => self.moments += 1,
                    None => {}
                }
            }
        }
        self.see_text(field);
    }

    /// Counts a list or an object in.
    pub(crate) fn see_nested(&mut self, bytes: u64) {
        self.values += 1;
        self.nested += 1;
        self.nested_bytes += bytes;
    }

    /// Counts a missing value in.
    pub(crate) fn see_missing(&mut self, times: u64) {
        self.values += times;
        self.missing += times;
    }

    fn see_text(&mut self, field: &[u8]) {
        let object = python_text(field);
        self.text_bytes += count(field.len());
        self.text_objects += object.size;
        self.text_allocated += object.allocated;
        self.not_ascii += u64::from(!object.is_ascii);
        self.distinct.see(field);
    }

    /// Values that are not missing.
    pub(crate) fn present(&self) -> u64 {
        self.values - self.missing
    }

    /// The share of values that are missing.
    pub(crate) fn missing_share(&self) -> f64 {
        ratio(self.missing, self.values)
    }

    /// Bytes of text for each row, the missing ones among them.
    pub(crate) fn text(&self) -> f64 {
        ratio(self.text_bytes, self.values)
    }

    /// What `sys.getsizeof` says of a row's text, the missing ones among them, which are a float each.
    pub(crate) fn text_object(&self, python_minor: u32) -> f64 {
        let smaller = if python_minor >= 12 { 8 * self.present() + 8 * self.not_ascii } else { 0 };
        ratio(self.text_objects.saturating_sub(smaller) + 24 * self.missing, self.values)
    }

    /// What the allocator gives for the text of a value that is there.
    pub(crate) fn text_allocated(&self) -> f64 {
        ratio(self.text_allocated, self.present())
    }

    /// The bits of whole numbers of more than 64.
    pub(crate) fn huge_bits(&self) -> u64 {
        self.huge_bits.checked_div(self.huge).unwrap_or_default()
    }

    /// Whether every value that is there is a date or a time, and at least one is.
    pub(crate) fn is_time(&self) -> bool {
        self.present() > 0 && self.dates + self.moments == self.present()
    }

    /// Whether every value that is there is a date without a time.
    pub(crate) fn is_date(&self) -> bool {
        self.present() > 0 && self.dates == self.present()
    }
}
