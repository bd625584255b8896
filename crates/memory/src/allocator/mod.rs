//! Where pages come from and go to: the counting allocator, jemalloc's controls and the program's own pages.
//!
//! The only folder of this crate with `unsafe` code.

#[cfg(feature = "allocator")]
mod counting;
#[cfg(feature = "allocator")]
pub mod jemalloc;
#[cfg(feature = "allocator")]
pub(crate) mod large;
pub mod program_pages;

#[cfg(feature = "allocator")]
pub use counting::CountingAllocator;
