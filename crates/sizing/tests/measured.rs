//! What the model says of made files, beside what pandas said of them.
//!
//! Measured with `bench/pandas_sizes.py` on Python 3.11.7, NumPy 2.4.6: pandas 3.1.1 and 2.3.3 with pyarrow 25.0.1, and pandas
//! 3.1.1 without it. The numbers are `memory_usage(deep=True).sum()` of the line that the model writes, run as it is.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what went wrong by a panic, and made data is small"
)]

#[path = "support/data.rs"]
mod data;

use tidegate_memory::ByteCount;
use tidegate_sizing::{
    Blocks, Environment, Options, Pandas, SampleOptions, Setting, Setting::*, Sizes, read_blocks, size,
};

/// A Python that the files were read with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Read {
    /// pandas 3.1.1 with pyarrow.
    V3,
    /// pandas 3.1.1 without it.
    V3Objects,
    /// pandas 2.3.3.
    V2,
}

/// A made file, its rows, what read it, and what each setting takes; settings without a number of their own take the default's.
type Measured = (&'static str, u64, Read, &'static [(Setting, u64)]);

const MEASURED: &[Measured] = &[
    (
        "log",
        20_000,
        Read::V3,
        &[
            (Default, 5_465_730),
            (ArrowBackend, 4_905_730),
            (ArrowEngine, 5_005_730),
            (ArrowBoth, 4_525_730),
            (Dates, 5_005_730),
            (Categories, 2_163_170),
            (Tuned, 1_423_170),
            (Used, 1_220_037),
            (UsedTuned, 276_239),
        ],
    ),
    (
        "log",
        20_000,
        Read::V2,
        &[
            (Default, 12_325_730),
            (ArrowBackend, 4_905_730),
            (ArrowEngine, 10_885_730),
            (ArrowBoth, 4_525_730),
            (Dates, 10_885_730),
            (Categories, 5_129_709),
            (Tuned, 3_409_709),
            (Used, 3_180_037),
            (UsedTuned, 291_048),
        ],
    ),
    (
        "log",
        20_000,
        Read::V3Objects,
        &[
            (Default, 12_325_730),
            (Dates, 10_885_730),
            (Categories, 5_129_709),
            (Tuned, 3_409_709),
            (Used, 3_180_037),
            (UsedTuned, 291_048),
        ],
    ),
    ("numbers", 20_000, Read::V3, &[(Default, 3_200_132), (Tuned, 1_480_132)]),
    ("numbers", 20_000, Read::V2, &[(Default, 3_200_132), (Tuned, 1_480_132)]),
    ("numbers", 20_000, Read::V3Objects, &[(Default, 3_200_132), (Tuned, 1_480_132)]),
    (
        "narrow",
        50_000,
        Read::V3,
        &[(Default, 1_200_132), (ArrowBackend, 1_000_132), (ArrowBoth, 1_000_132), (Tuned, 900_132)],
    ),
    (
        "narrow",
        50_000,
        Read::V2,
        &[(Default, 3_650_132), (ArrowBackend, 1_000_132), (ArrowBoth, 1_000_132), (Tuned, 3_350_132)],
    ),
    ("narrow", 50_000, Read::V3Objects, &[(Default, 3_650_132), (Tuned, 3_350_132)]),
    (
        "wide",
        2_000,
        Read::V3,
        &[
            (Default, 4_150_023),
            (ArrowBackend, 3_350_023),
            (ArrowBoth, 3_350_023),
            (Categories, 1_822_186),
            (Tuned, 622_186),
        ],
    ),
    (
        "wide",
        2_000,
        Read::V2,
        &[
            (Default, 13_950_023),
            (ArrowBackend, 3_350_023),
            (ArrowBoth, 3_350_023),
            (Categories, 1_841_688),
            (Tuned, 641_688),
        ],
    ),
    ("wide", 2_000, Read::V3Objects, &[(Default, 13_950_023), (Categories, 1_841_688), (Tuned, 641_688)]),
    (
        "missing",
        20_000,
        Read::V3,
        &[
            (Default, 3_063_245),
            (ArrowBackend, 1_863_821),
            (ArrowEngine, 3_124_815),
            (ArrowBoth, 1_384_049),
            (Dates, 2_500_965),
            (Categories, 2_316_060),
            (Tuned, 1_240_276),
        ],
    ),
    (
        "missing",
        20_000,
        Read::V2,
        &[
            (Default, 7_287_670),
            (ArrowBackend, 1_863_821),
            (ArrowEngine, 5_410_517),
            (ArrowBoth, 1_384_049),
            (Dates, 4_818_165),
            (Categories, 3_172_267),
            (Tuned, 2_170_446),
        ],
    ),
    (
        "missing",
        20_000,
        Read::V3Objects,
        &[(Default, 7_287_670), (Dates, 4_818_165), (Categories, 3_172_277), (Tuned, 2_170_456)],
    ),
    (
        "long",
        1_000,
        Read::V3,
        &[(Default, 3_562_004), (ArrowBackend, 3_558_004), (ArrowBoth, 3_558_004), (Tuned, 3_556_004)],
    ),
    (
        "long",
        1_000,
        Read::V2,
        &[(Default, 3_611_004), (ArrowBackend, 3_558_004), (ArrowBoth, 3_558_004), (Tuned, 3_605_004)],
    ),
    ("long", 1_000, Read::V3Objects, &[(Default, 3_611_004), (Tuned, 3_605_004)]),
    (
        "ndjson",
        20_000,
        Read::V3,
        &[(Default, 8_496_234), (ArrowBackend, 8_161_234), (Tuned, 7_101_329), (UsedTuned, 87_909)],
    ),
    (
        "ndjson",
        20_000,
        Read::V2,
        &[(Default, 12_313_959), (ArrowBackend, 8_161_234), (Tuned, 9_102_358), (UsedTuned, 110_867)],
    ),
    ("ndjson", 20_000, Read::V3Objects, &[(Default, 12_313_959), (Tuned, 9_085_766), (UsedTuned, 102_571)]),
    (
        "access",
        20_000,
        Read::V3,
        &[
            (Default, 5_461_690),
            (ArrowBackend, 4_741_690),
            (ArrowEngine, 5_461_693),
            (ArrowBoth, 4_741_693),
            (Categories, 1_715_285),
            (Tuned, 1_515_285),
            (Used, 1_099_936),
            (UsedTuned, 228_526),
        ],
    ),
    (
        "access",
        20_000,
        Read::V2,
        &[
            (Default, 11_987_990),
            (ArrowBackend, 4_741_690),
            (ArrowEngine, 11_882_006),
            (ArrowBoth, 4_741_693),
            (Categories, 3_731_100),
            (Tuned, 3_531_100),
            (Used, 2_079_936),
            (UsedTuned, 272_513),
        ],
    ),
    (
        "access",
        20_000,
        Read::V3Objects,
        &[(Default, 11_987_990), (Categories, 3_731_100), (Tuned, 3_531_100), (Used, 2_079_936), (UsedTuned, 272_513)],
    ),
];

