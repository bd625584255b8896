//! Delimited text: splitting, headers, types, rejects.

use super::{
    CsvLayout, CsvOptions,
    header::value,
    split::{Fields, whole_records},
};
use crate::{
    ColumnSpec, ColumnType, Format, FormatError, Sample,
    testing::{self, csv, csv_with, rows, schema},
};
use proptest::prelude::*;
use std::sync::Arc;

fn fields(record: &str) -> Vec<String> {
    Fields::new(record.as_bytes(), b',').map(|field| String::from_utf8_lossy(&value(field)).into_owned()).collect()
}

#[test]
fn fields_of_a_record() {
    for (record, expected) in [
        ("a,b", vec!["a", "b"]),
        ("a,", vec!["a", ""]),
        (",", vec!["", ""]),
        ("a,b\r\nc", vec!["a", "b"]),
        ("a,\r\n", vec!["a", ""]),
        (r#""a,b",c"#, vec!["a,b", "c"]),
        ("\"a\nb\",c\nd", vec!["a\nb", "c"]),
        (r#""say ""hi""","""","""""""#, vec![r#"say "hi""#, "\"", "\"\""]),
        (r#""","#, vec!["", ""]),
        (r#"a"b,c""d,"e"#, vec![r#"a"b"#, r#"c""d"#]),
        (r#""a"b"c,d"#, vec![r#"ab"c"#, "d"]),
        ("\"a\"x\r\n", vec!["ax"]),
        ("\"a\"\r\n", vec!["a"]),
        ("\"a\"\r", vec!["a"]),
        ("\"a\"\rb,c\n", vec!["a\rb", "c"]),
    ] {
        assert_eq!(fields(record), expected, "{record:?}");
    }
}

#[test]
fn whole_records_end_outside_of_quotes() {
    for (bytes, expected) in [
        ("", 0),
        ("a,b", 0),
        ("a,b\n", 4),
        ("a,b\nc", 4),
        ("a,\"b\nc", 0),
        ("a,\"b\nc\"\nd", 8),
        ("a,\"b\"\"\nc\"\nd\n", 12),
        ("a\"\nb,\"c\n", 3),
        ("\"a\"\"\n", 0),
        ("\"a\"x\"\n\"b\n", 6),
        ("x\n\"\"\n\"", 5),
    ] {
        assert_eq!(whole_records(bytes.as_bytes(), b','), expected, "{bytes:?}");
    }
}

#[test]
fn types_are_inferred() {
    let text = "flag,count,ratio,day,at,code,phone,id,mixed,none,quoted\n\
                true,1,1.5,2026-03-01,2026-03-01T00:00:00Z,007,+49 30,18446744073709551616,1,,\"1\"\n\
                FALSE,-2,2,2026-03-02,2026-03-01 00:00:00.5,1,+1,1,x,,\"\"\n\
                ,,,,,,,,,,\n";
    assert_eq!(
        schema(&csv(text)),
        [
            "flag Boolean",
            "count Int64",
            "ratio Float64",
            "day Date32",
            "at Timestamp(µs, \"UTC\")",
            "code Utf8",
            "phone Utf8",
            "id Utf8",
            "mixed Utf8",
            "none Utf8",
            "quoted Int64",
        ]
    );
    let reading = rows(&csv(text), text);
    assert_eq!(
        reading.rows,
        [
            "true | 1 | 1.5 | day 20513 | 1772323200000000 us | 007 | +49 30 | 18446744073709551616 | 1 | NULL | 1",
            "false | -2 | 2 | day 20514 | 1772323200500000 us | 1 | +1 | 1 | x | NULL | NULL",
            "NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL",
        ]
    );
}

#[test]
fn given_types_win_and_must_name_a_column() {
    let types = vec![ColumnSpec::new("b", ColumnType::Int16)];
    let format = csv_with("a,b\n1,x\n", &CsvOptions { types, ..CsvOptions::default() });
    assert_eq!(schema(&format), ["a Int64", "b Int16"]);
    let types = vec![ColumnSpec::new("c", ColumnType::Int16)];
    let sample = [Sample { bytes: b"a,b\n1,x\n", at_start: true }];
    let error = CsvLayout::infer(&sample, &CsvOptions { types, ..CsvOptions::default() }).unwrap_err();
    assert_eq!(error.to_string(), "types: no column `c`; the columns are a, b");
}

#[test]
fn headers() {
    for (text, expected) in [
        ("a,b\n1,2\n", "a Int64, b Int64"),
        ("a,a,,a_2,a\n", "a Utf8, a_2 Utf8, column_3 Utf8, a_2_2 Utf8, a_3 Utf8"),
        ("\u{FEFF} a ,\"b\nc\"\n1,2\n", "a Int64, b\nc Int64"),
        ("1,2\n3,x\n", "column_1 Int64, column_2 Utf8"),
        ("2026-03-01T00:00:00Z,GET\n", "column_1 Timestamp(µs, \"UTC\"), column_2 Utf8"),
        ("place,2026-03-01,2026-03-02\nx,1,2\n", "place Utf8, 2026-03-01 Int64, 2026-03-02 Int64"),
        ("only\n1\n", "only Int64"),
        ("a,b\n1,2", "a Int64, b Int64"),
        ("a;b\n1,5;2\n", "a Utf8, b Int64"),
        ("a\tb\n1\t2\n", "a Int64, b Int64"),
        ("a|b|c\n1|2|3,4\n", "a Int64, b Int64, c Utf8"),
    ] {
        assert_eq!(schema(&csv(text)).join(", "), expected, "{text:?}");
    }
    let options = CsvOptions { header: Some(false), ..CsvOptions::default() };
    assert_eq!(schema(&csv_with("a,b\n", &options)), ["column_1 Utf8", "column_2 Utf8"]);
    let empty = CsvLayout::infer(&[Sample { bytes: b"\xEF\xBB\xBF\r\n\n", at_start: true }], &CsvOptions::default());
    assert!(matches!(empty, Err(FormatError::Empty)));
}

#[test]
fn samples_from_the_middle_widen_the_types() {
    let start = Sample { bytes: b"a,b\n1,2\n3,4\n5", at_start: true };
    let middle = Sample { bytes: b"9,x,y\n1.5,true\nodd\n2,true\n,fal", at_start: false };
    let layout = CsvLayout::infer(&[start, middle], &CsvOptions::default()).unwrap();
    assert_eq!(layout.columns()[0].kind, ColumnType::Float64);
    assert_eq!(layout.columns()[1].kind, ColumnType::Text);
}

#[test]
fn each_file_has_its_own_header() {
    let format = csv("a,b,c\n1,x,true\n");
    assert_eq!(rows(&format, "c,z,a\ntrue,?,5\n").rows, ["5 | NULL | true"]);
    assert_eq!(rows(&format, "\u{FEFF}\n\"b\"\ny\n\"\"\n").rows, ["NULL | y | NULL", "NULL |  | NULL"]);
    let without_header = rows(&format, "1,x,true\n2,y\n");
    assert_eq!(without_header.rows, ["1 | x | true"]);
    assert_eq!(without_header.reasons(), ["2: 2 fields where the header has 3"]);
    assert_eq!(rows(&format, "").lines, 0);
}

/// The end of a quoted field has the number of fields of a record, by accident.
#[test]
fn a_sample_that_begins_inside_of_quotes_is_read_from_its_first_record() {
    let start = Sample { bytes: b"n,note,m\n1,\"two\nlines, x\",1\n2,,3\n", at_start: true };
    let middle = Sample { bytes: b"\nlines, x\",4\nlines, x, \"y\",5\n6,\"two\nlines, x\",7.5\n8,", at_start: false };
    let layout = CsvLayout::infer(&[start, middle], &CsvOptions::default()).unwrap();
    assert_eq!(schema(&Format::Csv(Arc::new(layout))), ["n Int64", "note Utf8", "m Float64"]);
}

#[test]
fn columns_of_all_files_that_are_sampled() {
    let sample = |text: &'static str, at_start| Sample { bytes: text.as_bytes(), at_start };
    let (first, second) = ("a,b\n1,x\n", "b,c,a\nz,true,1.5\n");
    let samples =
        [sample(first, true), sample("\n2,y\n", false), sample(second, true), sample("\nz,false,2.5\n", false)];
    let format = Format::Csv(Arc::new(CsvLayout::infer(&samples, &CsvOptions::default()).unwrap()));
    assert_eq!(schema(&format), ["a Float64", "b Utf8", "c Boolean"]);
    assert_eq!(rows(&format, first).rows, ["1 | x | NULL"]);
    assert_eq!(rows(&format, second).rows, ["1.5 | z | true"]);
    // Without a header it is read as the first file.
    assert_eq!(rows(&format, "1,x\n2,y\n").rows, ["1 | x | NULL", "2 | y | NULL"]);
}

#[test]
fn rejects_have_a_reason_and_a_place() {
    let format = csv("n,t\n1,x\n");
    let text = "n,t\n1,a\r\n2\n\n3,\"two\nlines\"\nx,b\n4,c,\nbad,\n5,\"open\n6,d\n7";
    let reading = testing::read(&format, text.as_bytes(), &testing::all_columns(&format));
    assert_eq!(
        reading.rows,
        ["1 | a | 2 | 4 | 1,a", "3 | two\nlines | 5 | 12 | 3,\"two\nlines\"", "6 | d | 11 | 48 | 6,d"]
    );
    assert_eq!(
        reading.reasons(),
        [
            "3: 1 fields where the header has 2",
            "7: `n` is not a whole number in range",
            "8: 3 fields where the header has 2",
            "9: `n` is not a whole number in range",
            "10: no closing quote",
            "12: 1 fields where the header has 2",
        ]
    );
    assert_eq!((reading.counts.blank, reading.lines), (1, 12));
}

#[test]
fn records_may_have_very_many_fields_and_quoted_delimiters() {
    let wide = (0..5_000).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let quoted = format!("\"{}\"", ",\n".repeat(5_000));
    let text = format!("{wide}\n{wide}\n{}\n{wide}\n", wide.replacen('7', &quoted, 1));
    let types = vec![ColumnSpec::new("column_8", ColumnType::Text)];
    let format = csv_with(&text, &CsvOptions { header: Some(false), delimiter: Some(b','), types });
    let reading = testing::read(&format, text.as_bytes(), &[7, 4_999]);
    let quoted = quoted.trim_matches('"');
    assert_eq!(reading.rows, ["7 | 4999", "7 | 4999", &format!("{quoted} | 4999"), "7 | 4999"]);
    assert_eq!((reading.counts.rejects, reading.lines), (0, 5_004));
}

#[test]
fn values_are_unquoted_in_columns_of_every_type() {
    let format = csv("n,t\n1,x\n");
    let reading = rows(&format, "n,t\n\"1\",\"a\"\"b\"\n\"\",\"\"\n\"1\"\"\",x\n\"1\"2,\"caf\u{e9}\"\n");
    assert_eq!(reading.rows, ["1 | a\"b", "NULL | ", "12 | café"]);
    assert_eq!(reading.reasons(), ["4: `n` is not a whole number in range"]);
    let reading = testing::read(&format, b"n,t\n1,caf\xE9\xFF\n", &[1]);
    assert_eq!(reading.rows, ["caf\u{FFFD}\u{FFFD}"]);
}

proptest! {
    #[test]
    fn what_is_quoted_by_the_rules_is_read_back(
        table in prop::collection::vec(prop::collection::vec("[a-z,\"\n\r é]{0,12}", 3), 1..6),
        crlf: bool,
    ) {
        let quoted = |value: &String| format!("\"{}\"", value.replace('"', "\"\""));
        let line_end = if crlf { "\r\n" } else { "\n" };
        let mut text = "a,b,c\n".to_owned();
        for row in &table {
            text += &row.iter().map(quoted).collect::<Vec<_>>().join(",");
            text += line_end;
        }
        let reading = rows(&csv("a,b,c\nx,y,z\n"), &text);
        let expected: Vec<_> = table.iter().map(|row| row.join(" | ")).collect();
        prop_assert_eq!(reading.rows, expected);
        prop_assert_eq!(reading.lines, text.matches('\n').count() as u64);
        let framing = Format::framing(&csv("a,b,c\nx,y,z\n"));
        prop_assert_eq!(framing.whole_records(text.as_bytes()), text.len());
    }
}
