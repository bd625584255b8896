//! What type a column has, guessed from samples.

use crate::{ColumnSpec, ColumnType, FormatError, UTF8_BOM, scalar, time};
use memchr::memchr;
use std::{collections::HashMap, sync::Arc};

/// Deeper objects are kept as their JSON text.
const MAX_DEPTH: usize = 16;

/// An object with more keys than this is a map from ids to values rather than a record, and is kept as its JSON text. A row
/// has so many columns, those of the keys that come first.
pub(crate) const MAX_STRUCT_FIELDS: usize = 1_000;

/// Bytes of a file from which the columns are guessed.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The bytes; they may begin and end in the middle of a record.
    pub bytes: &'a [u8],
    /// Whether they are the first of the file.
    pub at_start: bool,
}

impl<'a> Sample<'a> {
    /// Returns the sample from its first whole line on.
    pub(crate) fn whole_lines(&self) -> &'a [u8] {
        if self.at_start {
            return self.bytes.strip_prefix(UTF8_BOM).unwrap_or(self.bytes);
        }
        memchr(b'\n', self.bytes).and_then(|at| self.bytes.get(at + 1..)).unwrap_or_default()
    }
}

/// What the values of a column seen so far have in common.
#[derive(Clone, Debug, Default)]
pub(crate) enum Guess {
    /// Only nulls.
    #[default]
    Nothing,
    /// Values without parts, counted by what each looks like.
    Scalars(Tally),
    /// Values that no type but text covers.
    Text,
    Object(ObjectGuess),
    List(Box<Guess>),
}

/// What one value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Boolean,
    Int64,
    Float64,
    Date,
    Timestamp,
    Text,
}

/// How many values look like what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    counts: [u64; 6],
}

/// One value in so many may contradict all others: a log has broken lines, and one of them in a sample must not turn a
/// number into text. Such a line is a reject when it is read.
const VALUES_FOR_A_MISFIT: u64 = 1_000;

impl Tally {
    fn add(&mut self, look: Look) {
        if let Some(count) = self.counts.get_mut(look as usize) {
            *count += 1;
        }
    }

    fn kind(self) -> ColumnType {
        let [booleans, integers, floats, dates, times, _] = self.counts;
        let all: u64 = self.counts.iter().sum();
        let covers = |count: u64| count > 0 && (all - count) * VALUES_FOR_A_MISFIT <= all;
        match () {
            () if covers(booleans) => ColumnType::Boolean,
            () if covers(integers + floats) && floats == 0 => ColumnType::Int64,
            () if covers(integers + floats) => ColumnType::Float64,
            () if covers(dates) => ColumnType::Date,
            () if covers(times) => ColumnType::Timestamp,
            () => ColumnType::Text,
        }
    }
}

/// The keys of an object in the order of their first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectGuess {
    fields: Vec<(Arc<str>, Guess)>,
    places: HashMap<Arc<str>, usize>,
}

impl Guess {
    /// Counts a value in; in a column of objects or lists it leaves only text.
    pub(crate) fn see(&mut self, look: Look) {
        match self {
            Self::Nothing => {
                let mut tally = Tally::default();
                tally.add(look);
                *self = Self::Scalars(tally);
            }
            Self::Scalars(tally) => tally.add(look),
            Self::Text | Self::Object(_) | Self::List(_) => *self = Self::Text,
        }
    }

    /// Returns the guess for the items of a list, or nothing if other values have been seen.
    pub(crate) fn items(&mut self) -> Option<&mut Self> {
        if matches!(self, Self::Nothing) {
            *self = Self::List(Box::default());
        }
        if let Self::List(items) = self {
            return Some(items);
        }
        *self = Self::Text;
        None
    }

    /// Returns the guess for an object, or nothing if other values have been seen.
    pub(crate) fn object(&mut self) -> Option<&mut ObjectGuess> {
        if matches!(self, Self::Nothing) {
            *self = Self::Object(ObjectGuess::default());
        }
        if let Self::Object(object) = self {
            return Some(object);
        }
        *self = Self::Text;
        None
    }

    /// Returns the column type that reads every value seen.
    pub(crate) fn kind(&self) -> ColumnType {
        self.kind_at(0)
    }

