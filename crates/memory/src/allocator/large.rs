//! Large blocks that were allocated and are not yet resident, because nobody has written to them.
//!
//! The kernel counts a page when it is touched. A copy of forty MB is granted long before the kernel has seen the last of it,
//! so whoever asks in between has to know what is still to come. [`untouched`] asks the kernel about every recent large block;
//! those that are resident as a whole are forgotten.
//!
//! *Concurrency.* One lock around a table of fixed size. Nothing is allocated while it is held.
#![expect(unsafe_code, reason = "C calls about resident pages")]

use super::program_pages::page_size;
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
};

/// Blocks that are followed. More at a time would be some hundred MB in pieces of one; those are not followed.
const BLOCKS: usize = 256;

/// Pages that are asked about in one call.
const PAGES: usize = 1024;

static TABLE: Mutex<[Block; BLOCKS]> = Mutex::new([Block { address: 0, size: 0 }; BLOCKS]);
/// How many blocks are in the table, and their bytes, for those that need not know exactly.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

/// A block at an address; free places have the address 0.
#[derive(Clone, Copy)]
struct Block {
    address: usize,
    size: usize,
}

/// Follows a block that was just allocated.
pub(crate) fn insert(address: usize, size: usize) {
    if let Some(place) = table().iter_mut().find(|block| block.address == 0) {
        *place = Block { address, size };
        COUNT.fetch_add(1, Relaxed);
        BYTES.fetch_add(signed(size), Relaxed);
    }
}

/// Forgets a block, before it is freed.
pub(crate) fn remove(address: usize) {
    if COUNT.load(Relaxed) == 0 {
        return;
    }
    if let Some(block) = table().iter_mut().find(|block| block.address == address) {
        forget(block);
    }
}

/// Returns what may not be resident of large blocks, at most, without asking the kernel.
pub(crate) fn untouched_at_most() -> i64 {
    BYTES.load(Relaxed)
}

/// Returns the bytes of large blocks that are not resident, as the kernel says.
pub(crate) fn untouched() -> i64 {
    if COUNT.load(Relaxed) == 0 {
        return 0;
    }
    let mut sum = 0;
    for block in table().iter_mut().filter(|block| block.address != 0) {
        let missing = missing(block);
        if missing == 0 {
            forget(block);
        }
        sum += signed(missing);
    }
    sum
}

fn forget(block: &mut Block) {
    COUNT.fetch_sub(1, Relaxed);
    BYTES.fetch_sub(signed(block.size), Relaxed);
    *block = Block { address: 0, size: 0 };
}

/// Returns the bytes of a block's pages that are not resident.
fn missing(block: &Block) -> usize {
    let page = usize::try_from(page_size()).unwrap_or(4096);
    let end = (block.address + block.size) / page * page;
    let mut from = block.address.next_multiple_of(page);
    let mut missing = 0;
    let mut resident = [0_u8; PAGES];
    while from < end {
        let pages = ((end - from) / page).min(PAGES);
        // SAFETY: the pages are part of a live allocation, because a block is removed before it is freed, and `resident` has
        // a byte for each of them.
        let code = unsafe { libc::mincore(from as *mut libc::c_void, pages * page, resident.as_mut_ptr()) };
        if code == 0 {
            missing += page * resident.iter().take(pages).filter(|byte| **byte & 1 == 0).count();
        }
        from += pages * page;
    }
    missing
}

fn table() -> MutexGuard<'static, [Block; BLOCKS]> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_to_is_missing() {
        // Small, because a test beside this one looks at what the whole process holds.
        let mut block = Vec::<u8>::with_capacity(1 << 20);
        let address = block.as_ptr() as usize;
        insert(address, block.capacity());
        assert_eq!(untouched_at_most(), 1 << 20);
        assert!(untouched() >= 900 << 10, "{}", untouched());
        block.resize(512 << 10, 1);
        let half = untouched();
        assert!(((400 << 10)..=(600 << 10)).contains(&half), "{half}");
        block.resize(1 << 20, 1);
        assert_eq!(untouched(), 0);
        assert_eq!(untouched_at_most(), 0, "what is resident as a whole is forgotten");
        insert(address, block.capacity());
        remove(address);
        assert_eq!(untouched_at_most(), 0);
    }
}
