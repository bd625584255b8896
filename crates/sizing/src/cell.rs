//! The type that a column gets, and what a value of it takes.
//!
//! The formulas, for a text of `L` bytes: `str` of pandas 3 is Arrow's large string, `L + 8`; `string[pyarrow]` is `L + 4`; a
//! Python object is a pointer and the object, `8 + 49 + L` of ASCII; a category is a code of 1, 2 or 4 bytes, and each text
//! once. Where values are missing, an Arrow array has a bit for each row besides.

use crate::{
    Environment, FileKind, Pandas, Setting,
    column::Column,
    distinct::Distinct,
    look::allocated,
    range::{Range, ratio, times},
};

/// The type of a column, and what a row of it takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What pandas calls the type.
    pub dtype: String,
    /// Bytes for each row as `memory_usage(deep=True)` counts them.
    pub deep: f64,
    /// Bytes for the column as a whole: the texts of a category.
    pub fixed: u64,
    /// Bytes for each row that the process really holds: objects that several rows share are there once.
    pub held: f64,
    /// The part of them in blocks of NumPy, which are copied while a file is read.
    pub(crate) numpy: f64,
    /// Bytes for each row that are there only while the column is made.
    pub(crate) passing: f64,
}

/// What a cell depends on besides its column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub environment: Environment,
    pub kind: FileKind,
    pub rows: u64,
    pub sampled: u64,
    /// Rows that are read at a time, among which equal texts share one object.
    pub chunk_rows: u64,
}

impl Cell {
    fn fixed_size(dtype: impl Into<String>, bytes: f64) -> Self {
        Self { dtype: dtype.into(), deep: bytes, held: bytes, numpy: bytes, ..Self::default() }
    }

    fn arrow(dtype: impl Into<String>, bytes: f64) -> Self {
        Self { numpy: 0.0, ..Self::fixed_size(dtype, bytes) }
    }
}

/// Returns the cell of a column in a setting.
pub(crate) fn cell(column: &Column, setting: Setting, context: &Context) -> Cell {
    match setting {
        Setting::ArrowBackend => backend(column, false),
        Setting::ArrowEngine => engine(column, context),
        Setting::ArrowBoth => backend(column, true),
        Setting::Dates if column.is_time() => date(column, context),
        Setting::Default | Setting::Used | Setting::Dates => plain(column, context),
        Setting::Categories => category(column, context).unwrap_or_else(|| plain(column, context)),
        Setting::Tuned | Setting::UsedTuned => tuned(column, context),
    }
}

/// What pandas infers by itself.
fn plain(column: &Column, context: &Context) -> Cell {
    let is_whole = column.missing == 0;
    let present = column.present();
    match () {
        () if present == 0 => Cell::fixed_size("float64", 8.0),
        () if column.nested > 0 => {
            let inside = ratio(column.nested_bytes, column.values);
            Cell { deep: 8.0 + inside, held: 8.0 + inside, ..Cell::fixed_size("object", 8.0) }
        }
        () if column.booleans == present && is_whole => Cell::fixed_size("bool", 1.0),
        // read_json takes them for numbers, read_csv keeps the words of Python.
        () if column.booleans == present && context.kind == FileKind::Ndjson => Cell::fixed_size("float64", 8.0),
        () if column.booleans == present => {
            let objects = 28.0 * (1.0 - column.missing_share()) + 24.0 * column.missing_share();
            Cell { deep: 8.0 + objects, ..Cell::fixed_size("object", 8.0) }
        }
        () if column.wholes + column.huge == present && column.huge > 0 => huge(column, context),
        () if column.wholes == present && is_whole => whole(column, context),
        () if column.wholes + column.numbers == present => Cell::fixed_size("float64", 8.0),
        () if context.kind == FileKind::Ndjson && turns_into_a_date(column) => {
            Cell { passing: column.text() + 8.0, ..Cell::fixed_size("datetime64", 8.0) }
        }
        () => text(column, context),
    }
}

