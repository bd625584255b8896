//! Reads JSON lines into columns.

use super::{
    JsonLayout,
    object::{Object, Targets},
    scan::{Scanned, Scanner, malformed},
    usual::{To, Usual},
};
use crate::{Decoder, Outcome, Record, batch::Columns, frame};

/// Reads lines of one layout.
#[derive(Debug)]
pub struct JsonDecoder {
    root: Object,
    usual: Usual,
    block_length: usize,
    /// Where strings with escapes are decoded that are not text in the end.
    scratch: Vec<u8>,
}

impl JsonDecoder {
    pub(super) fn new(layout: &JsonLayout) -> Self {
        Self { root: Object::new(layout.columns(), ""), usual: Usual::new(), block_length: 0, scratch: Vec::new() }
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
    fn start_block(&mut self, length: usize, columns: &Columns) {
        self.block_length = length;
        self.usual.start_block(columns);
    }

    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        let origin = self.block_length.saturating_sub(bytes.len());
        let mut to = To { object: &mut self.root, columns: &mut *columns, scratch: &mut self.scratch };
        if let Some(line) = self.usual.read(bytes, origin, &mut to) {
            return Record { length: line.length, content: line.content, lines: 1, outcome: Outcome::Row };
        }
        let (line, length) = frame::line(bytes);
        let outcome = if line.trim_ascii_start().is_empty() {
            Outcome::Blank
        } else {
            match self.row(line, columns) {
                Ok(()) => {
                    self.usual.missed(line, &mut self.root, columns);
                    Outcome::Row
                }
                Err(reason) => Outcome::Reject(*reason),
            }
        };
        Record { length, content: line.len(), lines: 1, outcome }
    }
}
