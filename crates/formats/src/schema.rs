//! Columns, formats and the trait that every format's decoder implements.

use crate::{FormatError, Framing, Reason, access, batch::Columns, csv::CsvLayout, json::JsonLayout};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use std::sync::Arc;

/// The type of a column. Text is UTF-8, times are microseconds in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `true` or `false`.
    Boolean,
    /// 16-bit signed.
    Int16,
    /// 32-bit signed.
    Int32,
    /// 64-bit signed.
    Int64,
    /// 16-bit unsigned.
    UInt16,
    /// 32-bit unsigned.
    UInt32,
    /// 64-bit unsigned.
    UInt64,
    /// 32-bit floating point.
    Float32,
    /// 64-bit floating point.
    Float64,
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// UTF-8 text.
    Text,
    /// Named columns inside one column.
    Struct(Vec<ColumnSpec>),
    /// Any number of values of one type.
    List(Box<ColumnType>),
}

/// A column's name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The name as the input spells it.
    pub name: Arc<str>,
    /// The type.
    pub kind: ColumnType,
}

impl ColumnSpec {
    /// Returns a column of this name and type.
    pub fn new(name: impl Into<Arc<str>>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind }
    }

    /// Returns the Arrow field; every column of a log may be null.
    pub fn field(&self) -> Field {
        Field::new(self.name.as_ref(), self.kind.data_type(), true)
    }
}

impl ColumnType {
    /// Returns the Arrow type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text => DataType::Utf8,
            Self::Struct(fields) => DataType::Struct(fields.iter().map(ColumnSpec::field).collect::<Fields>()),
            Self::List(item) => DataType::List(Arc::new(Field::new_list_field(item.data_type(), true))),
        }
    }

    /// Returns whether values are numbers.
    pub fn is_number(&self) -> bool {
        let other =
            matches!(self, Self::Boolean | Self::Date | Self::Timestamp | Self::Text | Self::Struct(_) | Self::List(_));
        !other
    }

    /// Returns whether values are whole numbers.
    pub fn is_whole_number(&self) -> bool {
        self.is_number() && !matches!(self, Self::Float32 | Self::Float64)
    }

    /// Returns what a value of this type is called in a reject's reason.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Int16 | Self::Int32 | Self::Int64 => "a whole number in range",
            Self::UInt16 | Self::UInt32 | Self::UInt64 => "a whole number from 0 in range",
            Self::Float32 | Self::Float64 => "a number",
            Self::Date => "a date",
            Self::Timestamp => "a time",
            Self::Text => "text",
            Self::Struct(_) => "an object",
            Self::List(_) => "a list",
        }
    }
}

/// Reads `name type, name type` as given to `types => '...'`, with SQL's usual type names in any case.
///
/// # Errors
/// [`FormatError::Types`] names the part that could not be understood.
pub fn parse_types(text: &str) -> Result<Vec<ColumnSpec>, FormatError> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(parse_type).collect()
}

fn parse_type(part: &str) -> Result<ColumnSpec, FormatError> {
    let (name, kind) = part
        .rsplit_once(char::is_whitespace)
        .ok_or_else(|| FormatError::Types(format!("`{part}` needs a name and a type, as in `status int16`")))?;
    let kind = match kind.to_ascii_lowercase().as_str() {
        "bool" | "boolean" => ColumnType::Boolean,
        "int16" | "smallint" => ColumnType::Int16,
        "int32" | "int" | "integer" => ColumnType::Int32,
        "int64" | "bigint" | "long" => ColumnType::Int64,
        "uint16" => ColumnType::UInt16,
        "uint32" => ColumnType::UInt32,
        "uint64" => ColumnType::UInt64,
        "float32" | "real" => ColumnType::Float32,
        "float64" | "float" | "double" => ColumnType::Float64,
        "date" => ColumnType::Date,
        "timestamp" | "datetime" => ColumnType::Timestamp,
        "text" | "string" | "varchar" | "utf8" => ColumnType::Text,
        other => {
            return Err(FormatError::Types(format!(
                "unknown type `{other}`; known are bool, int16, int32, int64, uint16, uint32, uint64, float32, float64, date, timestamp, text"
            )));
        }
    };
    Ok(ColumnSpec::new(name.trim().trim_matches('"'), kind))
}

