//! Parquet, with row groups cut by bytes.
//!
//! A row group is held until it is written, so its size is what this sink needs of memory. Rows say little about bytes:
//! the group is closed when the encoded columns and their buffers have grown to the profile's size.

use super::{Sink, Target, Verdict};
use crate::EngineError;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    parquet::{
        arrow::ArrowWriter,
        basic::{Compression, ZstdLevel},
        errors::ParquetError,
        file::properties::WriterProperties,
    },
};
use std::io;
use tidegate_govern::Profile;

/// Writes Parquet.
pub(super) struct ParquetSink {
    writer: Option<ArrowWriter<Target>>,
    row_group_bytes: usize,
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
        Ok(Self { writer: Some(writer), row_group_bytes: profile.row_group_bytes })
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let written = writer
            .write(batch)
            .and_then(|()| if writer.memory_size() >= self.row_group_bytes { writer.flush() } else { Ok(()) });
        written.map_err(|error| failed(error, writer.inner()))
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        writer.finish().map_err(|error| failed(error, writer.inner()))?;
        writer.inner_mut().close(verdict)
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
