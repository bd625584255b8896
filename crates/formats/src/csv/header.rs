//! The header of a delimited file: whether there is one, and the names in it.

use super::decoder::blank_line;
use super::split::{self, Extent, Field, Fields};
use crate::{scalar, time};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The record at the start of some bytes, taken apart for a closer look.
#[derive(Debug)]
pub(super) struct FirstRecord<'a> {
    /// Bytes of blank lines before it.
    pub blank: usize,
    /// How many blank lines those are.
    pub blank_lines: u64,
    /// What it covers.
    pub extent: Extent,
    /// Its fields, unquoted.
    pub fields: Vec<Cow<'a, [u8]>>,
}

impl<'a> FirstRecord<'a> {
    /// Reads the first record of `bytes` that is not blank. Returns nothing if there is none.
    pub(super) fn read(bytes: &'a [u8], delimiter: u8) -> Option<Self> {
        let mut blank = 0;
        let mut blank_lines = 0;
        while let Some(length) = blank_line(bytes.get(blank..)?) {
            blank += length;
            blank_lines += 1;
        }
        let rest = bytes.get(blank..).filter(|rest| !rest.is_empty())?;
        let mut fields = Fields::new(rest, delimiter);
        let values = fields.by_ref().map(value).collect();
        Some(Self { blank, blank_lines, extent: fields.finish(), fields: values })
    }
}

/// Returns the value of a field.
pub(super) fn value(field: Field<'_>) -> Cow<'_, [u8]> {
    match field {
        Field::Plain(text) | Field::Quoted(text) => Cow::Borrowed(text),
        Field::Escaped(text) => {
            let mut value = Vec::new();
            split::unquote(text, &mut value);
            Cow::Owned(value)
        }
    }
}

/// Returns whether the first record names the columns: it does not if every field of it is a number, a date or a time, or if
/// one of them is a time of day on a date, which no column is called.
pub(super) fn looks_like_header(fields: &[Cow<'_, [u8]>]) -> bool {
    let is_time = |field: &Cow<'_, [u8]>| time::timestamp(field).is_some();
    let is_value = |field: &Cow<'_, [u8]>| {
        field.is_empty() || scalar::float(field).is_some() || time::date(field).is_some() || is_time(field)
    };
    let all_empty = fields.iter().all(|field| field.is_empty());
    all_empty || !(fields.iter().all(is_value) || fields.iter().any(is_time))
}

/// Returns whether nothing but a header looks like this: names that differ, without values, times and brackets in them.
pub(super) fn are_plain_names(fields: &[Cow<'_, [u8]>]) -> bool {
    const LONGEST: usize = 64;
    let is_name = |field: &[u8]| {
        let is_value =
            scalar::float(field).is_some() || time::date(field).is_some() || time::timestamp(field).is_some();
        let has_brackets = field.iter().any(|byte| b"[]{}<>".contains(byte));
        (1..=LONGEST).contains(&field.len()) && !is_value && !has_brackets && !holds_time_of_day(field)
    };
    let differ = fields.iter().map(|field| field.trim_ascii()).collect::<HashSet<_>>().len() == fields.len();
    differ && fields.iter().all(|field| is_name(field.trim_ascii()))
}

/// Whether there is something like `12:30:05` in a text.
fn holds_time_of_day(text: &[u8]) -> bool {
    let is_time =
        |part: &[u8]| matches!(part, [a, b, b':', c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()));
    text.windows(5).any(is_time)
}

/// Returns the column names that a header spells, each of them once: the second `a` is `a_2`, and a name that is empty is
/// `column_` and its place from 1.
pub(super) fn names(fields: &[Cow<'_, [u8]>]) -> Vec<Arc<str>> {
    let mut taken = HashSet::new();
    // The last copy of each name that was met twice, so that thousands of equal ones are not counted from one each time.
    let mut copies: HashMap<String, u64> = HashMap::new();
    let mut names = Vec::with_capacity(fields.len());
    for (place, field) in (1..).zip(fields) {
        let text = String::from_utf8_lossy(field);
        let text = text.trim();
        let plain = if text.is_empty() { format!("column_{place}") } else { text.to_owned() };
        let mut name = plain.clone();
        if taken.contains(&name) {
            let copy = copies.entry(plain.clone()).or_insert(1);
            while taken.contains(&name) {
                *copy += 1;
                name = format!("{plain}_{copy}");
            }
        }
        taken.insert(name.clone());
        names.push(Arc::from(name));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_get_the_next_name_that_is_free() {
        let check = |header: &[&str], expected: &[&str]| {
            let fields: Vec<_> = header.iter().map(|field| Cow::Borrowed(field.as_bytes())).collect();
            let names = names(&fields);
            assert_eq!(names.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), expected, "{header:?}");
        };
        check(&["a", "a", "a", ""], &["a", "a_2", "a_3", "column_4"]);
        check(&["a_3", "a", "a", "a", "a"], &["a_3", "a", "a_2", "a_4", "a_5"]);
        check(&["a", "a", "a_2", "a_2", "a"], &["a", "a_2", "a_2_2", "a_2_3", "a_3"]);
        check(&["", "column_1", " a ", "a"], &["column_1", "column_1_2", "a", "a_2"]);
    }

    #[test]
    fn equal_names_take_no_square_of_time() {
        // With a square of it, this is some hours.
        let fields = vec![Cow::Borrowed(&b"a"[..]); 200_000];
        assert_eq!(names(&fields).last().map(AsRef::as_ref), Some("a_200000"));
    }
}
