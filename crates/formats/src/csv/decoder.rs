//! Reads delimited records into columns.

use super::{
    CsvLayout,
    plan::{self, Plan, Reading, Scratch},
    split::{Extent, Fields},
    usual::Usual,
};
use crate::{ColumnSpec, Decoder, FileStart, Outcome, Reason, Record, batch::Columns};
use std::{collections::HashSet, sync::Arc};

/// Reads records of one layout.
#[derive(Debug)]
pub struct CsvDecoder {
    layout: CsvLayout,
    columns: Arc<[ColumnSpec]>,
    /// For each field of the file, its column.
    fields: Vec<Option<usize>>,
    /// Columns of the layout that the file does not have.
    absent: Vec<usize>,
    plan: Plan,
    block_length: usize,
    usual: Usual,
    scratch: Scratch,
}

impl CsvDecoder {
    pub(super) fn new(layout: &CsvLayout) -> Self {
        let mut decoder = Self {
            layout: layout.clone(),
            columns: layout.shared_columns(),
            fields: Vec::new(),
            absent: Vec::new(),
            plan: Plan::default(),
            block_length: 0,
            usual: Usual::new(layout.delimiter()),
            scratch: Scratch::default(),
        };
        decoder.start(&FileStart::default());
        decoder
    }

    /// Reads the record that was taken apart last as a usual one.
    #[inline]
    fn usual_record(&mut self, bytes: &[u8], columns: &mut Columns) -> Outcome {
        let Self { columns: specs, scratch, usual, .. } = self;
        match self.plan.read(&mut Reading { bytes, spans: usual.spans(), specs, columns, scratch }) {
            Ok(()) => self.row(columns),
            Err(field) => self.misfit(field),
        }
    }

    /// Reads any record by all the rules. It may have far more fields than there is room for, so that none is kept.
    #[inline(never)]
    fn any_record(&mut self, bytes: &[u8], columns: &mut Columns) -> (Outcome, Extent) {
        let mut fields = Fields::new(bytes, self.layout.delimiter());
        let (mut found, mut misfit) = (0, None);
        for field in fields.by_ref() {
            if misfit.is_none()
                && let Some(Some(at)) = self.fields.get(found)
                && let Some(spec) = self.columns.get(*at)
                && plan::take(&spec.kind, field, columns.get(*at), &mut self.scratch).is_err()
            {
                misfit = Some(found);
            }
            found += 1;
        }
        let extent = fields.finish();
        let outcome = if !extent.closed {
            Outcome::Reject(Reason::Malformed("no closing quote"))
        } else if found != self.fields.len() {
            // The count goes first: with a field too few or too many, a value that does not fit is no surprise.
            Outcome::Reject(Reason::FieldCount { expected: self.fields.len(), found })
        } else {
            misfit.map_or_else(|| self.row(columns), |field| self.misfit(field))
        };
        (outcome, extent)
    }

    /// Ends a row whose fields were all appended.
    #[inline]
    fn row(&self, columns: &mut Columns) -> Outcome {
        for &at in &self.absent {
            if let Some(column) = columns.get(at) {
                column.push_null();
            }
        }
        Outcome::Row
    }

    /// Rejects a record because of the value at this place.
    #[cold]
    fn misfit(&self, place: usize) -> Outcome {
        let spec = self.fields.get(place).copied().flatten().and_then(|at| self.columns.get(at));
        Outcome::Reject(spec.map_or(Reason::Malformed("no such field"), |spec| Reason::Value {
            column: Arc::clone(&spec.name),
            expected: spec.kind.expected(),
        }))
    }
}

impl Decoder for CsvDecoder {
    fn start(&mut self, file: &FileStart) {
        self.fields = match &file.fields {
            Some(fields) => fields.to_vec(),
            None => self.layout.by_position().collect(),
        };
        let present: HashSet<usize> = self.fields.iter().copied().flatten().collect();
        self.absent = (0..self.columns.len()).filter(|at| !present.contains(at)).collect();
        self.usual.start(self.fields.len());
    }

    fn start_block(&mut self, length: usize, columns: &Columns) {
        self.block_length = length;
        self.usual.start_block();
        self.plan.make(&self.fields, &self.columns, columns);
    }

    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record {
        if let Some(length) = blank_line(bytes) {
            return Record { length, content: 0, lines: 1, outcome: Outcome::Blank };
        }
        let origin = self.block_length.saturating_sub(bytes.len());
        let (outcome, extent) = match self.usual.split(bytes, origin) {
            Some(extent) => (self.usual_record(bytes, columns), extent),
            None => self.any_record(bytes, columns),
        };
        Record { length: extent.length, content: extent.content, lines: extent.lines, outcome }
    }
}

/// Returns the length of the blank line at the start of `bytes`, if there is one.
pub(super) fn blank_line(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n', ..] | [b'\r'] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}
