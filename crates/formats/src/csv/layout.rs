//! The columns of a set of delimited files, and how each file's fields map to them.

use super::{
    CsvDecoder,
    decoder::blank_line,
    header::{self, FirstRecord},
    sniff,
    split::{Field, Fields},
};
use crate::{
    ColumnSpec, ColumnType, FileStart, FormatError, Framing, Sample,
    infer::{Guess, Look, unknown_column},
};
use std::{borrow::Cow, collections::HashSet, sync::Arc};

/// How many records at the start of a sample from the middle of a file may be none.
const ALIGNMENT: usize = 64;

/// What is known about a set of delimited files beforehand.
#[derive(Clone, Debug, Default)]
pub struct CsvOptions {
    /// The byte between fields; found out if not given.
    pub delimiter: Option<u8>,
    /// Whether the first record names the columns; found out if not given.
    pub header: Option<bool>,
    /// Types that replace the inferred ones.
    pub types: Vec<ColumnSpec>,
}

/// The columns of a set of delimited files and how they are written.
#[derive(Clone, Debug)]
pub struct CsvLayout {
    columns: Arc<[ColumnSpec]>,
    delimiter: u8,
    header: bool,
    /// How many of the columns are those of the first file: a file without a header is read as them.
    first: usize,
}

impl CsvLayout {
    /// Finds out delimiter, header and types, as far as `options` leaves them open.
    ///
    /// The first sample is the start of a file, and so may others be, of other files: columns that only those have follow the
    /// ones of the first. Samples that are no start are of the file before them; they may begin and end anywhere: they are
    /// read from their first whole line on, and records with another number of fields than the first record are passed over.
    ///
    /// The first record is a header unless every field of it is a number, a date or a time, or one of them is a full time.
    /// A column is Boolean (`true` and `false`), Int64, Float64, Date or Timestamp if all its values in the samples are,
    /// else Text. Codes such as `007` and `+49` and whole numbers above 64 bits are Text.
    ///
    /// # Errors
    /// [`FormatError::Empty`] without a record, [`FormatError::Types`] if `options.types` names a column that is not there,
    /// [`FormatError::Unsupported`] if the delimiter is a quote or a line end.
    pub fn infer(samples: &[Sample<'_>], options: &CsvOptions) -> Result<Self, FormatError> {
        let start = samples.first().ok_or(FormatError::Empty)?.whole_lines();
        let delimiter = options.delimiter.unwrap_or_else(|| sniff::delimiter(start));
        if matches!(delimiter, b'"' | b'\n' | b'\r') {
            return Err(FormatError::Unsupported("a quote or a line end cannot be the delimiter".to_owned()));
        }
        let first = FirstRecord::read(start, delimiter).ok_or(FormatError::Empty)?;
        let header = options.header.unwrap_or_else(|| header::looks_like_header(&first.fields));
        let names = if header {
            header::names(&first.fields)
        } else {
            header::names(&vec![Cow::default(); first.fields.len()])
        };
        let columns = names.into_iter().map(|name| ColumnSpec::new(name, ColumnType::Text)).collect();
        let mut layout = Self { columns, delimiter, header, first: first.fields.len() };
        for sample in samples.iter().filter(|sample| sample.at_start).skip(1) {
            layout.widen(sample.whole_lines());
        }
        layout.columns = layout.typed(samples, &options.types)?;
        Ok(layout)
    }

    /// Returns the columns.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Returns the byte between fields.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Returns whether files begin with a record that names the columns.
    pub fn has_header(&self) -> bool {
        self.header
    }

    /// Returns how records are told apart.
    pub fn framing(&self) -> Framing {
        Framing::Quoted { delimiter: self.delimiter }
    }

    /// Returns where the records of one file begin and which column each of its fields belongs to. `head` is the start of
    /// the file after a byte order mark of `bom_length` bytes and holds all of the header.
    ///
    /// Fields belong to columns by name: a file may have them in another order, lack some and have others besides. If not
    /// one name is known, the file has no header and is read by position; records that do not fit are rejects then, where
    /// an unknown header would turn all values into NULL without a word.
    pub fn file_start(&self, head: &[u8], bom_length: usize) -> FileStart {
        let without_header = FileStart { skip: bom_length, ..FileStart::default() };
        if !self.header {
            return without_header;
        }
        let Some(first) = FirstRecord::read(head, self.delimiter) else { return without_header };
        let fields: Arc<[Option<usize>]> = header::names(&first.fields).iter().map(|name| self.place(name)).collect();
        if fields.iter().all(Option::is_none) {
            return without_header;
        }
        FileStart {
            skip: bom_length + first.blank + first.extent.length,
            lines: first.blank_lines + first.extent.lines,
            fields: Some(fields),
        }
    }

    /// Returns a decoder; one for each thread that reads.
    pub fn decoder(&self) -> CsvDecoder {
        CsvDecoder::new(self)
    }

    pub(super) fn shared_columns(&self) -> Arc<[ColumnSpec]> {
        Arc::clone(&self.columns)
    }

    /// Returns the columns that the fields of a file without a header belong to.
    pub(super) fn by_position(&self) -> impl Iterator<Item = Option<usize>> + use<> {
        (0..self.first).map(Some)
    }

    /// Adds the columns of another file's header that are new.
    fn widen(&mut self, start: &[u8]) {
        if self.file_start(start, 0).fields.is_none() {
            return;
        }
        let Some(first) = FirstRecord::read(start, self.delimiter) else { return };
        let known: HashSet<Arc<str>> = self.columns.iter().map(|column| Arc::clone(&column.name)).collect();
        let names = header::names(&first.fields).into_iter().filter(|name| !known.contains(name));
        let new = names.map(|name| ColumnSpec::new(name, ColumnType::Text));
        self.columns = self.columns.iter().cloned().chain(new).collect();
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.as_ref() == name)
    }

