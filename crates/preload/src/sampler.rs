//! Which allocations are looked at, and what is counted of them.
//!
//! *Model.* Samples are a Poisson process over allocated bytes: the distance to the next is drawn from an exponential
//! distribution with a mean of `interval`. An allocation of `size` bytes is hit with the probability `1 - exp(-size/interval)`
//! and then stands for `size` divided by that, so that sums have no bias, and blocks much larger than the interval are exact.
//!
//! *Cost.* One subtraction and one branch for each allocation that is not hit.

use crate::{
    blocks::{self, Block},
    helper,
    layout::{BLOCKS, DATA, site, word},
    limit,
    local::Local,
    shared,
    sites::{self, field},
    stack::{self, Content},
    sys,
};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

/// While Python starts, this many bytes pass until it is asked whether it has started.
const STEP: i64 = 16 << 10;

static INTERVAL: AtomicU64 = AtomicU64::new(512 << 10);

/// Returns the bytes between two samples on average.
pub(crate) fn interval() -> u64 {
    INTERVAL.load(Relaxed)
}

/// Sets the bytes between two samples on average.
pub(crate) fn set_interval(bytes: u64) {
    INTERVAL.store(bytes.max(4096), Relaxed);
}

/// Returns whether so many more bytes are a reason to look.
#[inline(always)]
pub(crate) fn is_due(size: usize) -> bool {
    Local::with(|local| {
        // The size of a block that is there: no such is as large as half of all addresses.
        let left = local.countdown.get().wrapping_sub(size as i64);
        local.countdown.set(left);
        left < 0
    })
}

/// Sets who gave this thread its work, and returns who did before.
pub(crate) fn set_parent(site: u32) -> u32 {
    Local::with(|local| local.parent.replace(site))
}

/// Returns who gave this thread its work.
pub(crate) fn parent() -> u32 {
    Local::with(|local| local.parent.get())
}

/// Runs something whose allocations are this library's own; not if that is what happens already.
pub(crate) fn aside<T>(work: impl FnOnce() -> T) -> Option<T> {
    if Local::with(|local| local.busy.replace(true)) {
        return None;
    }
    let result = work();
    Local::with(|local| local.busy.set(false));
    Some(result)
}

/// Looks at an allocation that was due.
#[cold]
#[inline(never)]
pub(crate) fn look(address: usize, size: usize, content: Content) {
    let errno = sys::Errno::keep();
    let hit = Local::with(|local| hit(local, size));
    aside(|| {
        if shared::ready() {
            helper::tick();
            if let Some(mean) = hit {
                sample(Block { weight: weight(size, mean), size: size as u64, site: 0 }, address, content);
            }
        }
    });
    drop(errno);
}

/// Draws the distance to the next sample, and returns the mean of the one before if this allocation is one.
fn hit(local: &Local, size: usize) -> Option<u64> {
    let step = if helper::is_awaited() { STEP } else { i64::MAX / 4 };
    let mean = local.mean.get();
    if mean == 0 {
        seed(local);
        draw(local, step);
        // Nothing was drawn for this one.
        local.countdown.set(local.countdown.get().saturating_sub(i64::try_from(size).unwrap_or(0)));
        if local.countdown.get() >= 0 {
            return None;
        }
        return hit(local, size);
    }
    if local.countdown.get() < 0 {
        let overshoot = -local.countdown.get();
        if overshoot <= local.beyond.get() {
            // The sample is still ahead; it was only time to look.
            let ahead = local.beyond.get() - overshoot;
            let now = ahead.min(step);
            local.countdown.set(now);
            local.beyond.set(ahead - now);
            return None;
        }
        draw(local, step);
        return Some(mean);
    }
    None
}

fn seed(local: &Local) {
    let place = core::ptr::from_ref(local) as u64;
    let thread = u64::try_from(sys::thread()).unwrap_or(0);
    local.random.set(sites::mixed(place ^ thread << 32 ^ sys::milliseconds()) | 1);
}

fn draw(local: &Local, step: i64) {
    let mut random = local.random.get();
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    local.random.set(random);
    let mean = INTERVAL.load(Relaxed);
    local.mean.set(mean);
    // 53 bits of a number above 0 and at most 1.
    let uniform = ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let distance = (-uniform.ln() * mean as f64) as i64;
    let now = distance.min(step);
    local.countdown.set(now);
    local.beyond.set(distance - now);
}

/// Returns the bytes that a sample of this size stands for.
fn weight(size: usize, mean: u64) -> u64 {
    let share = 1.0 - (-(size as f64) / mean as f64).exp();
    if share > 0.0 { (size as f64 / share) as u64 } else { mean }
}

