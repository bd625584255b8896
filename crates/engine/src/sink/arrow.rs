//! Arrow IPC: the stream format on a pipe, the file format in a file.

use super::{Sink, Target, Verdict, arrow_error};
use crate::EngineError;
use datafusion::arrow::{
    array::RecordBatch,
    datatypes::SchemaRef,
    ipc::writer::{FileWriter, StreamWriter},
};

/// Writes Arrow IPC.
pub(super) enum ArrowSink {
    Stream(StreamWriter<Target>),
    File(FileWriter<Target>),
}

impl ArrowSink {
    pub fn new(target: Target, schema: &SchemaRef) -> Result<Self, EngineError> {
        match &target {
            Target::Stream(_) => StreamWriter::try_new(target, schema).map(Self::Stream),
            Target::File(_) => FileWriter::try_new(target, schema).map(Self::File),
        }
        .map_err(arrow_error)
    }
}

impl Sink for ArrowSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        match self {
            Self::Stream(writer) => writer.write(batch).map_err(|error| writer.get_ref().arrow_error(error)),
            Self::File(writer) => writer.write(batch).map_err(|error| writer.get_ref().arrow_error(error)),
        }
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        match self {
            Self::Stream(writer) => {
                writer.finish().map_err(|error| writer.get_ref().arrow_error(error))?;
                writer.get_mut().close(verdict)
            }
            Self::File(writer) => {
                writer.finish().map_err(|error| writer.get_ref().arrow_error(error))?;
                writer.get_mut().close(verdict)
            }
        }
    }
}
