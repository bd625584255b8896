//! The peak of reading, over what the process held before.
//!
//! *One thread.* pandas tokenizes a chunk of rows at a time, the largest power of two below 2^20 / columns: their text, a
//! pointer for each field and two for each row are in buffers. Pieces of numeric columns are put together at the end, when
//! each is there twice. The larger of the two counts, as the buffers are gone by then.
//!
//! *Several threads* (pandas 3.1) map the file and tokenize 4 MiB each. The pages of the file are resident until the end, and
//! clean: `VmHWM` has them, but the kernel takes them back when it needs them.
//!
//! *pandas 2* copies more: all blocks are put together from copies of copies. Factors from measurements are named below.
//!
//! The range of a peak is wide where what the heap was like before decides.
//!
//! A file may have holes, and be of any size: sums end at what 64 bits count, so that the largest need never looks small.

use crate::{
    Environment, Pandas, Setting,
    range::{Range, ratio, times},
};

/// What is held beyond the formulas: parts of buffers that grow by doubling.
const SLACK: u64 = 3 << 20;

/// How often bytes in blocks of NumPy are there besides while the blocks are put together: at least, expected, at most.
#[derive(Clone, Copy)]
struct Copies(f64, f64, f64);

/// Of pandas 2.3: 1.0 to 2.5 were measured, by what the heap was like.
const COPIES_OF_V2: Copies = Copies(0.9, 1.5, 2.6);

/// Of pandas 3.1, where pieces are so large that `malloc` maps each: 0.9 to 1.0 were measured.
const COPIES: Copies = Copies(0.3, 1.0, 1.0);

/// Of smaller pieces, which wide files have: they are taken from the heap, and what was freed is used again.
const COPIES_OF_SMALL_PIECES: Copies = Copies(0.0, 0.15, 1.0);

/// Blocks from so many bytes on are mapped by `malloc`.
const MAPPED_FROM: u64 = 128 << 10;

/// Of pandas 2.3 with Arrow types, what chunks leave behind for each byte that is held.
const LEFT_BY_CHUNKS_OF_V2: f64 = 0.3;

/// Of `engine="pyarrow"`, the peak for each byte that Arrow holds, measured were 2.3 to 2.6; and blocks that are read ahead.
const ARROW_ENGINE: f64 = 2.45;
const ARROW_AHEAD: u64 = 28 << 20;

/// Files below this size are read by one thread, and no chunk of a thread is larger than needed for so much.
const LEAST_FOR_THREADS: u64 = 5 << 20;
const CHUNK_OF_THREAD: u64 = 4 << 20;

/// The most that is added while a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// Memory that must be there.
    pub memory: Range,
    /// Pages of the file that are mapped besides: they count in `VmHWM`, but give way.
    pub mapped: u64,
}

/// What a peak depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub rows: Range,
    pub columns: u64,
    /// Bytes of a record in the file.
    pub record: f64,
    pub size: u64,
    /// For each row: held at the end, the part of it in blocks of NumPy, and what is there only on the way.
    pub held: f64,
    pub numpy: f64,
    pub passing: f64,
    /// For each row, what `memory_usage(deep=True)` says by default; of pandas 2, the objects that pass.
    pub objects: f64,
    /// For each row, what Arrow's types take.
    pub arrow: f64,
    /// For the file, what is held besides.
    pub fixed: u64,
}

/// Returns how many rows are read at a time by one thread.
pub(crate) fn chunk_rows(columns: u64) -> u64 {
    let most = (1 << 20) / columns.max(1);
    let mut rows = 1;
    while rows * 2 < most {
        rows *= 2;
    }
    rows
}

/// Returns whether pandas reads with several threads: none of the options that forbid it, and a file that is worth it.
pub(crate) fn is_threaded(environment: Environment, setting: Setting, size: u64) -> bool {
    let allowed = matches!(setting, Setting::Default | Setting::ArrowBackend | Setting::Categories);
    environment.pandas == Pandas::V3 && environment.threads > 1 && allowed && size >= LEAST_FOR_THREADS
}

impl Shape {
    /// Returns the peak of one thread.
    pub(crate) fn serial(&self, environment: Environment, setting: Setting) -> Peak {
        let chunk = self.rows.expected.min(chunk_rows(self.columns));
        let buffers = times(chunk, self.record + 8.0 * ratio(self.columns, 1) + 16.0);
        let row = self.held + self.passing;
        let memory = match (environment.pandas, setting) {
            (_, Setting::ArrowEngine | Setting::ArrowBoth) => return self.arrow_engine(environment, setting),
            (Pandas::V2, Setting::ArrowBackend) => {
                let passing = times(chunk, self.objects).saturating_add(buffers);
                self.range(row * (1.0 + LEFT_BY_CHUNKS_OF_V2), passing, passing / 2)
            }
            (Pandas::V2, _) => self.copied(row, buffers, COPIES_OF_V2),
            (Pandas::V3, _) if 8 * chunk_rows(self.columns) < MAPPED_FROM => {
                self.copied(row, buffers, COPIES_OF_SMALL_PIECES)
            }
            (Pandas::V3, _) => self.copied(row, buffers, COPIES),
        };
        Peak { memory, mapped: 0 }
    }