fn whole(column: &Column, context: &Context) -> Cell {
    let fits = |low: i128, high: i128| low <= column.least && column.most <= high;
    match () {
        () if fits(i64::MIN.into(), i64::MAX.into()) => Cell::fixed_size("int64", 8.0),
        () if column.least >= 0 => Cell::fixed_size("uint64", 8.0),
        () => huge(column, context),
    }
}

/// Whole numbers that no type holds: Python's integers from pandas 3 on, texts before.
fn huge(column: &Column, context: &Context) -> Cell {
    if context.environment.pandas == Pandas::V2 {
        return text(column, context);
    }
    let object = 24 + 4 * column.huge_bits().max(64).div_ceil(30);
    let present = 1.0 - column.missing_share();
    let deep = 8.0 + ratio(object, 1) * present + 24.0 * column.missing_share();
    Cell { deep, held: 8.0 + ratio(allocated(object), 1) * present, ..Cell::fixed_size("object", 8.0) }
}

/// `read_json` makes dates of columns whose names sound like it.
fn turns_into_a_date(column: &Column) -> bool {
    let name = column.name.to_ascii_lowercase();
    let sounds = name.ends_with("_at") || name.ends_with("_time") || name.starts_with("timestamp");
    column.is_time() && (sounds || name == "modified" || name == "date")
}

fn text(column: &Column, context: &Context) -> Cell {
    let environment = context.environment;
    if environment.has_arrow_texts() {
        return Cell::arrow("str", column.text() + 8.0 + validity(column));
    }
    let name = if environment.pandas == Pandas::V2 { "object" } else { "str" };
    let deep = 8.0 + column.text_object(environment.python_minor);
    let shared = unshared(&column.distinct, context) * (1.0 - column.missing_share());
    Cell { deep, held: 8.0 + column.text_allocated() * shared, ..Cell::fixed_size(name, 8.0) }
}

/// The share of rows that need an object of their own, because no other row of the same chunk has the same text.
fn unshared(distinct: &Distinct, context: &Context) -> f64 {
    if distinct.is_mostly_unique(context.sampled) {
        return 1.0;
    }
    let rows = ratio(context.rows.max(1), 1);
    let chunk = ratio(context.chunk_rows.clamp(1, context.rows.max(1)), 1);
    let Some(all) = distinct.estimate(context.sampled, context.rows).filter(|all| all.expected > 0) else { return 1.0 };
    // A value that is there `rows / all` times is met in a chunk unless each time it is in another one.
    let all = ratio(all.expected, 1).min(rows);
    let met = all * (1.0 - (1.0 - chunk / rows).powf(rows / all));
    (met / chunk).min(1.0)
}

fn validity(column: &Column) -> f64 {
    if column.missing > 0 { 0.125 } else { 0.0 }
}

/// Arrow's types for all columns.
fn backend(column: &Column, knows_dates: bool) -> Cell {
    let present = column.present();
    let valid = validity(column);
    match () {
        () if present == 0 => Cell::arrow("null[pyarrow]", 0.0),
        () if column.nested > 0 => Cell::fixed_size("object", 8.0 + ratio(column.nested_bytes, column.values)),
        () if column.booleans == present => Cell::arrow("bool[pyarrow]", 0.125 + valid),
        () if column.wholes == present => Cell::arrow("int64[pyarrow]", 8.0 + valid),
        () if column.wholes + column.numbers + column.huge == present => Cell::arrow("double[pyarrow]", 8.0 + valid),
        () if knows_dates && column.is_date() => Cell::arrow("date32[day][pyarrow]", 4.0 + valid),
        () if knows_dates && column.is_time() => Cell::arrow("timestamp[pyarrow]", 8.0 + valid),
        () => Cell::arrow("string[pyarrow]", column.text() + 4.0 + valid),
    }
}

/// Arrow's reader knows times, makes objects of dates, and floats of numbers that do not fit.
fn engine(column: &Column, context: &Context) -> Cell {
    match () {
        () if column.is_date() => Cell { deep: 40.0, held: 40.0, ..Cell::fixed_size("object", 8.0) },
        () if column.is_time() => Cell::fixed_size("datetime64", 8.0),
        () if column.huge > 0 && column.wholes + column.huge == column.present() => Cell::fixed_size("float64", 8.0),
        () => plain(column, context),
    }
}

