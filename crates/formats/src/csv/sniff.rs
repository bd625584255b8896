//! Which delimiter a file uses.

use super::{
    decoder::blank_line,
    header::{self, FirstRecord},
    split::{self, Fields},
};
use memchr::memchr;

/// The delimiters that are tried, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// How many records are looked at.
const RECORDS: usize = 100;

/// Returns the delimiter that gives the most records as many fields as the first record has, and among equals the one that
/// gives the most fields. Text without any of them is one column wide, for which the comma is as good as another.
pub(super) fn delimiter(bytes: &[u8]) -> u8 {
    let mut best = b',';
    let mut best_score = (0, 0);
    for delimiter in DELIMITERS {
        let counts = field_counts(bytes, delimiter);
        let Some(first) = counts.first().copied().filter(|first| *first > 1) else { continue };
        // In thousandths: quoted line ends make the number of records depend on the delimiter.
        let agreeing = counts.iter().filter(|count| **count == first).count() * 1_000 / counts.len();
        if (agreeing, first) > best_score {
            best_score = (agreeing, first);
            best = delimiter;
        }
    }
    best
}

/// Returns the delimiter that splits all of the first records, two at least, into the same number of fields, two at least, if
/// the first of them could be the names of columns: any text has lines with the same number of commas now and then.
pub(crate) fn consistent_delimiter(bytes: &[u8]) -> Option<u8> {
    let delimiter = delimiter(bytes);
    let counts = field_counts(bytes, delimiter);
    let first = counts.first().copied().filter(|first| *first > 1)?;
    let consistent = counts.len() > 1 && counts.iter().all(|count| *count == first);
    let is_prose = bytes.split(|byte| *byte == b'\n').take(RECORDS).any(|line| is_prose(line, delimiter));
    let names = FirstRecord::read(bytes, delimiter)?.fields;
    (consistent && !is_prose && header::are_plain_names(&names)).then_some(delimiter)
}

/// Returns whether all commas or semicolons of a line stand as in a sentence, before a space, or as in a time, between the
/// seconds and their fraction: messages of one program often have the same number of them.
fn is_prose(line: &[u8], delimiter: u8) -> bool {
    let mut rest = line;
    let mut found = false;
    while let Some((before, after)) = memchr(delimiter, rest).and_then(|at| rest.split_at_checked(at)) {
        rest = after.get(1..).unwrap_or_default();
        let in_time = matches!(before, [.., b':', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit());
        if !in_time && rest.first() != Some(&b' ') {
            return false;
        }
        found = true;
    }
    found && matches!(delimiter, b',' | b';')
}

/// Returns the numbers of fields of the first whole records; of the only record, if none is whole.
fn field_counts(bytes: &[u8], delimiter: u8) -> Vec<usize> {
    let mut rest = whole(bytes, delimiter);
    let mut counts = Vec::new();
    while !rest.is_empty() && counts.len() < RECORDS {
        let length = blank_line(rest).unwrap_or_else(|| {
            let mut fields = Fields::new(rest, delimiter);
            counts.push(fields.by_ref().count());
            fields.finish().length
        });
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    counts
}

/// Returns the whole records of a sample that may end in the middle of one, or all of it if it holds no whole one.
pub(super) fn whole(bytes: &[u8], delimiter: u8) -> &[u8] {
    match split::whole_records(bytes, delimiter) {
        0 => bytes,
        length => bytes.get(..length).unwrap_or(bytes),
    }
}
