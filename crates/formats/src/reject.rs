//! Records that could not be read: where they stand and why.

use std::{fmt, sync::Arc};

/// Why a record could not be read as its format.
///
/// Made to be cheap: a file may hold millions of bad lines, and building a message for each of them costs more than
/// reading a good one. The text is only made where somebody looks ([`fmt::Display`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A part of the record is missing or malformed; the text says which.
    Malformed(&'static str),
    /// The value of a column is not of the column's type.
    Value {
        /// The column's name, dotted for a nested one.
        column: Arc<str>,
        /// What was expected, such as "a whole number".
        expected: &'static str,
    },
    /// The record has another number of fields than the header.
    FieldCount {
        /// Fields in the header.
        expected: usize,
        /// Fields in the record.
        found: usize,
    },
    /// The record is no JSON object; the text is the parser's.
    Json(Box<str>),
    /// The record is longer than the cap on one record, in bytes.
    TooLong(usize),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => f.write_str(what),
            Self::Value { column, expected } => write!(f, "`{column}` is not {expected}"),
            Self::FieldCount { expected, found } => write!(f, "{found} fields where the header has {expected}"),
            Self::Json(message) => write!(f, "not a JSON object: {message}"),
            Self::TooLong(cap) => write!(f, "record longer than {} MiB", cap >> 20),
        }
    }
}

/// One record that could not be read.
#[derive(Clone, Debug)]
pub struct Reject<'a> {
    /// Physical lines between the start of the block and the record.
    pub line_in_block: u64,
    /// The record's first byte, counted from the start of the file.
    pub offset: u64,
    /// Why it could not be read.
    pub reason: Reason,
    /// The record without its line end; of one beyond the cap, its beginning.
    pub raw: &'a [u8],
    /// The bytes of the record, of which `raw` may be the first.
    pub length: u64,
}
