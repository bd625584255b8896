//! Where pages come from and go to: the counting allocator, jemalloc's controls and the program's own pages.
//!
//! The only folder of this crate with `unsafe` code.

mod counting;
pub mod jemalloc;
pub(crate) mod large;
pub mod program_pages;

pub use counting::CountingAllocator;
