//! Parquet, with row groups cut by bytes.
//!
//! A row group is held until it is written, so its size is what this sink needs of memory. Rows say little about bytes:
//! the group is closed when the encoded columns and their buffers have grown to the profile's size.

use super::{Sink, Target, Verdict, encoders::Encoders};
use crate::EngineError;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    parquet::{
        arrow::{
            ArrowWriter,
            arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory},
        },
        basic::{Compression, ZstdLevel},
        errors::ParquetError,
        file::{properties::WriterProperties, writer::SerializedFileWriter},
    },
};
use std::io;
use tidegate_govern::Profile;

/// The most rows of a row group: columns of few values take next to no bytes.
const MOST_ROWS: usize = 1 << 20;

/// Writes Parquet.
pub(super) struct ParquetSink {
    file: SerializedFileWriter<Target>,
    factory: ArrowRowGroupWriterFactory,
    encoders: Encoders,
    row_group_bytes: usize,
    groups: usize,
    /// Rows in the row group that was begun; there is none without rows.
    rows: usize,
}

impl ParquetSink {
    pub fn new(target: Target, schema: &SchemaRef, profile: Profile) -> Result<Self, EngineError> {
        let page = (profile.row_group_bytes / 16).clamp(64 << 10, 1 << 20);
        let level = ZstdLevel::try_new(1).map_err(parquet_error)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_dictionary_page_size_limit(page)
            .set_data_page_size_limit(page)
            .set_write_batch_size(512)
            .set_created_by(concat!("tidegate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(target, schema.clone(), Some(properties)).map_err(parquet_error)?;
        let (file, factory) = writer.into_serialized_writer().map_err(parquet_error)?;
        let encoders = Encoders::new(schema, profile.threads - 1);
        Ok(Self { file, factory, encoders, row_group_bytes: profile.row_group_bytes, groups: 0, rows: 0 })
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        if self.rows == 0 {
            let writers = self.factory.create_column_writers(self.groups)?;
            self.encoders.begin(self.by_field(writers));
        }
        self.rows += batch.num_rows();
        let bytes = self.encoders.write(batch)?;
        if bytes >= self.row_group_bytes || self.rows >= MOST_ROWS { self.end_group() } else { Ok(()) }
    }

    /// Puts the columns of a nested field together.
    fn by_field(&self, writers: Vec<ArrowColumnWriter>) -> Vec<Vec<ArrowColumnWriter>> {
        let schema = self.file.schema_descr();
        let mut fields: Vec<_> = schema.root_schema().get_fields().iter().map(|_| Vec::new()).collect();
        for (leaf, writer) in writers.into_iter().enumerate() {
            if let Some(field) = fields.get_mut(schema.get_column_root_idx(leaf)) {
                field.push(writer);
            }
        }
        fields
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let chunks = self.encoders.close()?;
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        (self.groups, self.rows) = (self.groups + 1, 0);
        Ok(())
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.encode(batch).map_err(|error| failed(error, self.file.inner()))
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        let ended = if self.rows > 0 { self.end_group() } else { Ok(()) };
        let finished = ended.and_then(|()| self.file.finish().map(drop));
        finished.map_err(|error| failed(error, self.file.inner()))?;
        self.file.inner_mut().close(verdict)
    }
}

fn failed(error: ParquetError, target: &Target) -> EngineError {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => target.error(*error),
            Err(error) => EngineError::Run(error.to_string()),
        },
        other => parquet_error(other),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used by `map_err`")]
fn parquet_error(error: ParquetError) -> EngineError {
    EngineError::Run(error.to_string())
}
