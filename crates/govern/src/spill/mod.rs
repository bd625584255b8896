//! Spill files: operator state on disk, checked when it is read back, in files without a name.
//!
//! *Model.* A spill file is a row of **blocks**, each of at most 64 KiB: a header of 16 bytes and what was written. The header holds
//! the length, the block's number and a checksum over both, over what follows, and over an id that is drawn for the file.
//! A reader hands on nothing of a block before its checksum fits, and it knows how many bytes were written. So a flipped
//! bit, a lost tail, two blocks in each other's place or a block of another file end the task with a
//! [`SpillFailure::Damaged`]; DataFusion itself reads what was spilled without checking it.
//!
//! A file is made by `O_TMPFILE` with mode 0600, or created with mode 0600 and unlinked at once where the file system has no
//! such thing: nobody else can open it, and the kernel removes it when it is closed, however the process ends. So there is no
//! folder to protect with mode 0700, to clean up on Ctrl-C or to sweep after `kill -9`.
//!
//! *Memory.* A writer holds one block and a reader two; the ledger counts them as it does all of the heap. The page cache
//! takes what is spilled only while there is room for it ([`CacheRoom`]).
//!
//! *Concurrency.* A reader may begin before the writer is done: blocks are appended under a lock of the file, and the number
//! of bytes is published after the bytes themselves.

mod batches;
mod block;
mod cache;
mod failure;
mod file;
mod files;
mod folder;
mod overflow;
mod reader;
mod writer;

pub(crate) use batches::{SpilledBatches, read_spilled, spill_manager};
pub use cache::CacheRoom;
pub use failure::{Damage, SpillFailure, SpillName};
pub use files::{SpillFiles, SpillOptions, SpillReport};
pub use folder::is_in_memory;
pub(crate) use overflow::{Divided, FILES, Overflow, place};

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
