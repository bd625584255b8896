//! The fast way may leave any line to the slow one, and never finds anything else in it.

use super::{Usual, usual};
use crate::{
    Format,
    access::{bytes, line::split, status},
    frame, testing, time,
};
use proptest::prelude::*;

const LINES: [&str; 6] = [
    r#"203.0.113.9 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.0" 200 2326 "-" "Mozilla/5.0 (X11)" 0.25"#,
    r#"h - frank [10/Oct/2000:13:55:36 -0700] "-" 404 - "https://a/b c" "-""#,
    r#"::1 id u [10/Oct/2000:13:55:36 +0000] "\x16\" q?" 500 12345678 "" "x" 10.5"#,
    r#"h - - [10/Oct/2000:13:55:36 -0700] "POST / HTTP/1.1" 301 0 "\\" "a \"b\" c" "192.0.2.1" 1"#,
    r#"1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "HEAD / HTTP/2.0" 200 17 "-" "x" "192.0.2.1""#,
    r#"example.com - - [10/Oct/2000:13:55:36 -0700] "GET /?" 304 -"#,
];

/// What may follow a line: the fast way looks at some bytes after it.
const AFTER: [&[u8]; 4] = [b"", b"h - - [", b"\" \"\n", &[b'x'; 200]];

/// Bytes that mean something in a line or nearly do.
const BYTES: &[u8] = b" \"\\\n\r-[]019:/.?+\0a\x80\xff";

/// Takes the first line apart in the fast way. What does not fit its type is looked at again.
fn take(text: &[u8]) -> Option<Usual<'_>> {
    usual(text).filter(|line| time::common_log_time(line.fields.time).is_some())
}

/// Holds the fast way to the slow one.
fn check(text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let (line, length) = frame::line(text);
    if let Some(found) = take(text) {
        assert_eq!((found.content, found.length), (line.len(), length), "{shown}");
        assert_eq!(Some(Some(found.status)), status(found.fields.status), "{shown}");
        assert_eq!(Some(found.bytes), bytes(found.fields.bytes), "{shown}");
        assert_eq!(Ok(found.fields), split(line), "{shown}");
    }
}

/// Reads lines in one block, and each alone in one without a line end, which the fast way does not take.
fn check_reading(text: &[u8]) {
    let all = testing::rows(&Format::Access, text);
    let mut rows = Vec::new();
    let mut reasons = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        assert!(usual(line).is_none());
        let alone = testing::rows(&Format::Access, line);
        rows.extend(alone.rows);
        reasons.extend(alone.rejects.into_iter().map(|reject| (reject.2, reject.3)));
    }
    assert_eq!(all.rows, rows, "{}", String::from_utf8_lossy(text));
    let all: Vec<_> = all.rejects.into_iter().map(|reject| (reject.2, reject.3)).collect();
    assert_eq!(all, reasons);
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), prop::sample::select(BYTES), 0..3_u8);
    (prop::sample::select(LINES.to_vec()), prop::collection::vec(change, 0..4)).prop_map(|(line, changes)| {
        let mut line = line.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(line.len());
            match how {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                _ => drop(line.remove(at)),
            }
        }
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn lines_with_changed_bytes(line in mutated(), after in prop::sample::select(AFTER.to_vec())) {
        for end in [&b"\n"[..], b"\r\n"] {
            check(&[&line, end, after].concat());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn files_of_changed_lines(lines in prop::collection::vec(mutated(), 1..20), end in prop::sample::select(vec!["\n", "\r\n"])) {
        check_reading(&lines.join(end.as_bytes()));
    }
}

#[test]
fn lines_that_end_early_or_have_one_other_byte() {
    for (line, after) in LINES.iter().flat_map(|line| AFTER.map(|after| (line, after))) {
        let line = line.as_bytes();
        for at in 0..line.len() {
            check(&[&line[..at], b"\n", after].concat());
            check(&[&line[..at], after].concat());
            for byte in 0..=u8::MAX {
                check(&[&line[..at], &[byte], &line[at + 1..], b"\n", after].concat());
            }
            for byte in BYTES {
                check(&[&line[..at], &[*byte], &line[at..], b"\n", after].concat());
            }
        }
    }
}

#[test]
fn fields_and_lines_of_every_length() {
    let lengths = || (0..140).chain([255, 256, 257, 5_000]);
    for (length, after) in lengths().flat_map(|length| AFTER.map(|after| (length, after))) {
        let long = "x".repeat(length);
        for (request, referer, agent) in [(&*long, "-", "y"), ("GET /", &long, "y"), ("GET /", "-", &long)] {
            let line = format!(
                "{:.40} - - [10/Oct/2000:13:55:36 -0700] \"{request}\" 200 5 \"{referer}\" \"{agent}\"",
                request.replace(' ', "")
            );
            let text = [line.as_bytes(), b"\n", after].concat();
            check(&text);
            assert!(take(&text).is_some(), "{line}");
            for bad in ["\"", "\n", "\\"] {
                check(&[line.replace('x', bad).as_bytes(), b"\n", after].concat());
                check(&[line.replacen('x', bad, 1).as_bytes(), b"\n", after].concat());
            }
            check_reading(format!("{line}\n{line} 0.5\n{line}").as_bytes());
        }
    }
}

#[test]
fn nearly_all_lines_are_usual_ones() {
    let start = r#"203.0.113.9 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.0" 200"#;
    for rest in
        [r#" 2326 "-" "Mozilla/5.0 (X11)" 0.25"#, r#" 1234567890123 "-" "" 0.25"#, r#" - "https://a/" "Mozilla/5.0""#]
    {
        for line in [format!("{start}{rest}"), format!("{start}{rest}").replace(" - - ", " - frank ")] {
            assert!(take(format!("{line}\n{line}").as_bytes()).is_some(), "{line}");
        }
    }
}
