//! What each site of a process held at a moment, as far as it was really there.
//!
//! Samples count what was asked for. Memory that was asked for and never touched is not there: the kernel's own map of pages
//! (`/proc/PID/pagemap`) tells, for each large block, how much of it is.

use crate::counted::{Block, Counted};
use std::{fs::File, os::unix::fs::FileExt};
use tidegate_memory::ByteCount;

/// Blocks from here on are looked at page by page.
const LARGE: u64 = 1 << 20;
/// Pages that are looked at at a time, and how many times at most for one block.
const PAGES: u64 = 512;
const LOOKS: u64 = 64;
/// Blocks that are looked at.
const BLOCKS: usize = 512;
const PAGE: u64 = 4096;

/// What the sites of a process held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    /// What the process had in use.
    pub(crate) in_use: ByteCount,
    /// Bytes of each site.
    pub(crate) sites: Vec<u64>,
}

impl Picture {
    /// Returns what has an owner.
    pub(crate) fn owned(&self) -> ByteCount {
        ByteCount::new(self.sites.iter().sum())
    }

    /// Takes a picture of what lives now. Pages are looked at where more seems to live than there is room for.
    pub(crate) fn take(counted: &Counted, file: &File, process: u32, in_use: ByteCount, base: ByteCount) -> Self {
        let mut sites: Vec<u64> = counted.sites.iter().map(|site| site.live).collect();
        let owned: u64 = sites.iter().sum();
        let room = in_use.saturating_sub(base).bytes();
        if owned > room + room / 32 {
            for (site, bytes) in untouched(process, &Counted::blocks(file)) {
                if let Some(held) = sites.get_mut(site) {
                    *held = held.saturating_sub(bytes);
                }
            }
        }
        Self { in_use, sites }
    }

    /// Returns what the process remembered itself when the most lived. Where that is more than there was, what was zero from the
    /// beginning was not touched: nobody can look at the pages any more.
    pub(crate) fn remembered(counted: &Counted, room: ByteCount) -> Self {
        let in_use = ByteCount::new(counted.word(crate::layout::word::PEAK_IN_USE));
        let mut sites: Vec<u64> = counted.sites.iter().map(|site| site.peak).collect();
        let mut excess = sites.iter().sum::<u64>().saturating_sub(room.bytes());
        let mut zeroed: Vec<usize> =
            (0..sites.len()).filter(|at| counted.sites.get(*at).is_some_and(|site| site.is_zeroed)).collect();
        zeroed.sort_by_key(|at| std::cmp::Reverse(sites.get(*at).copied()));
        for at in zeroed {
            if let Some(held) = sites.get_mut(at) {
                let untouched = excess.min(*held);
                *held -= untouched;
                excess -= untouched;
            }
        }
        // Who is ended in the midst of it has not touched all of what was asked for last.
        let last = usize::try_from(counted.word(crate::layout::word::LAST_SITE)).unwrap_or(usize::MAX);
        if let Some(held) = sites.get_mut(last) {
            *held -= excess.min(*held);
        }
        Self { in_use, sites }
    }
}

/// Returns, for sites of large blocks, the bytes that were never touched.
fn untouched(process: u32, blocks: &[Block]) -> Vec<(usize, u64)> {
    let Ok(map) = File::open(format!("/proc/{process}/pagemap")) else { return Vec::new() };
    let mut large: Vec<&Block> = blocks.iter().filter(|block| block.size >= LARGE).collect();
    large.sort_by_key(|block| std::cmp::Reverse(block.size));
    large.iter().take(BLOCKS).filter_map(|block| Some((block.site, missing(&map, block)?))).collect()
}

/// Returns how much of a block is not there, from looks at parts of it that are evenly spread.
fn missing(map: &File, block: &Block) -> Option<u64> {
    let (first, pages) = (block.address / PAGE, block.size / PAGE);
    let looks = pages.div_ceil(PAGES).min(LOOKS);
    let (mut seen, mut there) = (0_u64, 0_u64);
    let mut entries = [0; 8 * 512];
    for look in 0..looks {
        let from = pages.checked_mul(look)? / looks;
        let count = PAGES.min(pages - from);
        let room = entries.get_mut(..usize::try_from(count * 8).ok()?)?;
        map.read_exact_at(room, (first + from) * 8).ok()?;
        seen += count;
        // The highest bit: the page is in memory; the next: it is in swap.
        let is_there = |entry: &&[u8]| entry.last().is_some_and(|byte| byte & 0xC0 != 0);
        there += u64::try_from(room.chunks_exact(8).filter(is_there).count()).unwrap_or(0);
    }
    let gone = (seen - there).checked_mul(1000)? / seen.max(1);
    Some(block.weight / 1000 * gone)
}

/// Returns the picture that explains the peak that the kernel counted best.
pub(crate) fn best(pictures: Vec<Picture>, base: ByteCount, peak: ByteCount) -> Option<Picture> {
    let error = |picture: &Picture| (base + picture.owned()).bytes().abs_diff(peak.bytes());
    pictures.into_iter().min_by_key(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_touched_is_seen() {
        let mut held = vec![0_u8; 64 << 20];
        for at in (0..16 << 20).step_by(4096) {
            held[at] = 1;
        }
        let held = std::hint::black_box(held);
        let size = held.len() as u64;
        let block = Block { address: held.as_ptr() as u64, size, weight: size, site: 3 };
        let gone = untouched(std::process::id(), &[block]);
        let [(3, gone)] = gone[..] else { panic!("{gone:?}") };
        assert!((46 << 20..50 << 20).contains(&gone), "{gone}");
    }

    #[test]
    fn the_picture_nearest_to_the_kernels_peak_is_taken() {
        let picture = |mib: u64| Picture { in_use: ByteCount::ZERO, sites: vec![mib << 20] };
        let found = best(vec![picture(10), picture(90), picture(200)], ByteCount::mib(10), ByteCount::mib(105));
        assert_eq!(found, Some(picture(90)));
        assert_eq!(best(Vec::new(), ByteCount::ZERO, ByteCount::ZERO), None);
    }
}
