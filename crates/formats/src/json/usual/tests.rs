//! The fast way may leave any line to the rules, and never finds anything else in it.

use crate::{
    Format,
    testing::{Reading, json, read, rows},
};
use proptest::prelude::*;

const LINES: [&str; 10] = [
    r#"{"client":"a","nested":{"a":1,"b":"x"},"seconds":1,"deep":{"x":{"y":1.5},"z":null}}"#,
    r#"{"nested": {"b":"x", "new":{"c":"q"} }, "client":"a", "deep":{"z":"z","x":{}}}"#,
    r#"{"ts":"2026-03-01T00:00:00.25Z","client":"203.0.113.9","status":200,"bytes":2326,"seconds":0.083,"agent":"Mozilla/5.0 (X11)"}"#,
    r#"{"ts":"2026-03-01T00:00:01Z","client":"h","status":404,"bytes":0,"seconds":5,"agent":"é"}"#,
    r#"{"ts":"2026-03-02T00:00:01+01:00","client":"","status":1,"bytes":123456789012,"seconds":1234567.891,"agent":"a \"b\" \\"}"#,
    r#"{"ts":null,"client":null,"status":null,"bytes":null,"seconds":null,"agent":null}"#,
    r#"{"ts": "2026-03-01T00:00:00Z", "client": "a", "status": 7, "bytes": 8, "seconds": 1e3, "agent": "b"}"#,
    r#"{"ts":"2026-03-01T00:00:00Z","client":"a","status":7,"new":{"a":["\"",{}]},"bytes":-8,"more":"x","seconds":2.0,"agent":"b"}"#,
    r#"{"client":"a","status":7,"bytes":3.0,"tags":["a","b"],"nested":{"a":1,"b":"x"},"flag":true}"#,
    r#"{"agent":7,"client":{"a":1},"status":7,"tags":[],"nested":{"b":"\u00e9"},"flag":false,"seconds":0.5}"#,
];

/// Bytes that mean something in a line or nearly do.
const BYTES: &[u8] = b" \"\\\r\n\t{}[],:0129.-+eEtnu\x01a\x80\xff";

fn format() -> Format {
    json(LINES.join("\n"))
}

/// Reads lines in one block, and each alone, which is never done in the fast way.
fn check(format: &Format, text: &[u8], projection: &[usize]) {
    let all = read(format, text, projection);
    let mut alone = Reading::default();
    for line in text.split(|byte| *byte == b'\n') {
        let one = read(format, line, projection);
        alone.rows.extend(one.rows);
        alone.rejects.extend(one.rejects);
    }
    let shown = String::from_utf8_lossy(text);
    assert_eq!(all.rows, alone.rows, "{shown}");
    let reasons = |reading: &Reading| -> Vec<_> {
        reading.rejects.iter().map(|(_, _, reason, raw)| (reason.clone(), raw.clone())).collect()
    };
    assert_eq!(reasons(&all), reasons(&alone), "{shown}");
}

/// Lines, most of which are like the ones before, and some bytes of which are changed.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), prop::sample::select(BYTES), 0..3_u8);
    let run = (prop::sample::select(LINES.to_vec()), 1..6_usize, prop::option::of(0..LINES.len()));
    let end = prop::sample::select(vec!["\n", "\r\n"]);
    (prop::collection::vec(run, 1..4), end, prop::collection::vec(change, 0..3)).prop_map(|(runs, end, changes)| {
        let mut text = Vec::new();
        for (line, times, other) in runs {
            text.extend(format!("{line}{end}").repeat(times).bytes());
            text.extend(
                other.and_then(|at| LINES.get(at)).into_iter().flat_map(|line| format!("{line}{end}").into_bytes()),
            );
        }
        for (at, byte, how) in changes {
            let at = at.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn lines_like_the_ones_before(text in texts(), wanted in prop::collection::vec(any::<bool>(), 10)) {
        let format = format();
        let columns = format.columns().len();
        let projection: Vec<_> = (0..columns).filter(|at| wanted.get(*at).copied().unwrap_or(true)).collect();
        check(&format, &text, &projection);
    }
}

#[test]
fn every_value_in_every_place() {
    let values = [
        "1",
        "0",
        "-1",
        "01",
        "00",
        "1.5",
        "0.5",
        "00.5",
        "1.",
        ".5",
        "1e3",
        "12345678",
        "99999999999999999999",
        "null",
        "nul",
        "true",
        "\"a\"",
        "\"2026-03-01T00:00:00Z\"",
        "\"a\\\"b\"",
        "\"a\tb\"",
        "\"\"",
        "{}",
        "[1]",
        "\"open",
        "",
        " 1",
        "1 ",
    ];
    let format = format();
    let projection: Vec<_> = (0..format.columns().len()).collect();
    for key in ["ts", "client", "status", "bytes", "seconds", "agent", "unknown"] {
        for value in values {
            let line = format!(r#"{{"first":"a","{key}":{value},"last":1}}"#);
            let usual = format!(r#"{{"first":"a","{key}":null,"last":1}}"#);
            check(&format, format!("{usual}\n{usual}\n{line}\n{line}\n{line}\n").as_bytes(), &projection);
        }
    }
}

#[test]
fn a_long_line_goes_on_when_its_marks_are_found() {
    let format = json(r#"{"a":1,"l":["x"],"b":2}"#);
    let list = format!("[{}\"x\"]", "\"x\",".repeat(300));
    let line = format!("{{\"a\":1,\"l\":{list},\"b\":2}}\n");
    let read = rows(&format, line.repeat(20));
    let shown = format!("1 | [{}x] | 2", "x, ".repeat(300));
    assert_eq!(read.rows, vec![shown; 20]);
}