fn sample(block: Block, address: usize, content: Content) {
    shared::add(word::SAMPLES, 1);
    let Block { weight, size, .. } = block;
    let site = stack::site_of(content);
    let number = u64::from(site);
    if !blocks::insert(address, Block { site, ..block }) {
        shared::add(word::DROPPED, 1);
        return;
    }
    shared::word(word::LAST_SITE).store(number, Relaxed);
    field(number, site::LIVE).fetch_add(weight, Relaxed);
    field(number, site::TOTAL).fetch_add(weight, Relaxed);
    field(number, site::SAMPLES).fetch_add(1, Relaxed);
    let allocations = weight.saturating_mul(1000) / size.max(1);
    field(number, site::ALLOCATIONS).fetch_add(allocations, Relaxed);
    field(number, site::LIVE_SAMPLES).fetch_add(1, Relaxed);
    let live = shared::add(word::LIVE, weight).wrapping_add(weight);
    let sampled = shared::word(word::BLOCKS_LIVE).load(Relaxed);
    let mean = INTERVAL.load(Relaxed);
    if sampled > BLOCKS as u64 / 2
        && shared::word(word::INTERVAL).compare_exchange(mean, mean * 2, Relaxed, Relaxed).is_ok()
    {
        // As many as fill the tables take twice as long from now on.
        set_interval(mean * 2);
    }
    // A number that was read between two changes may have gone below zero.
    if live < u64::MAX / 2 {
        limit::grown(live);
        remember_peak(live);
    }
}

/// Forgets a block that is freed, and returns it if it was sampled.
#[cold]
#[inline(never)]
pub(crate) fn forget(address: usize) -> Option<Block> {
    let block = blocks::remove(address)?;
    if block.site == DATA {
        blocks::word_less(word::MAPPED, block.size);
        return Some(block);
    }
    if block.size >= limit::LOOK {
        // What was asked for may have been touched since it was looked at last; it is there for the last time.
        let errno = sys::Errno::keep();
        limit::in_use();
        drop(errno);
    }
    let number = u64::from(block.site);
    field(number, site::LIVE).fetch_sub(block.weight, Relaxed);
    field(number, site::LIVE_SAMPLES).fetch_sub(1, Relaxed);
    let live = blocks::word_less(word::LIVE, block.weight);
    if shared::word(word::LEFT_AT).load(Relaxed) == 0 {
        let most = shared::word(word::PEAK_LIVE).load(Relaxed);
        if live < most - most / 10 {
            shared::word(word::LEFT_AT).store(sys::microseconds(), Relaxed);
        }
    }
    Some(block)
}

/// Puts a block back that was not freed after all.
#[cold]
pub(crate) fn restore(address: usize, block: Block) {
    if block.site == DATA {
        return mapped(address, block.size);
    }
    if blocks::insert(address, block) {
        let number = u64::from(block.site);
        field(number, site::LIVE).fetch_add(block.weight, Relaxed);
        field(number, site::LIVE_SAMPLES).fetch_add(1, Relaxed);
        shared::add(word::LIVE, block.weight);
    }
}

/// Keeps a mapped file that holds data, so that its pages do not count.
pub(crate) fn mapped(address: usize, size: u64) {
    if blocks::insert(address, Block { weight: 0, size, site: DATA }) {
        let mapped = shared::add(word::MAPPED, size).wrapping_add(size);
        shared::word(word::MOST_MAPPED).fetch_max(mapped, Relaxed);
    }
}

/// Remembers what lives in each site, if more lives than ever.
fn remember_peak(live: u64) {
    static REMEMBERING: AtomicBool = AtomicBool::new(false);
    let before = shared::word(word::PEAK_LIVE).load(Relaxed);
    let is_more = live > before + (before / 100).max(1 << 20);
    if !is_more || REMEMBERING.swap(true, Acquire) {
        return;
    }
    let sites = shared::word(word::SITES_USED).load(Relaxed).min(crate::layout::SITES as u64);
    for number in 0..sites {
        let live = field(number, site::LIVE).load(Relaxed);
        field(number, site::PEAK).store(live, Relaxed);
    }
    shared::word(word::PEAK_LIVE).store(live, Relaxed);
    shared::word(word::PEAK_AT).store(sys::microseconds(), Relaxed);
    shared::word(word::LEFT_AT).store(0, Relaxed);
    shared::word(word::PEAK_IN_USE).store(limit::last_in_use(), Relaxed);
    REMEMBERING.store(false, Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allocates `count` blocks of `size` bytes, and returns what the samples say they are.
    fn estimate(size: usize, count: u64) -> f64 {
        let local = Local::new();
        local.random.set(0x1234_5678_9ABC_DEF1);
        draw(&local, i64::MAX / 4);
        let mut sum = 0;
        for _ in 0..count {
            local.countdown.set(local.countdown.get() - i64::try_from(size).unwrap());
            if local.countdown.get() < 0
                && let Some(mean) = hit(&local, size)
            {
                sum += weight(size, mean);
            }
        }
        sum as f64 / (size as u64 * count) as f64
    }

    #[test]
    fn sums_have_no_bias() {
        for (size, count) in [(64, 40_000_000), (4 << 10, 2_000_000), (512 << 10, 20_000), (64 << 20, 100)] {
            let ratio = estimate(size, count);
            assert!((0.97..1.03).contains(&ratio), "{size}: {ratio}");
        }
    }
}
