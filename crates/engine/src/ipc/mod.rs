//! Arrow IPC data, of the file format and of the stream format, as rows.
//!
//! *Model.* A **message** has metadata, which say how long everything is, and a **body** of buffers. The columns of a message
//! that holds rows are read in **pieces**: rows of the size of a batch, of which only those parts of the buffers are read that
//! hold them, so that a message may be larger than memory. What comes by a pipe, and what is compressed, has to be read message
//! by message.
//!
//! The data are not trusted. Arrow's own reader panics where metadata lie, and reads a message whole; so what a message says is
//! taken apart here, every length is checked before it is used, and arrays are made by the constructors that validate.

mod batch;
mod compressed;
mod decode;
mod dictionary;
mod error;
mod file;
mod index;
mod layout;
mod magic;
mod memory;
mod message;
mod nested;
mod queue;
mod read;
mod sample;
mod schema;
mod types;

pub(crate) use decode::Decoder;
pub(crate) use error::IpcError;
pub(crate) use index::Index;
use magic::{CONTINUATION, FILE};
pub(crate) use magic::{MAGIC, is_arrow};
pub(crate) use memory::Asking;
pub(crate) use queue::{Lane, Piece, PieceQueue, QueueOptions, places};
pub(crate) use read::{Head, Opened};
pub(crate) use sample::{Known, Sampled};
pub(crate) use schema::IpcSchema;
