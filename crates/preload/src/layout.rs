//! What a guarded process writes and its guard reads: one file for each process, mapped by the process, read by the guard.
//!
//! *Model.* A **site** is a stack of Python lines that allocated; it counts bytes. A **block** is one sampled allocation that
//! lives, with its site. A **string** is a name of a file or of a function, kept once. The file has a fixed size, and pages of
//! it exist when they are first written, so that it is small for a small program and never more than [`BYTES`].
//!
//! *Concurrency.* Everything is a word that is read and written by itself. The guard reads while the process writes: a number
//! may be of a moment later than the one beside it, which is less than one sample.
//!
//! Both sides compile this file; the guard as text of its own, because linking the library would take over its `malloc`.

/// The first word of a file.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"tidegat1");

/// The name of the variable that names the folder of the files.
pub const FOLDER: &str = "TIDEGATE_GUARD";

/// The name of the file in that folder that says what holds for all processes.
pub const CONTROL: &str = "control";

/// Sites there may be; the first stands for all others.
pub const SITES: usize = 4096;
/// Places to look for a site.
pub const SITE_PLACES: usize = 8192;
/// Lines in a site, the inmost first.
pub const FRAMES: usize = 24;
/// Bytes of strings.
pub const STRING_BYTES: usize = 384 << 10;
/// Places to look for a string.
pub const STRING_PLACES: usize = 8192;
/// The longest string; longer ones are cut at their beginning.
pub const LONGEST_STRING: usize = 512;
/// Blocks that share a place.
pub const SLOTS: usize = 16;
/// Places to look for a block.
pub const BUCKETS: usize = 4096;
/// Blocks there may be.
pub const BLOCKS: usize = BUCKETS * SLOTS;

/// Where each part begins.
pub const SITE_INDEX_AT: usize = 4096;
/// The index of strings.
pub const STRING_INDEX_AT: usize = SITE_INDEX_AT + SITE_PLACES * 8;
/// The strings: two bytes of length, then the text.
pub const STRINGS_AT: usize = STRING_INDEX_AT + STRING_PLACES * 8;
/// The sites.
pub const SITES_AT: usize = STRINGS_AT + STRING_BYTES;
/// The addresses of blocks.
pub const KEYS_AT: usize = SITES_AT + SITES * SITE_BYTES;
/// What is known of the blocks, in the same order.
pub const BLOCKS_AT: usize = KEYS_AT + BLOCKS * 8;
/// The size of the file.
pub const BYTES: usize = BLOCKS_AT + BLOCKS * BLOCK_BYTES;

/// Bytes of a site: its words, and 12 bytes for each line: file, function, line.
pub const SITE_BYTES: usize = 384;
/// Where the lines of a site begin.
pub const SITE_FRAMES_AT: usize = 64;
/// Bytes of a line.
pub const FRAME_BYTES: usize = 12;
/// Bytes of a block: the bytes it stands for, its size, its site.
pub const BLOCK_BYTES: usize = 24;

/// The site of mapped files that hold data, which are no memory.
pub const DATA: u32 = u32::MAX;