/// Dates are read as texts, and turned into numbers at the end.
fn date(column: &Column, context: &Context) -> Cell {
    let text = text(column, context);
    Cell { passing: text.held, ..Cell::fixed_size("datetime64", 8.0) }
}

/// A code for each row, and each text once; none if too many texts differ for it to be worth it.
fn category(column: &Column, context: &Context) -> Option<Cell> {
    const MOST: u64 = 32_767;
    let is_text = matches!(plain(column, context).dtype.as_str(), "str" | "object") && column.texts == column.present();
    let distinct = column.distinct.estimate(context.sampled, context.rows).filter(|_| is_text && column.texts > 0)?;
    if distinct.high > MOST && distinct.expected > MOST / 2 {
        return None;
    }
    let code = if distinct.expected <= 127 { 1.0 } else { 2.0 };
    let fixed = dictionary(column, distinct, context);
    let all = text(column, context).deep * ratio(context.rows, 1);
    let worth_it = (code * ratio(context.rows, 1) + ratio(fixed, 1)) < all / 2.0;
    // A code of 8 bytes is there while the categories of chunks are united.
    let cell = Cell { fixed, passing: 2.0 * code, ..Cell::fixed_size("category", code) };
    worth_it.then_some(cell)
}

/// The texts of a category, and the table that finds them: 16 bytes and two bits for each slot.
fn dictionary(column: &Column, distinct: Range, context: &Context) -> u64 {
    let one = ratio(count_of_text(column, context), column.present().max(1));
    let slots = times(distinct.expected, 1.0 / 0.77).max(4).next_power_of_two();
    times(distinct.expected, one).saturating_add(times(slots, 16.25))
}

/// What all texts of the sample take as the index of a category holds them.
fn count_of_text(column: &Column, context: &Context) -> u64 {
    let values = column.values;
    let row = text(column, context).deep - validity(column) - column.missing_share() * 8.0;
    times(values, row)
}

/// The smallest type that holds the values of the sample.
fn tuned(column: &Column, context: &Context) -> Cell {
    let plain = plain(column, context);
    let is_whole = column.missing == 0;
    match plain.dtype.as_str() {
        "int64" | "uint64" => Cell::fixed_size(smallest(column).0, smallest(column).1),
        "float64" if column.present() > 0 && column.wholes == column.present() => {
            let (name, bytes) = smallest(column);
            Cell::fixed_size(nullable(name), bytes + 1.0)
        }
        "float64" if column.present() > 0 && column.long_numbers == 0 && column.booleans == 0 => {
            Cell::fixed_size("float32", 4.0)
        }
        "object" | "float64" if column.booleans == column.present() && !is_whole && column.present() > 0 => {
            Cell::fixed_size("boolean", 2.0)
        }
        "str" | "object" if column.is_time() && context.kind != FileKind::Ndjson => date(column, context),
        _ => category(column, context).unwrap_or(plain),
    }
}

/// Returns the smallest type of whole numbers, and its bytes.
fn smallest(column: &Column) -> (&'static str, f64) {
    let fits = |low: i128, high: i128| low <= column.least && column.most <= high;
    match () {
        () if fits(-128, 127) => ("int8", 1.0),
        () if fits(0, 255) => ("uint8", 1.0),
        () if fits(-32_768, 32_767) => ("int16", 2.0),
        () if fits(0, 65_535) => ("uint16", 2.0),
        () if fits(i32::MIN.into(), i32::MAX.into()) => ("int32", 4.0),
        () if fits(0, u32::MAX.into()) => ("uint32", 4.0),
        () if column.least >= 0 && column.most > i64::MAX.into() => ("uint64", 8.0),
        () => ("int64", 8.0),
    }
}

