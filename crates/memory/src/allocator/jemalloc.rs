//! jemalloc's controls: purge, flush, and what it holds.
#![expect(unsafe_code, reason = "jemalloc's control interface is C")]

use std::{ffi::CStr, ptr};
use tikv_jemalloc_sys::mallctl;

/// What jemalloc does by itself: few arenas, so that freed pages are found again; no caching of larger blocks in threads;
/// no huge pages, because one live byte would keep two MiB resident; freed pages kept for half a second unless the watch
/// purges them earlier. Giving pages back at once costs 2.3 to 3.4 times the time, this nothing that can be measured. That goes
/// for blocks of up to 32 MiB as well, which jemalloc would give back at once from 8 MiB on: LZ4 takes blocks of that size for
/// every buffer of more than 256 KiB.
#[unsafe(export_name = "malloc_conf")]
pub static CONFIGURATION: &[u8] =
    b"narenas:4,tcache_max:8192,dirty_decay_ms:500,muzzy_decay_ms:0,oversize_threshold:33554432,thp:never,abort_conf:false\0";

/// Gives every freed page of every arena back to the kernel.
pub fn purge() {
    // 4096 stands for all arenas (MALLCTL_ARENAS_ALL).
    command(c"arena.4096.purge");
}

/// Gives this thread's cache of free blocks back to the arenas, so that a purge finds them.
pub fn flush_thread_cache() {
    command(c"thread.tcache.flush");
}

/// Returns the decay time that is in force, in milliseconds.
pub fn dirty_decay_ms() -> Option<isize> {
    read(c"opt.dirty_decay_ms")
}

/// Returns the bytes of pages that jemalloc holds: live blocks, freed pages, its own tables. Costs about 30 microseconds.
pub fn resident() -> u64 {
    // Statistics are as old as the epoch; writing it brings them up to date.
    let mut epoch = 1_u64;
    let size = size_of::<u64>();
    // SAFETY: the epoch is written from a variable of the size that jemalloc expects.
    unsafe {
        mallctl(c"epoch".as_ptr(), ptr::null_mut(), ptr::null_mut(), (&raw mut epoch).cast(), size);
    }
    u64::try_from(read::<usize>(c"stats.resident").unwrap_or(0)).unwrap_or(0)
}

/// Runs a control that neither reads nor writes a value. An unknown name does nothing.
fn command(name: &CStr) {
    // SAFETY: the name ends in NUL, and null pointers stand for "no value" in both directions.
    unsafe { mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0) };
}

fn read<T: Default>(name: &CStr) -> Option<T> {
    let mut value = T::default();
    let mut size = size_of::<T>();
    // SAFETY: `value` is writable and `size` is its size; jemalloc refuses a size it does not expect.
    let code = unsafe { mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut size, ptr::null_mut(), 0) };
    (code == 0).then_some(value)
}