    /// Returns the columns with the types that the samples' values have or that are given.
    fn typed(&self, samples: &[Sample<'_>], types: &[ColumnSpec]) -> Result<Arc<[ColumnSpec]>, FormatError> {
        let mut guesses = vec![Guess::Nothing; self.columns.len()];
        let mut fields: Vec<Option<usize>> = self.by_position().collect();
        for sample in samples {
            let mut rest = sample.whole_lines();
            if sample.at_start {
                let start = self.file_start(rest, 0);
                rest = rest.get(start.skip..).unwrap_or_default();
                fields = start.fields.map_or_else(|| self.by_position().collect(), |fields| fields.to_vec());
            } else {
                rest = self.aligned(rest, fields.len());
            }
            self.guess(rest, &fields, &mut guesses);
        }
        let with_type =
            |(column, guess): (&ColumnSpec, &Guess)| ColumnSpec::new(Arc::clone(&column.name), guess.kind());
        let mut columns: Vec<ColumnSpec> = self.columns.iter().zip(&guesses).map(with_type).collect();
        for given in types {
            let column = columns.iter_mut().find(|column| column.name == given.name);
            column.ok_or_else(|| unknown_column(&given.name, &self.columns))?.kind = given.kind.clone();
        }
        Ok(columns.into())
    }

    /// Returns a sample from the first record on that has the right number of fields, or all of it where that is far: it may
    /// begin inside of a quoted field with line ends, of which the end then looks like a field with a quote in it.
    fn aligned<'a>(&self, sample: &'a [u8], fields: usize) -> &'a [u8] {
        let mut rest = sample;
        for _ in 0..ALIGNMENT {
            let mut record = Fields::new(rest, self.delimiter);
            let (mut count, mut stray) = (0, false);
            for field in record.by_ref() {
                count += 1;
                stray |= matches!(field, Field::Plain(text) if text.contains(&b'"'));
            }
            let extent = record.finish();
            if count == fields && extent.closed && !stray {
                return rest;
            }
            rest = rest.get(extent.length.max(1)..).unwrap_or_default();
        }
        sample
    }

    fn guess(&self, sample: &[u8], fields: &[Option<usize>], guesses: &mut [Guess]) {
        let mut rest = sniff::whole(sample, self.delimiter);
        while !rest.is_empty() {
            let length = blank_line(rest).unwrap_or_else(|| self.guess_record(rest, fields, guesses));
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
    }

    /// Widens the guesses by the record at the start of `bytes` if it has the right number of fields. Returns its length.
    fn guess_record(&self, bytes: &[u8], fields: &[Option<usize>], guesses: &mut [Guess]) -> usize {
        let mut record = Fields::new(bytes, self.delimiter);
        let values: Vec<_> = record.by_ref().collect();
        let extent = record.finish();
        if extent.closed && values.len() == fields.len() {
            for (field, at) in values.into_iter().zip(fields) {
                if let Some(guess) = at.and_then(|at| guesses.get_mut(at))
                    && let Some(look) = Look::of_text(&header::value(field))
                {
                    guess.see(look);
                }
            }
        }
        extent.length
    }
}