    fn kind_at(&self, depth: usize) -> ColumnType {
        match self {
            Self::Scalars(tally) => tally.kind(),
            Self::List(item) if depth < MAX_DEPTH => ColumnType::List(Box::new(item.kind_at(depth + 1))),
            Self::Object(object) if depth < MAX_DEPTH && (1..=MAX_STRUCT_FIELDS).contains(&object.fields.len()) => {
                ColumnType::Struct(object.columns_at(depth + 1))
            }
            Self::Nothing | Self::Text | Self::List(_) | Self::Object(_) => ColumnType::Text,
        }
    }
}

impl Look {
    /// Returns what a field of delimited text looks like; an empty one is a null.
    pub(crate) fn of_text(text: &[u8]) -> Option<Self> {
        Some(match text {
            [] => return None,
            _ if text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"false") => Self::Boolean,
            _ if is_code(text) => Self::Text,
            _ if scalar::signed(text).is_some() => Self::Int64,
            _ if is_float(text) => Self::Float64,
            _ if time::date(text).is_some() => Self::Date,
            _ if time::timestamp(text).is_some() => Self::Timestamp,
            _ => Self::Text,
        })
    }
}

impl ObjectGuess {
    /// Returns the guess for a key's value.
    pub(crate) fn key(&mut self, name: &str) -> Option<&mut Guess> {
        let place = self.places.get(name).copied().unwrap_or_else(|| self.add(name));
        self.fields.get_mut(place).map(|(_, guess)| guess)
    }

    fn add(&mut self, name: &str) -> usize {
        let name: Arc<str> = Arc::from(name);
        let place = self.fields.len();
        self.places.insert(Arc::clone(&name), place);
        self.fields.push((name, Guess::Nothing));
        place
    }

    /// Returns the columns of the object, which is a row.
    pub(crate) fn columns(&self) -> Vec<ColumnSpec> {
        let first = self.fields.iter().take(MAX_STRUCT_FIELDS);
        first.map(|(name, guess)| ColumnSpec::new(Arc::clone(name), guess.kind_at(0))).collect()
    }

    /// Returns the keys that are no columns of the row.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().skip(MAX_STRUCT_FIELDS).map(|(name, _)| name.as_ref())
    }

    fn columns_at(&self, depth: usize) -> Vec<ColumnSpec> {
        self.fields.iter().map(|(name, guess)| ColumnSpec::new(Arc::clone(name), guess.kind_at(depth))).collect()
    }
}

/// Returns the error for a type given to a column that does not exist.
pub(crate) fn unknown_column(name: &str, columns: &[ColumnSpec]) -> FormatError {
    let known: Vec<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
    FormatError::Types(format!("no column `{name}`; the columns are {}", known.join(", ")))
}

/// `007` and `+49 ...` are codes: as numbers they would lose what they say.
fn is_code(text: &[u8]) -> bool {
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0', second, ..] => second.is_ascii_digit(),
        [first, ..] => *first == b'+',
        [] => false,
    }
}

/// A number with a fraction or an exponent. Digits alone that are too many for 64 bits are an id, and too large for a float
/// means infinity: both stay text.
fn is_float(text: &[u8]) -> bool {
    let has_digits = text.iter().any(u8::is_ascii_digit);
    let only_digits = text.strip_prefix(b"-").unwrap_or(text).iter().all(u8::is_ascii_digit);
    !only_digits && scalar::float(text).is_some_and(|value| value.is_finite() || !has_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(values: impl IntoIterator<Item = &'static str>) -> ColumnType {
        let mut guess = Guess::default();
        values.into_iter().filter_map(|value| Look::of_text(value.as_bytes())).for_each(|look| guess.see(look));
        guess.kind()
    }

    #[test]
    fn one_value_in_a_thousand_may_be_broken() {
        let many = |count: usize| std::iter::repeat_n("200", count);
        assert_eq!(kind(many(1_000).chain(["abc"])), ColumnType::Int64);
        assert_eq!(kind(many(900).chain(["abc"])), ColumnType::Text);
        assert_eq!(kind(many(3).chain(["1.5"])), ColumnType::Float64);
        assert_eq!(kind(many(3).chain(["2026-03-01"])), ColumnType::Text);
        assert_eq!(kind([]), ColumnType::Text);
    }
}
