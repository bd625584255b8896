//! Files as people have them: what is odd about them, the line to write, and the table.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use tidegate_memory::ByteCount;
use tidegate_sizing::{Blocks, Ending, FileKind, Options, Range, Room, Setting, Sizes, SizingError, Verdict, size};

fn sized(text: &str, name: &str, options: &Options) -> Sizes {
    size(&Blocks::whole(text.as_bytes().to_vec()), name, options).unwrap()
}

fn line(sizes: &Sizes, setting: Setting) -> &str {
    &sizes.settings.iter().find(|found| found.setting == setting).unwrap().line
}

/// Many rows, so that categories are worth it.
fn repeated(header: &str, row: &str) -> String {
    format!("{header}\n{}", format!("{row}\n").repeat(500))
}

#[test]
fn the_line_names_what_differs_from_what_pandas_infers() {
    let text = repeated("day;level;code;share", "2026-03-01;in\"fo;7;0.5");
    let sizes = sized(&text, "a b.csv", &Options { used: Some(vec!["level".to_owned()]), ..Options::default() });
    let types = "dtype={\"level\": \"category\", \"code\": \"int8\", \"share\": \"float32\"}";
    let expected = format!("pd.read_csv(\"a b.csv\", sep=\";\", {types}, parse_dates=[\"day\"])");
    assert_eq!(line(&sizes, Setting::Tuned), expected);
    let narrow = "pd.read_csv(\"a b.csv\", sep=\";\", usecols=[\"level\"], dtype={\"level\": \"category\"})";
    assert_eq!(line(&sizes, Setting::UsedTuned), narrow);
    assert_eq!(line(&sizes, Setting::Default), "pd.read_csv(\"a b.csv\", sep=\";\")");
}

#[test]
fn a_file_without_a_header_is_read_without_one() {
    let sizes = sized("1,2.5\n3,4.5\n", "x.csv", &Options::default());
    assert_eq!((sizes.rows, sizes.columns[1].name.as_str()), (Range::exact(2), "1"));
    assert_eq!(line(&sizes, Setting::Default), "pd.read_csv(\"x.csv\", header=None)");
}

#[test]
fn json_is_read_in_chunks_and_typed_at_the_end() {
    let text = "{\"level\":\"info\",\"n\":1,\"deep\":{\"a\":[1,2]}}\n".repeat(400);
    let sizes = sized(&text, "x.ndjson", &Options::default());
    assert_eq!((sizes.kind, sizes.rows), (FileKind::Ndjson, Range::exact(400)));
    let expected = "pd.concat([chunk for chunk in pd.read_json(\"x.ndjson\", lines=True, chunksize=50000)], ignore_index=True)\
                    .astype({\"level\": \"category\", \"n\": \"int8\"})";
    assert_eq!(line(&sizes, Setting::Tuned), expected);
}

#[test]
fn a_field_more_than_the_header_shifts_all_names() {
    let sizes = sized("ts,agent\n1,Mozilla (KHTML, like Gecko)\n2,a, b\n", "x.csv", &Options::default());
    let names: Vec<_> = sizes.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["(index 0)", "ts", "agent"]);
    assert!(sizes.notes[0].contains("shifts all names without a word"), "{:?}", sizes.notes);
}

#[test]
fn what_pandas_stumbles_over_is_told() {
    let wide = sized("a,b\n1,2\n1,2,3\n", "x.csv", &Options::default());
    assert!(wide.notes[0].starts_with("1 rows of the sample have too many fields: read_csv raises ParserError"));
    let mixed = sized(&format!("a,b\n{}x,1\n", "1,1\n".repeat(300)), "x.csv", &Options::default());
    assert!(mixed.notes[0].starts_with("`a` holds numbers and 1 other values in the sample"), "{:?}", mixed.notes);
    let huge = sized("a,b\n1180591620717411303424,1\n", "x.csv", &Options::default());
    assert!(huge.notes[0].starts_with("`a` holds numbers of more than 64 bits"), "{:?}", huge.notes);
    let latin = size(&Blocks::whole(b"a,b\n\xe4x,1\n".to_vec()), "x.csv", &Options::default()).unwrap();
    assert!(latin.notes[0].contains("UnicodeDecodeError"), "{:?}", latin.notes);
    let broken = sized("{\"a\":1}\n{\"a\":\n", "x.ndjson", &Options::default());
    assert!(broken.notes[0].starts_with("1 lines of the sample are no JSON objects"), "{:?}", broken.notes);
}

#[test]
fn what_is_no_such_file_says_so() {
    let sized = |bytes: &[u8]| size(&Blocks::whole(bytes.to_vec()), "x.csv", &Options::default());
    assert!(matches!(sized(b""), Err(SizingError::Format(_))));
    assert!(sized(b"\x1f\x8b\x08").unwrap_err().to_string().starts_with("compressed with gzip"));
    assert!(matches!(sized(b"a,b\n"), Err(SizingError::NoRecord)));
    let options = Options { used: Some(vec!["c".to_owned()]), ..Options::default() };
    let error = size(&Blocks::whole(b"a,b\n1,2\n".to_vec()), "x.csv", &options).unwrap_err();
    assert_eq!(error.to_string(), "no column `c`; the columns are a, b");
}

#[test]
fn any_bytes_are_sized_or_refused() {
    let mut state = 1_u64;
    for round in 0..400_usize {
        let mut bytes = Vec::new();
        for _ in 0..round {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(state >> 33).unwrap() % 31;
            bytes.push(b"\",\n\r{}[]:01e-.aT \\\xff\xc3\xa4\x00;|\"\n,,:{n"[place]);
        }
        for name in ["x.csv", "x.ndjson", "x"] {
            if let Ok(sizes) = size(&Blocks::whole(bytes.clone()), name, &Options::default()) {
                assert!(!sizes.to_string().is_empty());
            }
        }
    }
}

#[test]
fn the_table_says_what_fits() {
    let text = repeated("level,code", "information,7");
    let room = |mb: u64| {
        let available = ByteCount::new(mb * 1_000_000);
        Some(Room { available, largest_request: None, ending: Ending::Killed })
    };
    let fits = sized(&text, "x.csv", &Options { room: room(1000), ..Options::default() });
    assert!(fits.settings.iter().all(|setting| setting.verdict == Some(Verdict::Fits)));
    let table = fits.to_string();
    assert!(table.starts_with("7.01 kB, 500 rows, as pandas 3 reads them\n"), "{table}");
    assert!(table.contains("level       str   19.0  category"), "{table}");
    assert!(table.contains("as it is read by default, it fits: the process needs"), "{table}");
    assert!(
        table.trim_end().ends_with("pd.read_csv(\"x.csv\", dtype={\"level\": \"category\", \"code\": \"int8\"})"),
        "{table}"
    );
    let killed = sized(&text, "x.csv", &Options { room: room(50), ..Options::default() });
    assert!(killed.to_string().contains("it will be killed, without a MemoryError (exit code 137)"));
}
