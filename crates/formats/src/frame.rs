//! Where records end. A line of text, or a quoted record that may hold line ends.

use crate::csv::split;
use memchr::{memchr, memrchr};

/// How records are told apart in a run of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A record is a line.
    Lines,
    /// A record is a line, but quoted fields may hold line ends.
    Quoted {
        /// The byte between fields.
        delimiter: u8,
    },
}

impl Framing {
    /// Returns the length of the longest prefix of `bytes` that holds whole records, line ends included.
    ///
    /// `bytes` starts where a record starts. Zero means that not even one record is whole.
    pub fn whole_records(self, bytes: &[u8]) -> usize {
        match self {
            Self::Lines => last_line_end(bytes),
            // Without a quote there is nothing that could hide a line end.
            Self::Quoted { .. } if memchr(b'"', bytes).is_none() => last_line_end(bytes),
            Self::Quoted { delimiter } => split::whole_records(bytes, delimiter),
        }
    }
}

fn last_line_end(bytes: &[u8]) -> usize {
    memrchr(b'\n', bytes).map_or(0, |at| at + 1)
}

/// The line at the start of `bytes`: its content without the line end, and its length with it.
pub(crate) fn line(bytes: &[u8]) -> (&[u8], usize) {
    let (content, length) = match memchr(b'\n', bytes) {
        Some(at) => (bytes.get(..at).unwrap_or_default(), at + 1),
        None => (bytes, bytes.len()),
    };
    (content.strip_suffix(b"\r").unwrap_or(content), length)
}
