//! Strings and sites: each is kept once, and found by its hash.
//!
//! *Concurrency.* Whoever brings something new takes the next room by adding to a counter, fills it, and publishes it by one
//! exchange of a place in the index. If another was faster, the room stays unused. Nobody waits.

use crate::{
    layout::{self, FRAMES, SITES_AT, site, word},
    shared,
};
use core::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// A line of Python: the strings that name its file and its function, and its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) file: u32,
    pub(crate) function: u32,
    pub(crate) line: u32,
}

/// The lines of a thread, the inmost first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    pub(crate) frames: [Frame; FRAMES],
    pub(crate) depth: usize,
    /// The site that gave the thread its work; 0 for none.
    pub(crate) parent: u32,
    /// The lines are those of the main thread, which waits.
    pub(crate) is_native: bool,
    /// What is allocated is zero, and perhaps never touched.
    pub(crate) is_zeroed: bool,
}

impl Stack {
    pub(crate) const EMPTY: Self = Self {
        frames: [Frame { file: 0, function: 0, line: 0 }; FRAMES],
        depth: 0,
        parent: 0,
        is_native: false,
        is_zeroed: false,
    };

    fn hash(&self) -> u64 {
        let flags = u64::from(self.is_native) | u64::from(self.is_zeroed) << 1;
        let mut hash = mixed(u64::from(self.parent) << 2 | flags);
        for frame in self.frames.iter().take(self.depth) {
            hash = mixed(hash ^ (u64::from(frame.file) << 32 | u64::from(frame.line)));
            hash = mixed(hash ^ u64::from(frame.function));
        }
        hash | 1
    }
}

/// Spreads the bits of a number.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (number ^ (number >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Bits of an index entry that hold the place; the others hold a part of the hash.
const PLACE_BITS: u32 = 24;
const PLACE: u64 = (1 << PLACE_BITS) - 1;

/// Returns the string's number, which is 0 if there is no room for it.
pub(crate) fn string(text: &[u8]) -> u32 {
    let text = text.get(text.len().saturating_sub(layout::LONGEST_STRING)..).unwrap_or_default();
    let hash =
        text.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3));
    let make = || {
        let room = (text.len() + 2).next_multiple_of(4);
        // Place 0 means none.
        let place = usize::try_from(shared::add(word::STRINGS_USED, room as u64)).ok()?.checked_add(4)?;
        let fits = place + room <= layout::STRING_BYTES;
        let length = u16::try_from(text.len()).ok().filter(|_| fits)?;
        shared::put(layout::STRINGS_AT + place, &length.to_ne_bytes());
        shared::put(layout::STRINGS_AT + place + 2, text);
        Some(place as u64)
    };
    let is_it = |place: usize| {
        let length = shared::get(layout::STRINGS_AT + place, 2);
        let length = length.try_into().map_or(0, u16::from_ne_bytes);
        shared::get(layout::STRINGS_AT + place + 2, usize::from(length)) == text
    };
    let index = Index { at: layout::STRING_INDEX_AT, places: layout::STRING_PLACES };
    u32::try_from(index.find(mixed(hash), is_it, make).unwrap_or(0)).unwrap_or(0)
}

/// Returns the site of a stack; 0, which stands for all others, if there is no room for it.
pub(crate) fn site(stack: &Stack) -> u32 {
    let hash = stack.hash();
    let make = || {
        let number = shared::add(word::SITES_USED, 1);
        if number >= layout::SITES as u64 {
            return None;
        }
        let at = SITES_AT + usize::try_from(number).ok()? * layout::SITE_BYTES;
        for (nth, frame) in stack.frames.iter().take(stack.depth).enumerate() {
            let at = at + layout::SITE_FRAMES_AT + nth * layout::FRAME_BYTES;
            shared::put(at, &frame.file.to_ne_bytes());
            shared::put(at + 4, &frame.function.to_ne_bytes());
            shared::put(at + 8, &frame.line.to_ne_bytes());
        }
        let native = if stack.is_native { site::NATIVE } else { 0 };
        let zeroed = if stack.is_zeroed { site::ZEROED } else { 0 };
        field(number, site::SHAPE).store(stack.depth as u64 | u64::from(stack.parent) << 16 | native | zeroed, Relaxed);
        field(number, site::HASH).store(hash, Release);
        Some(number)
    };
    let is_it = |number: usize| field(number as u64, site::HASH).load(Acquire) == hash;
    let index = Index { at: layout::SITE_INDEX_AT, places: layout::SITE_PLACES };
    u32::try_from(index.find(hash, is_it, make).unwrap_or(0)).unwrap_or(0)
}

/// Returns a word of a site.
pub(crate) fn field(number: u64, index: usize) -> &'static AtomicU64 {
    shared::at(SITES_AT + usize::try_from(number).unwrap_or(0) * layout::SITE_BYTES + index * 8)
}

/// Where things are found by a hash.
struct Index {
    at: usize,
    places: usize,
}

impl Index {
    /// Returns what has this hash and is it; makes it if there is none.
    fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool, make: impl FnOnce() -> Option<u64>) -> Option<u64> {
        let tag = hash & !PLACE | 1 << PLACE_BITS;
        let mut brought = None;
        let mut make = Some(make);
        for step in 0..self.places {
            let place = usize::try_from(hash >> 20).unwrap_or(0).wrapping_add(step) % self.places;
            let entry = shared::at(self.at + place * 8);
            let mut seen = entry.load(Acquire);
            if seen == 0 {
                if let Some(make) = make.take() {
                    brought = make();
                }
                let new = brought?;
                match entry.compare_exchange(0, tag | new, Release, Acquire) {
                    Ok(_) => return Some(new),
                    Err(other) => seen = other,
                }
            }
            let found = seen & PLACE;
            if seen & !PLACE == tag && is_it(usize::try_from(found).unwrap_or(0)) {
                return Some(found);
            }
        }
        None
    }
}
