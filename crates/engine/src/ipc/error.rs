//! What can go wrong while Arrow IPC data are read.

use crate::EngineError;
use datafusion::{arrow::error::ArrowError, common::DataFusionError};
use std::{fmt::Display, io};

/// What can go wrong while Arrow IPC data are read.
#[derive(Debug)]
pub(crate) enum IpcError {
    /// They cannot be read, or are not what they should be.
    Data(io::Error),
    /// Memory for them was refused.
    Refused(DataFusionError),
    /// The rows take more than a batch should: fewer of them may do.
    TooMuch,
}

impl IpcError {
    /// Returns the error as it travels through a plan; `name` is that of the input.
    pub fn into_datafusion(self, name: &str) -> DataFusionError {
        match self {
            Self::Refused(refused) => refused,
            other => DataFusionError::External(Box::new(other.into_engine(name))),
        }
    }

    /// Returns the error of a query that is not planned yet.
    pub fn into_engine(self, name: &str) -> EngineError {
        let source = match self {
            Self::Data(source) => source,
            Self::Refused(refused) => io::Error::other(refused.strip_backtrace()),
            Self::TooMuch => io::Error::other("values take more than 2 GiB, and cannot be cut"),
        };
        EngineError::file("read", name, source)
    }
}

impl From<io::Error> for IpcError {
    fn from(error: io::Error) -> Self {
        Self::Data(error)
    }
}

/// Returns the error of data that are not what they should be; `offset` is where the message begins that they are of.
pub(super) fn damaged(offset: u64, what: impl Display) -> IpcError {
    IpcError::Data(io::Error::new(io::ErrorKind::InvalidData, format!("damaged Arrow data at byte {offset}: {what}")))
}

/// Returns the error of data that end too early.
pub(super) fn cut_off(offset: u64, what: impl Display) -> IpcError {
    let text = format!("Arrow data that are cut off at byte {offset}: {what}");
    IpcError::Data(io::Error::new(io::ErrorKind::UnexpectedEof, text))
}

/// Returns the error of values that Arrow does not accept.
pub(super) fn refused_by_arrow(offset: u64, error: &ArrowError) -> IpcError {
    let text = error.to_string();
    let text = text.split_once(": ").map_or(text.as_str(), |(_, text)| text);
    damaged(offset, text)
}
