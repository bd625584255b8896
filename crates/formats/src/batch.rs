//! A batch under construction: the projected columns of the format and the virtual ones.

use crate::{Block, Column, ColumnType, Format, FormatError, block::Position};
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray, types::Int32Type,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::{ops::RangeInclusive, sync::Arc};

/// The columns that every format has beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualColumn {
    /// `_file`: the file's name.
    File,
    /// `_line`: the number of the record's first physical line, from 1.
    Line,
    /// `_offset`: the record's first byte, counted from the start of the file.
    Offset,
    /// `_raw`: the record as it stands in the file, without its line end.
    Raw,
}

impl VirtualColumn {
    /// All of them, in the order in which they follow the format's own columns.
    pub const ALL: [Self; 4] = [Self::File, Self::Line, Self::Offset, Self::Raw];

    /// Returns the column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "_file",
            Self::Line => "_line",
            Self::Offset => "_offset",
            Self::Raw => "_raw",
        }
    }

    /// Returns the Arrow field.
    pub fn field(self) -> Field {
        match self {
            Self::File => Field::new_dictionary(self.name(), DataType::Int32, DataType::Utf8, false),
            Self::Line | Self::Offset => Field::new(self.name(), DataType::Int64, false),
            Self::Raw => Field::new(self.name(), DataType::Utf8, false),
        }
    }
}

/// When a batch is full: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Rows in a batch.
    pub rows: usize,
    /// Bytes of values in a batch. One record may pass it, never two.
    pub bytes: usize,
}

/// The format's columns under construction; a slot is empty where the column is not projected.
#[derive(Debug)]
pub struct Columns {
    slots: Vec<Option<Column>>,
    /// The places that are not empty: a file may have far more columns than a query names.
    wanted: Vec<usize>,
}

impl Columns {
    /// Returns the column at this place of the format, if the query wants it.
    #[inline]
    pub fn get(&mut self, column: usize) -> Option<&mut Column> {
        self.slots.get_mut(column)?.as_mut()
    }

    /// Returns whether the query wants any of these columns.
    #[inline]
    pub fn want(&self, columns: RangeInclusive<usize>) -> bool {
        self.slots.get(columns).is_some_and(|slots| slots.iter().any(Option::is_some))
    }

    /// Returns whether the query wants the column at this place of the format.
    pub fn is_wanted(&self, column: usize) -> bool {
        self.slots.get(column).is_some_and(Option::is_some)
    }

    /// Returns the number of values in the first column that the query wants: the rows before the one that is being read, if
    /// nothing of that was appended yet.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        let first = self.wanted.first().and_then(|at| self.slots.get(*at)?.as_ref());
        first.map_or(0, Column::len)
    }

    /// Takes back what was appended after this many rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.each_wanted(|_, column| column.truncate(rows));
    }

    /// Calls `each` for every column that the query wants, with its place.
    pub fn each_wanted(&mut self, mut each: impl FnMut(usize, &mut Column)) {
        for &at in &self.wanted {
            if let Some(Some(column)) = self.slots.get_mut(at) {
                each(at, column);
            }
        }
    }
}

/// Where a column of the output comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Format(usize),
    Virtual(VirtualColumn),
}

/// A batch under construction.
#[derive(Debug)]
pub struct Batch {
    schema: SchemaRef,
    sources: Vec<Source>,
    columns: Columns,
    files: Option<FileColumn>,
    line: Option<Column>,
    offset: Option<Column>,
    raw: Option<Column>,
    limits: BatchLimits,
    rows: usize,
    /// Input bytes of the rows, an upper measure for the values copied from them.
    bytes: usize,
}

/// The `_file` column: a dictionary that holds each name once.
#[derive(Debug, Default)]
struct FileColumn {
    names: Vec<Arc<str>>,
    keys: Vec<i32>,
}

impl Batch {
    /// Returns the schema of a format: its own columns, then the virtual ones.
    pub fn schema(format: &Format) -> SchemaRef {
        let own = format.columns().iter().map(crate::ColumnSpec::field);
        Arc::new(Schema::new(own.chain(VirtualColumn::ALL.iter().map(|column| column.field())).collect::<Vec<_>>()))
    }

