//! Log formats: bytes in, Arrow out.
//!
//! A *block* is a run of whole records of one file ([`Block`]). A [`Decoder`] of one format reads it record by record into
//! a [`Batch`] of Arrow columns. A record that cannot be read becomes a [`Reject`]: it is handed to the caller with its
//! place and its reason and never stops the reading. Every line is exactly one of row, reject or blank, whatever columns
//! the query asks for, so that `lines = rows + rejects + blank` holds and does not depend on the projection. Only a
//! [`Prefilter`] passes over lines that no row can come of, and counts them.
//!
//! This crate does no input or output and knows no query engine. One format is one file or folder: [`access`], [`csv`],
//! [`json`].

#![expect(clippy::must_use_candidate, reason = "nobody calls a getter for its effect; `#[must_use]` on each is noise")]

mod accept;
mod batch;
mod block;
mod column;
mod detect;
mod digits;
mod error;
mod find;
mod frame;
mod infer;
mod part;
mod prefilter;
mod reject;
mod scalar;
mod schema;
mod specials;
mod time;
mod validity;
mod values;

#[cfg(test)]
mod properties;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[cfg_attr(test, expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "what does not hold is to panic"))]
pub mod testing;

pub mod access;
pub mod csv;
pub mod json;

pub use batch::{Batch, BatchLimits, Columns, VirtualColumn};
pub use block::{Block, BlockReader, Counts, Position, Step};
pub use column::{Column, Mismatch};
pub use detect::{FormatKind, detect};
pub use error::FormatError;
pub use frame::Framing;
pub use infer::Sample;
pub use prefilter::{Demand, Prefilter};
pub use reject::{Reason, Reject};
pub use schema::{ColumnSpec, ColumnType, Decoder, FileStart, Format, Outcome, Record, parse_types};

/// The byte order mark that may open a UTF-8 file.
pub const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