/// Returns the name of the type that can be missing: `Int16` of `int16`, `UInt8` of `uint8`.
fn nullable(name: &str) -> String {
    match name.strip_prefix("uint") {
        Some(bits) => format!("UInt{bits}"),
        None => name.replacen('i', "I", 1),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "sums of small whole numbers are exact")]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            environment: Environment::default(),
            kind: FileKind::Csv,
            rows: 1_000_000,
            sampled: 1_000,
            chunk_rows: 65_536,
        }
    }

    fn column(values: impl IntoIterator<Item = String>) -> Column {
        let mut column = Column::new("x");
        values.into_iter().for_each(|value| column.see(value.as_bytes()));
        column
    }

    fn cells(column: &Column) -> [(String, f64); 3] {
        [Setting::Default, Setting::Tuned, Setting::ArrowBackend].map(|setting| {
            let cell = cell(column, setting, &context());
            (cell.dtype, cell.deep)
        })
    }

    #[track_caller]
    fn check(values: &[&str], expected: [(&str, f64); 3]) {
        let column = column(values.iter().map(|value| (*value).to_owned()));
        assert_eq!(cells(&column), expected.map(|(name, bytes)| (name.to_owned(), bytes)), "{values:?}");
    }

    #[test]
    fn types_and_sizes_of_columns() {
        check(&["1", "200"], [("int64", 8.0), ("uint8", 1.0), ("int64[pyarrow]", 8.0)]);
        check(&["-1", "200"], [("int64", 8.0), ("int16", 2.0), ("int64[pyarrow]", 8.0)]);
        check(&["1", "", "70000", "2"], [("float64", 8.0), ("Int32", 5.0), ("int64[pyarrow]", 8.125)]);
        check(&["0.5", "1"], [("float64", 8.0), ("float32", 4.0), ("double[pyarrow]", 8.0)]);
        check(&["0.123456789012"], [("float64", 8.0), ("float64", 8.0), ("double[pyarrow]", 8.0)]);
        check(&["True", "False"], [("bool", 1.0), ("bool", 1.0), ("bool[pyarrow]", 0.125)]);
        check(&["True", ""], [("object", 34.0), ("boolean", 2.0), ("bool[pyarrow]", 0.25)]);
        check(&["", "NaN"], [("float64", 8.0), ("float64", 8.0), ("null[pyarrow]", 0.0)]);
        check(&["9223372036854775808"], [("uint64", 8.0), ("uint64", 8.0), ("int64[pyarrow]", 8.0)]);
        check(&["1180591620717411303424"], [("object", 44.0), ("object", 44.0), ("double[pyarrow]", 8.0)]);
        check(&["2026-03-01"], [("str", 18.0), ("datetime64", 8.0), ("string[pyarrow]", 14.0)]);
    }

    #[test]
    fn texts_that_repeat_become_categories() {
        let few = column((0..1_000).map(|place| format!("value {}", place % 10)));
        let cell = |setting| cell(&few, setting, &context());
        assert_eq!(cell(Setting::Default).deep, 15.0);
        let category = cell(Setting::Categories);
        assert_eq!((category.dtype.as_str(), category.deep, category.fixed), ("category", 1.0, 10 * 15 + 260));
        let many = column((0..1_000).map(|place| format!("value {place}")));
        assert_eq!(super::cell(&many, Setting::Categories, &context()).dtype, "str");
    }

    #[test]
    fn objects_are_counted_deep_and_held_once_for_each_chunk() {
        let mut context = context();
        context.environment.pandas = Pandas::V2;
        let few = column((0..1_000).map(|place| format!("value {}", place % 10)));
        let few = cell(&few, Setting::Default, &context);
        assert_eq!((few.dtype.as_str(), few.deep), ("object", 8.0 + 49.0 + 7.0));
        assert!((few.held - 8.0).abs() < 0.1, "{}", few.held);
        let all = column((0..1_000).map(|place| format!("value {place:03}")));
        context.rows = 1_000;
        let held = cell(&all, Setting::Default, &context).held;
        assert_eq!(held, 8.0 + 64.0);
        context.environment.python_minor = 12;
        assert_eq!(cell(&all, Setting::Default, &context).deep, 8.0 + 41.0 + 9.0);
    }
}