/// A format with everything needed to read files of it.
#[derive(Clone, Debug)]
pub enum Format {
    /// Apache and nginx access logs: common, combined, with an optional request time at the end.
    Access,
    /// One JSON object a line.
    Json(Arc<JsonLayout>),
    /// Delimited text.
    Csv(Arc<CsvLayout>),
}

/// How one file of a format begins.
#[derive(Clone, Debug, Default)]
pub struct FileStart {
    /// Bytes before the first record: byte order mark and header.
    pub skip: usize,
    /// Physical lines among them.
    pub lines: u64,
    /// For each field of the file, the column of the format it belongs to. `None` where fields have no order.
    pub fields: Option<Arc<[Option<usize>]>>,
}

impl Format {
    /// Returns the columns, without the virtual ones.
    pub fn columns(&self) -> &[ColumnSpec] {
        match self {
            Self::Access => access::columns(),
            Self::Json(layout) => layout.columns(),
            Self::Csv(layout) => layout.columns(),
        }
    }

    /// Returns how records are told apart.
    pub fn framing(&self) -> Framing {
        match self {
            Self::Access | Self::Json(_) => Framing::Lines,
            Self::Csv(layout) => layout.framing(),
        }
    }

    /// Returns where the records of a file begin, given the file's first bytes (all of the header among them).
    pub fn file_start(&self, head: &[u8]) -> FileStart {
        let bom = if head.starts_with(crate::UTF8_BOM) { crate::UTF8_BOM.len() } else { 0 };
        match self {
            Self::Access | Self::Json(_) => FileStart { skip: bom, ..FileStart::default() },
            Self::Csv(layout) => layout.file_start(head.get(bom..).unwrap_or_default(), bom),
        }
    }

    /// Returns a decoder; one for each thread that reads.
    pub fn decoder(&self) -> Box<dyn Decoder> {
        match self {
            Self::Access => Box::new(access::AccessDecoder::default()),
            Self::Json(layout) => Box::new(layout.decoder()),
            Self::Csv(layout) => Box::new(layout.decoder()),
        }
    }

    /// Returns the format's name as `EXPLAIN` and messages show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Json(_) => "ndjson",
            Self::Csv(_) => "csv",
        }
    }
}

/// What became of one record.
#[derive(Debug)]
pub enum Outcome {
    /// One row was appended to each projected column.
    Row,
    /// The line holds nothing.
    Blank,
    /// The record could not be read. Columns may hold parts of it: the caller takes them back.
    Reject(Reason),
}

/// One record as a decoder found it.
#[derive(Debug)]
pub struct Record {
    /// Bytes up to the next record, line end included.
    pub length: usize,
    /// Bytes of the record itself, without its line end.
    pub content: usize,
    /// Physical lines the record spans; more than one where a quoted field holds line ends.
    pub lines: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// Reads records of one format.
pub trait Decoder: Send {
    /// Called before the first record of another file.
    fn start(&mut self, _file: &FileStart) {}

    /// Called before the first record of a block of `length` bytes, and again before a block is read on: what was seen of
    /// another block means nothing from now on. `columns` says which ones are wanted.
    fn start_block(&mut self, _length: usize, _columns: &Columns) {}

    /// Reads the record at the start of `bytes`, which is not empty and ends where the block ends.
    ///
    /// All of the record is checked, also the parts that are not projected: whether a line is a row or a reject does not
    /// depend on the query.
    fn read(&mut self, bytes: &[u8], columns: &mut Columns) -> Record;
}
