//! The sampled blocks that live, by their address.
//!
//! *Model.* An address has one bucket, and a bucket [`SLOTS`] slots: nothing is ever moved, so that taking a block out is one
//! store. In front of it is a small filter of counters, which nearly every `free` looks at and nothing else.
//!
//! *Concurrency.* A slot is taken by an exchange. Only who frees a block takes it out, and only one can.

use crate::{
    layout::{self, BLOCKS_AT, BUCKETS, KEYS_AT, SLOTS, word},
    shared,
    sites::mixed,
};
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// Counters in the filter, which stay in the first cache.
const FILTER: usize = 16 << 10;
static COUNTERS: [AtomicU8; FILTER] = [const { AtomicU8::new(0) }; FILTER];

/// A slot that is being filled. No block has this address.
const TAKEN: u64 = 1;

/// A sampled allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The bytes that it stands for.
    pub(crate) weight: u64,
    /// Its size.
    pub(crate) size: u64,
    pub(crate) site: u32,
}

/// Returns whether a block with this address may have been sampled.
#[inline(always)]
pub(crate) fn may_be(address: usize) -> bool {
    COUNTERS.get(counter(address)).is_some_and(|counter| counter.load(Relaxed) != 0)
}

#[inline(always)]
fn counter(address: usize) -> usize {
    // Blocks are at multiples of 16, large ones 16 bytes behind the beginning of a page.
    (address >> 4 ^ address >> 15 ^ address >> 25) & (FILTER - 1)
}

fn bucket(address: usize) -> usize {
    usize::try_from(mixed(address as u64) >> 40).unwrap_or(0) % BUCKETS
}

fn key(slot: usize) -> &'static AtomicU64 {
    shared::at(KEYS_AT + slot * 8)
}

fn field(slot: usize, index: usize) -> &'static AtomicU64 {
    shared::at(BLOCKS_AT + slot * layout::BLOCK_BYTES + index * 8)
}

/// Keeps a block; returns whether there was room.
pub(crate) fn insert(address: usize, block: Block) -> bool {
    let first = bucket(address) * SLOTS;
    for slot in first..first + SLOTS {
        if key(slot).load(Relaxed) != 0 || key(slot).compare_exchange(0, TAKEN, Acquire, Relaxed).is_err() {
            continue;
        }
        field(slot, 0).store(block.weight, Relaxed);
        field(slot, 1).store(block.size, Relaxed);
        field(slot, 2).store(u64::from(block.site), Relaxed);
        if let Some(counter) = COUNTERS.get(counter(address)) {
            // One that is full stays so: it can no longer tell how many there are.
            let _ = counter.fetch_update(Relaxed, Relaxed, |count| count.checked_add(1));
        }
        key(slot).store(address as u64, Release);
        shared::add(word::BLOCKS_LIVE, 1);
        return true;
    }
    false
}

/// Takes a block out, if it is here.
pub(crate) fn remove(address: usize) -> Option<Block> {
    if !shared::is_on() {
        return None;
    }
    let first = bucket(address) * SLOTS;
    let slot = (first..first + SLOTS).find(|slot| key(*slot).load(Acquire) == address as u64)?;
    let site = u32::try_from(field(slot, 2).load(Relaxed)).unwrap_or(0);
    let block = Block { weight: field(slot, 0).load(Relaxed), size: field(slot, 1).load(Relaxed), site };
    key(slot).store(0, Release);
    if let Some(counter) = COUNTERS.get(counter(address)) {
        let less = |count: u8| if count == u8::MAX { None } else { count.checked_sub(1) };
        let _ = counter.fetch_update(Relaxed, Relaxed, less);
    }
    word_less(word::BLOCKS_LIVE, 1);
    Some(block)
}

/// Returns the site of a block that begins here, if it was sampled.
pub(crate) fn site(address: usize) -> Option<u32> {
    let first = bucket(address) * SLOTS;
    let slot = (first..first + SLOTS).find(|slot| key(*slot).load(Acquire) == address as u64)?;
    u32::try_from(field(slot, 2).load(Relaxed)).ok()
}

/// Forgets all blocks, which are those of the parent.
pub(crate) fn forked() {
    for counter in &COUNTERS {
        counter.store(0, Relaxed);
    }
}

/// Takes from a word of the header, and returns what is left.
pub(crate) fn word_less(index: usize, less: u64) -> u64 {
    shared::word(index).fetch_sub(less, Relaxed).wrapping_sub(less)
}