/// The columns that a program uses, where there are settings for it.
fn used(kind: &str) -> Option<Vec<String>> {
    let names = match kind {
        "log" => "path,status,bytes,duration,method",
        "ndjson" => "path,status",
        "access" => "request,status,bytes",
        _ => return None,
    };
    Some(names.split(',').map(str::to_owned).collect())
}

fn environment(read: Read) -> Environment {
    Environment {
        pandas: if read == Read::V2 { Pandas::V2 } else { Pandas::V3 },
        pyarrow: read != Read::V3Objects,
        ..Environment::default()
    }
}

fn sized(kind: &str, rows: u64, options: &Options) -> Sizes {
    size(&Blocks::whole(data::part(kind, 0..rows).into_bytes()), kind, options).unwrap()
}

#[test]
fn a_file_that_is_known_takes_what_pandas_says() {
    for (kind, rows, read, expected) in MEASURED {
        let options = Options { environment: environment(*read), used: used(kind), room: None };
        let sizes = sized(kind, *rows, &options);
        assert!(sizes.rows.is_exact() && sizes.rows.expected == *rows, "{kind}: {:?}", sizes.rows);
        for found in &sizes.settings {
            let own = expected.iter().find(|(setting, _)| *setting == found.setting);
            let measured = own.or(expected.first()).unwrap().1;
            // Categories of numbers in Python's own order and hash tables: nowhere more than a tenth.
            let bound = if measured < 1_000_000 { 10 } else { 2 };
            check(found.deep.expected, measured, bound, &format!("{kind} {read:?} {:?}", found.setting));
        }
    }
}

#[test]
fn a_sample_of_a_file_tells_within_a_tenth() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, rows, read, expected) in MEASURED {
        let path = folder.path().join(kind);
        std::fs::write(&path, data::part(kind, 0..*rows)).unwrap();
        let sampling = SampleOptions { bytes: ByteCount::new(512 << 10), blocks: 8 };
        let blocks = read_blocks(&path, &sampling).unwrap();
        assert!(!blocks.is_whole(), "{kind}");
        let options = Options { environment: environment(*read), used: used(kind), room: None };
        let sizes = size(&blocks, kind, &options).unwrap();
        assert!(sizes.rows.low <= *rows && *rows <= sizes.rows.high, "{kind}: {:?}", sizes.rows);
        for found in &sizes.settings {
            // What a sample does not tell: how many values differ, and the largest number of a counter.
            let is_told = !matches!(found.setting, Categories | Tuned | UsedTuned);
            let own = expected.iter().find(|(setting, _)| *setting == found.setting);
            let measured = own.or(expected.first()).unwrap().1;
            let bound = if is_told { 10 } else { 25 };
            check(found.deep.expected, measured, bound, &format!("{kind} {read:?} {:?}", found.setting));
        }
    }
}

#[track_caller]
fn check(found: u64, measured: u64, per_cent: u64, what: &str) {
    assert!(found.abs_diff(measured) * 100 <= measured * per_cent, "{what}: {found}, measured {measured}");
}