    /// Returns an empty batch of the columns at `projection`, places in [`Batch::schema`].
    pub fn new(format: &Format, projection: &[usize], limits: BatchLimits) -> Self {
        let own = format.columns();
        let sources: Vec<Source> = projection
            .iter()
            .filter_map(|&at| match at.checked_sub(own.len()) {
                None => Some(Source::Format(at)),
                Some(extra) => VirtualColumn::ALL.get(extra).copied().map(Source::Virtual),
            })
            .collect();
        let wants =
            |wanted: VirtualColumn| sources.iter().any(|source| matches!(source, Source::Virtual(v) if *v == wanted));
        let mut slots: Vec<Option<Column>> = own.iter().map(|_| None).collect();
        for &at in projection {
            if let (Some(spec), Some(slot)) = (own.get(at), slots.get_mut(at)) {
                *slot = Some(Column::new(&spec.kind));
            }
        }
        let wanted = slots.iter().enumerate().filter(|(_, slot)| slot.is_some()).map(|(at, _)| at).collect();
        let full = Self::schema(format);
        let fields: Vec<_> = projection.iter().filter_map(|&at| full.fields().get(at).cloned()).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns: Columns { slots, wanted },
            files: wants(VirtualColumn::File).then(FileColumn::default),
            line: wants(VirtualColumn::Line).then(|| Column::new(&ColumnType::Int64)),
            offset: wants(VirtualColumn::Offset).then(|| Column::new(&ColumnType::Int64)),
            raw: wants(VirtualColumn::Raw).then(|| Column::new(&ColumnType::Text)),
            sources,
            limits,
            rows: 0,
            bytes: 0,
        }
    }

    /// Returns the format's columns for a decoder to append to.
    pub fn columns(&mut self) -> &mut Columns {
        &mut self.columns
    }

    /// Returns the number of whole rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns whether the batch has reached its limits.
    pub fn is_full(&self) -> bool {
        self.rows >= self.limits.rows || self.bytes >= self.limits.bytes
    }

    pub(crate) fn start_block(&mut self, block: &Block<'_>) {
        if let Some(files) = &mut self.files
            && files.names.last() != Some(&block.file)
        {
            files.names.push(Arc::clone(&block.file));
        }
    }

    /// Makes the values that a decoder appended a row, with its virtual columns.
    pub(crate) fn commit(&mut self, block: &Block<'_>, position: Position, raw: &[u8]) {
        if let Some(files) = &mut self.files {
            files.keys.push(i32::try_from(files.names.len().saturating_sub(1)).unwrap_or(i32::MAX));
        }
        if let Some(line) = &mut self.line {
            line.push_unsigned(block.first_line + position.lines);
        }
        if let Some(offset) = &mut self.offset {
            offset.push_unsigned(block.offset + position.bytes as u64);
        }
        if let Some(column) = &mut self.raw {
            column.push_text(raw);
        }
        self.rows += 1;
        self.bytes += raw.len();
    }

    /// Takes back what a decoder appended of a record that became a reject.
    pub(crate) fn roll_back(&mut self) {
        self.columns.truncate(self.rows);
    }

    /// Returns the rows as an Arrow batch and leaves this one empty.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, FormatError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.sources.len());
        for source in self.sources.clone() {
            arrays.push(match source {
                Source::Format(at) => finish(self.columns.get(at))?,
                Source::Virtual(VirtualColumn::Line) => finish(self.line.as_mut())?,
                Source::Virtual(VirtualColumn::Offset) => finish(self.offset.as_mut())?,
                Source::Virtual(VirtualColumn::Raw) => finish(self.raw.as_mut())?,
                Source::Virtual(VirtualColumn::File) => {
                    self.files.as_mut().map(FileColumn::finish).transpose()?.unwrap_or_else(empty)
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

fn finish(column: Option<&mut Column>) -> Result<ArrayRef, FormatError> {
    column.map_or_else(|| Ok(empty()), Column::finish)
}

/// Never reached by a projected column; its length would be refused by Arrow's own check of the batch.
fn empty() -> ArrayRef {
    Arc::new(StringArray::new_null(0))
}

impl FileColumn {
    fn finish(&mut self) -> Result<ArrayRef, FormatError> {
        let names = StringArray::from_iter_values(self.names.iter());
        let keys = Int32Array::from(std::mem::take(&mut self.keys));
        // The last file goes on in the next batch.
        self.names = self.names.pop().into_iter().collect();
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(names))?))
    }
}
