//! Delimited text: CSV, TSV and their kin, with or without a header.
//!
//! The quoting is RFC 4180's, read leniently: a quote opens a quoted field only where a field begins, `""` inside one is a
//! quote, a quote elsewhere is a character like any other, and text between a closing quote and the next delimiter belongs
//! to the value. A quoted field may hold delimiters and line ends. An empty field is NULL; an empty quoted field is an empty
//! text in a text column and NULL in any other.

mod decoder;
mod header;
mod layout;
mod needles;
mod plan;
mod sniff;
mod usual;

pub mod split;

pub use decoder::CsvDecoder;
pub use layout::{CsvLayout, CsvOptions};
pub(crate) use needles::needles;
pub(crate) use sniff::consistent_delimiter;

#[cfg(test)]
mod against_rules;
#[cfg(test)]
mod tests;
