//! Reads JSON lines into columns.

use super::{
    JsonLayout,
    object::{Object, Targets},
    scan::{Scanned, Scanner, malformed},
};
use crate::{Decoder, Outcome, Record, batch::Columns, frame};

/// Reads lines of one layout.
#[derive(Debug)]
pub struct JsonDecoder {
    root: Object,
    /// Where strings with escapes are decoded that are not text in the end.
    scratch: Vec<u8>,
}

impl JsonDecoder {
    pub(super) fn new(layout: &JsonLayout) -> Self {
        Self { root: Object::new(layout.columns(), ""), scratch: Vec::new() }
    }

    fn row(&mut self, line: &[u8], columns: &mut Columns) -> Scanned<()> {
        let mut input = Scanner::new(line);
        self.root.read(&mut input, &mut Targets::Row(columns), &mut self.scratch)?;
        match input.peek() {
            None => Ok(()),
            Some(_) => malformed("text after the JSON object"),
        }
    }
}

impl Decoder for JsonDecoder {
    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        let (line, length) = frame::line(bytes);
        let outcome = if line.trim_ascii_start().is_empty() {
            Outcome::Blank
        } else {
            match self.row(line, columns) {
                Ok(()) => Outcome::Row,
                Err(reason) => Outcome::Reject(*reason),
            }
        };
        Record { length, content: line.len(), lines: 1, outcome }
    }
}
