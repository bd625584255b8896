//! What one field looks like to pandas, and what its value takes as a Python object.

/// What pandas reads as missing, unless told otherwise.
const MISSING: [&[u8]; 19] = [
    b"",
    b"#N/A",
    b"#N/A N/A",
    b"#NA",
    b"-1.#IND",
    b"-1.#QNAN",
    b"-NaN",
    b"-nan",
    b"1.#IND",
    b"1.#QNAN",
    b"<NA>",
    b"N/A",
    b"NA",
    b"NULL",
    b"NaN",
    b"None",
    b"n/a",
    b"nan",
    b"null",
];

/// The longest of them.
const LONGEST_MISSING: usize = 8;

/// What one value looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Look {
    Missing,
    Boolean,
    /// A whole number; those beyond 64 bits by their bits alone.
    Whole(i128),
    Huge {
        bits: u64,
    },
    Number {
        /// Whether 32 bits print the same digits.
        is_short: bool,
    },
    Text,
}

/// Returns what a field looks like.
pub(crate) fn look(field: &[u8]) -> Look {
    if field.len() <= LONGEST_MISSING && MISSING.contains(&field) {
        return Look::Missing;
    }
    if [&b"True"[..], b"TRUE", b"true", b"False", b"FALSE", b"false"].contains(&field) {
        return Look::Boolean;
    }
    let plain = field.trim_ascii();
    let starts_a_number = plain.first().is_some_and(|byte| byte.is_ascii_digit() || b"+-.iInN".contains(byte));
    match std::str::from_utf8(plain) {
        Ok(text) if starts_a_number => number(text).unwrap_or(Look::Text),
        _ => Look::Text,
    }
}

fn number(text: &str) -> Option<Look> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(whole(text, digits.len()));
    }
    let value: f64 = text.parse().ok()?;
    Some(Look::Number { is_short: is_short(text, value) })
}

fn whole(text: &str, digits: usize) -> Look {
    let limits = i128::from(i64::MIN)..=i128::from(u64::MAX);
    match text.parse::<i128>() {
        Ok(value) if limits.contains(&value) => Look::Whole(value),
        // Of a decimal digit, 3.33 bits.
        _ => Look::Huge { bits: u64::try_from(digits).unwrap_or(u64::MAX).saturating_mul(3322).div_ceil(1000) },
    }
}

/// Six digits survive in 32 bits; seven mostly.
fn is_short(text: &str, value: f64) -> bool {
    let Ok(narrow) = text.parse::<f32>() else { return false };
    narrow.to_string() == value.to_string()
}

/// What a field says of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// `2026-03-01`.
    Date,
    /// `2026-03-01 12:00:05` with or without a fraction and an offset.
    Moment,
}

/// Returns what a field says of time, in the ISO 8601 way that pandas tells by itself.
pub(crate) fn time(field: &[u8]) -> Option<Time> {
    let (date, rest) = field.split_first_chunk::<10>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    if ![y1, y2, y3, y4, m1, m2, d1, d2].iter().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Some((b'T' | b' ', clock)) = rest.split_first() else { return rest.is_empty().then_some(Time::Date) };
    let ([h1, h2, b':', n1, n2], rest) = clock.split_first_chunk::<5>()? else { return None };
    let is_clock = [h1, h2, n1, n2].iter().all(|byte| byte.is_ascii_digit());
    let is_rest = rest.iter().all(|byte| byte.is_ascii_digit() || b":.+-Z ".contains(byte));
    (is_clock && is_rest).then_some(Time::Moment)
}

/// What a text takes as a Python `str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PythonText {
    /// What `sys.getsizeof` says on Python 3.11; 8 less of ASCII and 16 less of others from 3.12 on.
    pub size: u64,
    /// What the allocator gives for it.
    pub allocated: u64,
    pub is_ascii: bool,
}

/// Returns what a text takes as a Python `str`: one, two or four bytes a character, by the widest of them.
pub(crate) fn python_text(text: &[u8]) -> PythonText {
    let is_ascii = text.is_ascii();
    let size = if is_ascii { 49 + count(text.len()) } else { wide(&String::from_utf8_lossy(text)) };
    PythonText { size, allocated: allocated(size), is_ascii }
}

fn wide(text: &str) -> u64 {
    let characters = count(text.chars().count());
    match text.chars().max().map_or(0, u32::from) {
        0..=0x7f => 49 + characters,
        0x80..=0xff => 73 + characters,
        0x100..=0xffff => 74 + 2 * characters,
        _ => 76 + 4 * characters,
    }
}

/// Returns what Python's allocator gives for an object of a size: steps of 16 up to 512, what `malloc` gives above.
pub(crate) fn allocated(size: u64) -> u64 {
    let with_head = if size <= 512 { size } else { size + 8 };
    with_head.next_multiple_of(16)
}

/// Returns a length as a number of bytes.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_look_to_us_as_to_pandas() {
        for (field, expected) in [
            ("", Look::Missing),
            ("n/a", Look::Missing),
            ("None", Look::Missing),
            ("none", Look::Text),
            ("TRUE", Look::Boolean),
            ("tRUE", Look::Text),
            ("007", Look::Whole(7)),
            (" -5 ", Look::Whole(-5)),
            ("18446744073709551615", Look::Whole(u64::MAX.into())),
            ("18446744073709551616", Look::Huge { bits: 67 }),
            ("1e5", Look::Number { is_short: true }),
            (".5", Look::Number { is_short: true }),
            ("inf", Look::Number { is_short: true }),
            ("0.123", Look::Number { is_short: true }),
            ("0.123456789", Look::Number { is_short: false }),
            ("1.2.3", Look::Text),
            ("-", Look::Text),
            ("10.0.0.1", Look::Text),
            ("\u{e4}", Look::Text),
        ] {
            assert_eq!(look(field.as_bytes()), expected, "{field}");
        }
    }

    #[test]
    fn times_are_told_as_pandas_does() {
        for (field, expected) in [
            ("2026-03-01", Some(Time::Date)),
            ("2026-03-01 12:00", Some(Time::Moment)),
            ("2026-03-01T12:00:05.25+01:00", Some(Time::Moment)),
            ("2026-03-01x", None),
            ("2026-03-01T12", None),
            ("2026-03-01T12:00:05 o'clock", None),
            ("10/Oct/2000:13:55:36", None),
        ] {
            assert_eq!(time(field.as_bytes()), expected, "{field}");
        }
    }

    #[test]
    fn texts_have_the_sizes_that_python_says() {
        // sys.getsizeof on Python 3.11.7.
        for (text, size, allocated) in [
            ("", 49, 64),
            ("GET", 52, 64),
            ("é", 74, 80),
            ("жук", 80, 80),
            ("a😀", 84, 96),
            (&"x".repeat(500), 549, 560),
        ] {
            let found = python_text(text.as_bytes());
            assert_eq!((found.size, found.allocated), (size, allocated), "{text}");
        }
    }
}