    /// Returns the peak of several threads.
    pub(crate) fn threaded(&self, environment: Environment) -> Peak {
        let chunks = self.chunks(environment.threads);
        let bytes = self.size / chunks.max(1);
        let rows = ratio(bytes, 1) / self.record.max(1.0);
        let fields = rows * ratio(self.columns, 1);
        let buffer = ratio(bytes, 1) + 16.0 * (fields + rows);
        let workers = environment.threads.min(chunks);
        Peak { memory: self.copied(self.held + self.passing, times(workers, buffer), COPIES), mapped: self.size }
    }

    /// Python objects of all records are there at once, and the text two times and a half: measured.
    pub(crate) fn json(&self, objects: f64) -> Peak {
        let row = objects + JSON_TEXTS * self.record + self.numpy;
        let range = self.rows.scaled(row, SLACK);
        let quarter = |value: u64| value / 4;
        let memory = Range {
            low: range.low - quarter(range.low),
            expected: range.expected,
            high: range.high.saturating_add(quarter(range.high)),
        };
        Peak { memory, mapped: 0 }
    }

    /// Blocks are copied, or buffers are there: the larger of both is expected, and at most both.
    fn copied(&self, row: f64, buffers: u64, copies: Copies) -> Range {
        let Copies(least, expected, most) = copies;
        let held = self.rows.scaled(row, self.fixed.saturating_add(SLACK));
        let there = |factor: f64| self.rows.scaled(self.numpy * factor, 0);
        Range {
            low: held.low.saturating_add(there(least).low.max(buffers / 2)),
            expected: held.expected.saturating_add(there(expected).expected.max(buffers)),
            high: held.high.saturating_add(there(most).high).saturating_add(buffers),
        }
    }

    fn range(&self, row: f64, passing: u64, unsure: u64) -> Range {
        let held = self.rows.scaled(row, self.fixed.saturating_add(SLACK));
        let tenth = |value: u64| value / 10;
        Range {
            low: (held.low - tenth(held.low)).saturating_add(passing.saturating_sub(unsure)),
            expected: held.expected.saturating_add(passing),
            high: held.high.saturating_add(passing).saturating_add(unsure).saturating_add(tenth(held.high)),
        }
    }

    /// Arrow's table, and a copy of it; what is turned into blocks of NumPy; where texts are Python objects, they and the table
    /// by which equal ones are found.
    fn arrow_engine(&self, environment: Environment, setting: Setting) -> Peak {
        let has_objects = setting == Setting::ArrowEngine && !environment.has_arrow_texts();
        let objects = if has_objects { self.held - self.numpy } else { 0.0 };
        let scaled =
            |arrow: f64, object: f64| self.rows.scaled(self.arrow * arrow + self.numpy + objects * object, ARROW_AHEAD);
        let memory = Range {
            low: scaled(ARROW_ENGINE - 0.4, 0.5).low,
            expected: scaled(ARROW_ENGINE, 1.2).expected,
            high: scaled(ARROW_ENGINE + 0.6, 4.0).high,
        };
        Peak { memory, mapped: 0 }
    }

    /// How many parts the threads divide the file into.
    fn chunks(&self, threads: u64) -> u64 {
        const MOST_PIECES: u64 = 1800;
        const LEAST_ROWS: u64 = 2000;
        let by_rows = self.rows.expected / LEAST_ROWS;
        let by_threads = threads.saturating_mul(3).min(by_rows).max(2);
        let by_size = (self.size / CHUNK_OF_THREAD).min(MOST_PIECES / self.columns.max(1)).min(by_rows);
        by_threads.max(by_size)
    }
}

/// Copies of the text while JSON is read.
const JSON_TEXTS: f64 = 2.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_a_power_of_two_of_rows() {
        // Measured by their size in pandas 2.3 and 3.1.
        assert_eq!([1, 2, 10, 20, 200].map(chunk_rows), [524_288, 262_144, 65_536, 32_768, 4_096]);
        assert_eq!(chunk_rows(5_000_000), 1);
    }

    #[test]
    fn the_largest_need_is_never_small() {
        let most = u64::MAX;
        let rows = Range::exact(most);
        let (record, held, numpy, passing, objects, arrow) = (1e9, 1e9, 1e9, 1e9, 1e9, 1e9);
        let shape = Shape { rows, columns: 1, record, size: most, held, numpy, passing, objects, arrow, fixed: most };
        let is_huge = |peak: Peak| assert_eq!(peak.memory.high, most, "{peak:?}");
        for pandas in [Pandas::V2, Pandas::V3] {
            let environment = Environment { pandas, threads: most, ..Environment::default() };
            for setting in Setting::OF_CSV {
                is_huge(shape.serial(environment, setting));
            }
            is_huge(shape.threaded(environment));
        }
        is_huge(shape.json(objects));
    }

    #[test]
    fn threads_are_for_large_files_without_options() {
        let check = |setting, size| is_threaded(Environment::default(), setting, size);
        assert!(check(Setting::Default, 5 << 20) && check(Setting::Categories, 5 << 20));
        assert!(!check(Setting::Default, (5 << 20) - 1));
        for setting in [Setting::Dates, Setting::Tuned, Setting::Used, Setting::UsedTuned, Setting::ArrowEngine] {
            assert!(!check(setting, 1 << 30), "{setting:?}");
        }
        let one = Environment { threads: 1, ..Environment::default() };
        assert!(!is_threaded(one, Setting::Default, 1 << 30));
    }
}
