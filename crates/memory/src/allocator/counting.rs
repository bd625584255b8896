//! The global allocator: jemalloc, with every byte counted into the ledger.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use super::large;
use crate::{ledger, wall};
use std::alloc::{GlobalAlloc, Layout};
use tikv_jemallocator::Jemalloc;

/// jemalloc with every byte counted into the ledger.
///
/// It never refuses: on stable Rust a null from here aborts the process, and unwinding out of an allocator is undefined
/// behaviour. What would pass the limit waits until others have freed memory, for a bounded time: the limit is held by acting
/// in that time, and earlier, see [`crate::pressure`].
///
/// ```ignore
/// #[global_allocator]
/// static ALLOCATOR: tidegate_memory::CountingAllocator = tidegate_memory::CountingAllocator;
/// ```
#[derive(Debug)]
pub struct CountingAllocator;

// SAFETY: every call is handed to jemalloc with its arguments unchanged; counting touches no allocation.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        before(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract.
        counted(unsafe { Jemalloc.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        before(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc_zeroed`'s contract.
        counted(unsafe { Jemalloc.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        forget(pointer, layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::dealloc`'s contract.
        unsafe { Jemalloc.dealloc(pointer, layout) };
        ledger::record(-signed(layout.size()));
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // What of the old block was never touched never will be.
        forget(pointer, layout.size());
        // Old and new are both there while the one is copied to the other.
        if new_size > layout.size() {
            before(new_size);
        }
        // SAFETY: the caller keeps `GlobalAlloc::realloc`'s contract.
        let moved = unsafe { Jemalloc.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            follow(moved, new_size);
            ledger::record(signed(new_size) - signed(layout.size()));
        }
        moved
    }
}

#[inline]
fn before(size: usize) {
    if size >= wall::LARGE {
        wall::before(signed(size));
    }
}

#[inline]
fn follow(pointer: *mut u8, size: usize) {
    if size >= wall::LARGE {
        large::insert(pointer as usize, size);
    }
}

#[inline]
fn forget(pointer: *mut u8, size: usize) {
    if size >= wall::LARGE {
        large::remove(pointer as usize);
    }
}

fn counted(pointer: *mut u8, size: usize) -> *mut u8 {
    if !pointer.is_null() {
        follow(pointer, size);
        ledger::record(signed(size));
    }
    pointer
}

/// An allocation is at most `isize::MAX` bytes long.
#[expect(clippy::cast_possible_wrap, reason = "`Layout` guarantees that a size fits in isize")]
fn signed(size: usize) -> i64 {
    size as i64
}
