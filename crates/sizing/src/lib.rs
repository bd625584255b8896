//! What pandas and NumPy would need: bytes of each column, the peak of reading, the line to write, and whether it fits.
//!
//! *Model.* From a sample of a file's bytes ([`Blocks`]) each column is observed as pandas reads it: which type it gets, how
//! long its texts are, how many values repeat. **Deep** is what `memory_usage(deep=True)` says. **Held** is what the process
//! really holds, which is less where Python objects are shared. The **peak** of reading is more: blocks of columns are
//! copied while their pieces are there, and text is in buffers. Threads of pandas 3.1 map the file besides; its pages count
//! in `VmHWM` but are the page cache's, which gives way, so they are told apart as **mapped**.
//!
//! All numbers come of formulas that were measured; `docs/pandas-sizes.md` has them beside what pandas 2.3 and 3.1 say.
//!
//! This crate knows Python's object sizes, NumPy's, Arrow's and pandas' rules, and no query engine: Python bindings and the
//! command take it without one. Only [`read_blocks`] does I/O.

mod access;
mod cell;
mod column;
mod delimited;
mod distinct;
mod environment;
mod error;
mod line;
mod look;
mod matrix;
mod ndjson;
mod observed;
mod peak;
mod range;
mod sample;
mod setting;
mod sizes;
mod table;
mod verdict;

pub use cell::Cell;
pub use environment::{Environment, Pandas};
pub use error::SizingError;
pub use matrix::{Array, Explained, explain};
pub use peak::Peak;
pub use range::Range;
pub use sample::{Block, Blocks, SampleOptions, read_blocks};
pub use setting::Setting;
pub use sizes::{ColumnSizes, FileKind, Options, SettingSizes, Sizes, size};
pub use verdict::{Ending, Room, Verdict};
