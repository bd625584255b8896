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
    Stream(StreamSink),
    File(FileWriter<Target>),
}

/// Begins with the first rows: until then the task may be planned again, and nothing may have gone down the pipe.
pub(super) struct StreamSink {
    schema: SchemaRef,
    target: Option<Target>,
    writer: Option<StreamWriter<Target>>,
}

impl ArrowSink {
    pub fn new(target: Target, schema: &SchemaRef) -> Result<Self, EngineError> {
        Ok(match target {
            Target::Stream(_) => {
                Self::Stream(StreamSink { schema: schema.clone(), target: Some(target), writer: None })
            }
            Target::File(_) => Self::File(FileWriter::try_new(target, schema).map_err(arrow_error)?),
        })
    }
}

impl StreamSink {
    fn writer(&mut self) -> Result<&mut StreamWriter<Target>, EngineError> {
        if let Some(target) = self.target.take() {
            self.writer = Some(StreamWriter::try_new(target, &self.schema).map_err(arrow_error)?);
        }
        self.writer.as_mut().ok_or_else(|| EngineError::Run("the output could not be begun".into()))
    }
}

impl Sink for ArrowSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        match self {
            Self::Stream(stream) => {
                let writer = stream.writer()?;
                writer.write(batch).map_err(|error| writer.get_ref().arrow_error(error))
            }
            Self::File(writer) => writer.write(batch).map_err(|error| writer.get_ref().arrow_error(error)),
        }
    }

    fn finish(&mut self, verdict: Verdict) -> Result<(), EngineError> {
        match self {
            Self::Stream(stream) => {
                let writer = stream.writer()?;
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