/// Words of the header.
pub mod word {
    /// [`super::MAGIC`], written last.
    pub const MAGIC: usize = 0;
    /// The process.
    pub const PROCESS: usize = 1;
    /// Bytes between two samples, on average.
    pub const INTERVAL: usize = 2;
    /// Sites that are used.
    pub const SITES_USED: usize = 3;
    /// Bytes of strings that are used.
    pub const STRINGS_USED: usize = 4;
    /// Bytes that live, as samples tell.
    pub const LIVE: usize = 5;
    /// The most that lived when sites were last remembered.
    pub const PEAK_LIVE: usize = 6;
    /// What was in use then.
    pub const PEAK_IN_USE: usize = 7;
    /// Blocks that live.
    pub const BLOCKS_LIVE: usize = 8;
    /// Samples so far.
    pub const SAMPLES: usize = 9;
    /// Samples that found no place.
    pub const DROPPED: usize = 10;
    /// Allocations that were refused.
    pub const REFUSED: usize = 11;
    /// The site of the one refused last.
    pub const REFUSED_SITE: usize = 12;
    /// Its size.
    pub const REFUSED_BYTES: usize = 13;
    /// What was in use then.
    pub const REFUSED_IN_USE: usize = 14;
    /// Times that freed memory was given back.
    pub const TRIMS: usize = 15;
    /// Times that Python's collector was run.
    pub const COLLECTIONS: usize = 16;
    /// The version of Python, as in `sys.hexversion`; 0 where there is none.
    pub const PYTHON: usize = 17;
    /// One of [`super::walk`].
    pub const WALK: usize = 18;
    /// What other processes of the tree hold; written by the guard.
    pub const OTHERS: usize = 19;
    /// What was anonymous when the file was made: the interpreter.
    pub const BASE: usize = 22;
    /// Bytes of mapped files that hold data.
    pub const MAPPED: usize = 23;
    /// 1 if another library has `malloc`.
    pub const OTHER_MALLOC: usize = 24;
    /// Times that a `MemoryError` was raised because small allocations passed the limit.
    pub const RAISED: usize = 25;
    /// Allocations past the limit that were not refused, because the library that asks would abort.
    pub const SPARED: usize = 26;
    /// The most that was in use whenever the process looked.
    pub const MOST_IN_USE: usize = 27;
    /// The kernel's own peak when the process ended by itself.
    pub const LAST_PEAK: usize = 28;
    /// The site of the last sample.
    pub const LAST_SITE: usize = 29;
    /// 1 if an exception that is no `MemoryError` reached the end of the program.
    pub const OTHER_ERROR: usize = 30;
    /// The most that `MAPPED` was.
    pub const MOST_MAPPED: usize = 31;
    /// 1 when the interpreter is taken down.
    pub const ENDS: usize = 32;
    /// What was in use then, when freed memory had been given back.
    pub const IN_USE_AT_END: usize = 33;
    /// When the most lived, in microseconds of a clock that all processes have.
    pub const PEAK_AT: usize = 34;
    /// When a tenth of that was freed; 0 while it lives.
    pub const LEFT_AT: usize = 35;
    /// When the process ended by itself.
    pub const ENDED_AT: usize = 36;
    /// What of it was pages of files then.
    pub const LAST_FILE: usize = 37;
    /// What was resident when the file was made in a process that was forked: pages of its parent.
    pub const INHERITED: usize = 38;
    /// When the file was made.
    pub const BORN_AT: usize = 39;
}

/// Words of the file `control`.
pub mod control {
    /// The limit of the tree in bytes; 0 for none.
    pub const LIMIT: usize = 0;
    /// From here on, memory is given back.
    pub const SOFT: usize = 1;
    /// Bytes between two samples, on average.
    pub const INTERVAL: usize = 2;
    /// The process of the guard, if it is what ends a tree far above its limit; 0 where the kernel does.
    pub const GUARD: usize = 3;
    /// How many words there are.
    pub const WORDS: usize = 4;
}

/// Whether lines are known.
pub mod walk {
    /// It is no Python.
    pub const NO_PYTHON: u64 = 0;
    /// The test was passed.
    pub const WORKS: u64 = 1;
    /// It has not been tested yet.
    pub const UNTESTED: u64 = 2;
    /// Frames are not where they should be.
    pub const FAILED: u64 = 3;
    /// A version that is not known.
    pub const UNKNOWN_VERSION: u64 = 4;
    /// A build without the global lock.
    pub const FREE_THREADED: u64 = 5;
    /// `PyPy`, whose frames are of another kind.
    pub const PYPY: u64 = 6;
}

/// Words of a site.
pub mod site {
    /// Bytes that live.
    pub const LIVE: usize = 0;
    /// Bytes that lived at the peak.
    pub const PEAK: usize = 1;
    /// Bytes that were ever allocated.
    pub const TOTAL: usize = 2;
    /// Samples.
    pub const SAMPLES: usize = 3;
    /// Samples that live.
    pub const LIVE_SAMPLES: usize = 4;
    /// Lines, then the site of the thread that gave the work, then [`NATIVE`].
    pub const SHAPE: usize = 5;
    /// The hash of the lines; 0 if unused.
    pub const HASH: usize = 6;
    /// Allocations that the samples stand for, in thousandths.
    pub const ALLOCATIONS: usize = 7;
    /// In `SHAPE`: the lines are those of the main thread, which waited for a thread without Python.
    pub const NATIVE: u64 = 1 << 63;
    /// In `SHAPE`: what is allocated is zero, and perhaps never touched.
    pub const ZEROED: u64 = 1 << 62;
}
