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
pub(crate) use memory::Asking;
pub(crate) use queue::{Lane, Piece, PieceQueue, QueueOptions, places};
pub(crate) use read::{Head, Opened};
pub(crate) use sample::{Known, Sampled};
pub(crate) use schema::IpcSchema;

/// How data of the file format begin.
const FILE: &[u8] = b"ARROW1";

/// How a message begins, and so data of the stream format.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// As many first bytes tell Arrow IPC data from others.
pub(crate) const MAGIC: usize = 8;

/// Returns whether data that begin with these bytes are Arrow IPC.
pub(crate) fn is_arrow(first: &[u8]) -> bool {
    let length = first.strip_prefix(&CONTINUATION).and_then(<[u8]>::first_chunk);
    // The length of the first metadata.
    length.is_some_and(|length| i32::from_le_bytes(*length) > 0) || first.starts_with(b"ARROW1\0\0")
}

#[cfg(test)]
mod tests {
    use super::is_arrow;

    #[test]
    fn arrow_is_told_by_its_first_bytes() {
        for arrow in [
            &b"ARROW1\0\0"[..],
            b"ARROW1\0\0\xff\xff",
            b"\xff\xff\xff\xff\x10\x01\0\0",
            b"\xff\xff\xff\xff\x08\0\0\0\x10",
        ] {
            assert!(is_arrow(arrow), "{arrow:?}");
        }
        for other in [&b""[..], b"ARROW1", b"ARROW1 is text", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff"]
        {
            assert!(!is_arrow(other), "{other:?}");
        }
    }
}
