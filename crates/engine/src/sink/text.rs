//! CSV and NDJSON.
//!
//! A batch is encoded into a buffer, and the buffer is written: so an error of writing keeps its kind, which the CSV writer
//! would turn into text.

use super::{Sink, Target, Verdict, arrow_error};
use crate::EngineError;
use datafusion::arrow::{
    array::RecordBatch,
    csv,
    datatypes::{DataType, SchemaRef},
    json,
};

/// Writes comma-separated values with a header.
pub(super) struct CsvSink {
    target: Target,
    buffer: Vec<u8>,
}

impl CsvSink {
    pub fn new(target: Target, schema: &SchemaRef) -> Result<Self, EngineError> {
        if let Some(field) = schema.fields().iter().find(|field| is_nested(field.data_type())) {
            return Err(EngineError::query_with_help(
                format!("CSV has no form for `{}`, which is nested", field.name()),
                format!("select its parts, such as `{}.x`, or use --format ndjson", field.name()),
            ));
        }
        let mut sink = Self { target, buffer: Vec::new() };
        // An empty result still has a header.
        sink.encode(&RecordBatch::new_empty(schema.clone()), true)?;
        Ok(sink)
    }

    fn encode(&mut self, batch: &RecordBatch, header: bool) -> Result<(), EngineError> {
        self.buffer.clear();
        let mut writer = csv::WriterBuilder::new().with_header(header).build(&mut self.buffer);
        writer.write(batch).map_err(arrow_error)?;
        drop(writer);
        self.target.put(&self.buffer)
    }
}

fn is_nested(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_nested(values),
        _ => kind.is_nested(),
    }
}

impl Sink for CsvSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.encode(batch, false)
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        self.target.close(verdict)
    }
}

/// Writes one JSON object a line, nulls included: a row's keys do not depend on its values.
pub(super) struct NdjsonSink {
    target: Target,
    buffer: Vec<u8>,
}

impl NdjsonSink {
    pub fn new(target: Target) -> Self {
        Self { target, buffer: Vec::new() }
    }
}

impl Sink for NdjsonSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.buffer.clear();
        let builder = json::WriterBuilder::new().with_explicit_nulls(true);
        let mut writer: json::LineDelimitedWriter<_> = builder.build(&mut self.buffer);
        writer.write(batch).and_then(|()| writer.finish()).map_err(arrow_error)?;
        drop(writer);
        self.target.put(&self.buffer)
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        self.target.close(verdict)
    }
}
