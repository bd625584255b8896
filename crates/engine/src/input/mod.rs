//! Input files: finding them, and reading them in blocks of whole records.

mod blocks;
mod compression;
mod find;
mod parts;
mod sample;
mod source;
mod window;

pub use blocks::{BlockQueue, Lane, LoadedBlock, QueueOptions, RECORD_CAP};
pub use compression::Compression;
pub use find::{InputFile, Once, find, is_standard_input, once};
pub(crate) use parts::Ahead;
pub use sample::{Head, SampleSize};
pub(crate) use source::ByteSource;
pub use source::{Place, line_at};
