//! Peaks of reading, beside what the kernel said of them (`VmHWM` over what the process held before).
//!
//! Measured with `bench/pandas_sizes.py` on Python 3.11.7, pandas 3.1.1 and 2.3.3 with pyarrow 25.0.1, two cores, glibc 2.36.
//! The files are large, so that only their start and their size are given to the model.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what went wrong by a panic, and made data is small"
)]

#[path = "support/data.rs"]
mod data;

use tidegate_sizing::{Block, Blocks, Environment, Options, Pandas, Setting, SettingSizes, size};

/// A made file: its kind, rows and bytes.
type File = (&'static str, u64, u64);

const LOG: File = ("log", 1_000_000, 217_057_265);
const NUMBERS: File = ("numbers", 600_000, 91_746_523);
const NARROW: File = ("narrow", 3_000_000, 49_888_897);
const WIDE: File = ("wide", 60_000, 57_842_118);
const MISSING: File = ("missing", 600_000, 57_529_013);
const LONG: File = ("long", 30_000, 105_863_509);

/// Sizes a file from four parts of it.
fn sized((kind, rows, bytes): File, setting: Setting, pandas: Pandas) -> SettingSizes {
    const PARTS: u64 = 4;
    let part_rows = (rows / 100).min(3_000);
    let mut blocks = Vec::new();
    for part in 0..PARTS {
        let from = (rows - part_rows) * part / (PARTS - 1);
        let text = data::part(kind, from..from + part_rows).into_bytes();
        blocks.push(Block { offset: (bytes - text.len() as u64) * part / (PARTS - 1), bytes: text });
    }
    let options = Options { environment: Environment { pandas, ..Environment::default() }, ..Options::default() };
    let sizes = size(&Blocks { size: bytes, blocks }, "x.csv", &options).unwrap();
    sizes.settings.into_iter().find(|found| found.setting == setting).unwrap()
}

#[track_caller]
fn check(found: u64, measured_mb: u64, per_cent: u64) {
    let measured = measured_mb * 1_000_000;
    assert!(found.abs_diff(measured) * 100 <= measured * per_cent, "{found}, measured {measured}");
}

#[test]
fn one_thread() {
    let expected = |file, setting| sized(file, setting, Pandas::V3).serial.memory.expected;
    check(expected(LOG, Setting::Default), 301, 10);
    check(expected(LOG, Setting::ArrowBackend), 269, 10);
    check(expected(LOG, Setting::ArrowEngine), 608, 10);
    check(expected(LOG, Setting::Dates), 304, 10);
    check(expected(LOG, Setting::Tuned), 126, 15);
    check(expected(NUMBERS, Setting::Default), 183, 10);
    check(expected(NARROW, Setting::Default), 96, 10);
    check(expected(WIDE, Setting::Default), 144, 10);
    check(expected(MISSING, Setting::Default), 102, 10);
    check(expected(LONG, Setting::Default), 213, 15);
}

#[test]
fn several_threads_map_the_file_besides() {
    let expected = |file: File| {
        let peak = sized(file, Setting::Default, Pandas::V3).threaded.unwrap();
        assert_eq!(peak.mapped, file.2);
        peak.memory.expected + peak.mapped
    };
    check(expected(LOG), 519, 10);
    check(expected(NUMBERS), 287, 10);
    check(expected(NARROW), 153, 10);
    check(expected(WIDE), 239, 10);
    check(expected(LONG), 232, 15);
}

#[test]
fn pandas_2_within_its_range() {
    let files = [(LOG, 504), (NUMBERS, 257), (NARROW, 292), (WIDE, 341), (MISSING, 194), (LONG, 217)];
    for (file, measured_mb) in files {
        let found = sized(file, Setting::Default, Pandas::V2);
        assert!(found.threaded.is_none(), "{file:?}");
        let peak = found.serial.memory;
        let measured = measured_mb * 1_000_000;
        assert!(peak.low <= measured && measured <= peak.high, "{file:?}: {peak:?}, measured {measured}");
    }
}
