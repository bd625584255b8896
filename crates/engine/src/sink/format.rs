//! The forms of a result, and what each implements.

use super::{Target, arrow, parquet, text};
use crate::EngineError;
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use std::{path::Path, str::FromStr};
use tidegate_govern::Profile;

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// Columns aligned for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Arrow IPC: the stream format on a pipe, the file format in a file.
    Arrow,
    /// Parquet.
    Parquet,
}

impl OutputFormat {
    /// Returns the format that a file's name asks for by its extension.
    pub fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Arrow),
            "parquet" => Some(Self::Parquet),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "table" => Ok(Self::Table),
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            "arrow" => Ok(Self::Arrow),
            "parquet" => Ok(Self::Parquet),
            _ => Err(format!("`{text}` is none of table, csv, ndjson, arrow, parquet")),
        }
    }
}

/// Takes the batches of a result.
pub trait Sink {
    /// Writes one batch.
    ///
    /// # Errors
    /// If it cannot be written, or its types have no form in this format.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError>;

    /// Writes what follows the last batch and passes everything on; a file appears or not by the verdict.
    ///
    /// # Errors
    /// If it cannot be written.
    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError>;
}

/// Whether a finished result is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Keep,
    /// A file does not appear. What went to a stream cannot be taken back, and is finished so that it can be read.
    Discard,
}

/// Opens a sink for every format but [`OutputFormat::Table`], which is the terminal's.
///
/// # Errors
/// If the schema has no form in this format.
pub fn open(
    format: OutputFormat,
    target: Target,
    schema: &SchemaRef,
    profile: Profile,
) -> Result<Box<dyn Sink + Send>, EngineError> {
    Ok(match format {
        OutputFormat::Csv => Box::new(text::CsvSink::new(target, schema)?),
        OutputFormat::Ndjson | OutputFormat::Table => Box::new(text::NdjsonSink::new(target)),
        OutputFormat::Arrow => Box::new(arrow::ArrowSink::new(target, schema)?),
        OutputFormat::Parquet => Box::new(parquet::ParquetSink::new(target, schema, profile)?),
    })
}
