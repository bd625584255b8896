//! Finds out which format a file has.

use crate::{FormatError, UTF8_BOM, access, csv, frame};
use jiter::{Jiter, Peek};

/// How many lines are looked at.
const LINES: usize = 100;

/// A kind of format; columns are found out later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatKind {
    /// Apache and nginx access logs.
    Access,
    /// One JSON object a line.
    Json,
    /// Delimited text.
    Csv,
}

/// First bytes of files that cannot be read as they are, and what they mean.
const SIGNATURES: [(&[u8], &str); 10] = [
    (b"\xFF\xFE", UTF16),
    (b"\xFE\xFF", UTF16),
    (b"\x1F\x8B", "compressed with gzip; decompress it first"),
    (b"\x28\xB5\x2F\xFD", "compressed with zstd; decompress it first"),
    (b"BZh", "compressed with bzip2; decompress it first"),
    (b"\xFD7zXZ\0", "compressed with xz; decompress it first"),
    (b"\x04\x22\x4D\x18", "compressed with lz4; decompress it first"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"PAR1", "a Parquet file, not a log; DuckDB or DataFusion can query it as it is"),
    (b"FEA1", "a Feather file of version 1; pandas writes version 2, which can be read: df.to_feather('x.feather')"),
];

const UTF16: &str = "UTF-16 text; `iconv -f UTF-16 -t UTF-8` turns it into UTF-8";

/// Returns the format of a file that begins with `head`, which may end in the middle of a line.
///
/// What the file holds goes before what it is called: if most of the first 100 lines are access-log lines, it is an access
/// log, and if at least half of them are JSON objects, it is NDJSON. Only then `.ndjson` and `.jsonl`, `.csv` and `.tsv`
/// count. A file without any of these is delimited text if one delimiter splits all its first records into the same number
/// of fields and the first record could be nothing but the names of columns.
///
/// # Errors
/// [`FormatError::Empty`] if there is nothing but blank lines, [`FormatError::Unsupported`] for compressed and columnar
/// files, UTF-16, and JSON that is not one object a line, [`FormatError::Unknown`] if nothing fits.
pub fn detect(head: &[u8], file_name: &str) -> Result<FormatKind, FormatError> {
    let unsupported = |what: &str| FormatError::Unsupported(what.to_owned());
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Err(unsupported(what));
    }
    let text = head.strip_prefix(UTF8_BOM).unwrap_or(head);
    let lines = first_lines(text);
    let Some(first) = lines.first() else { return Err(FormatError::Empty) };
    let share = |matches: fn(&[u8]) -> bool| lines.iter().filter(|line| matches(line)).count() * 2;

    if share(access::matches) > lines.len() {
        return Ok(FormatKind::Access);
    }
    if share(is_object) >= lines.len() {
        return Ok(FormatKind::Json);
    }
    if let Some(what) = other_json(first, text) {
        return Err(unsupported(what));
    }
    if has_extension(file_name, &["ndjson", "jsonl"]) {
        return Ok(FormatKind::Json);
    }
    if has_extension(file_name, &["csv", "tsv"]) || csv::consistent_delimiter(text).is_some() {
        return Ok(FormatKind::Csv);
    }
    Err(FormatError::Unknown("neither access-log lines nor one JSON object a line nor delimited text".to_owned()))
}

/// Returns the first lines that are not blank; the last one only if it is whole or the only one.
fn first_lines(text: &[u8]) -> Vec<&[u8]> {
    let whole = memchr::memrchr(b'\n', text).and_then(|at| text.get(..=at));
    let mut rest = whole.filter(|whole| !whole.trim_ascii().is_empty()).unwrap_or(text);
    let mut lines = Vec::new();
    while !rest.is_empty() && lines.len() < LINES {
        let (line, length) = frame::line(rest);
        if !line.trim_ascii().is_empty() {
            lines.push(line);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    lines
}

fn is_object(line: &[u8]) -> bool {
    let mut input = Jiter::new(line);
    matches!(input.peek(), Ok(Peek::Object)) && input.next_skip().is_ok() && input.finish().is_ok()
}

/// Returns what a file is that holds JSON, but not one object a line.
fn other_json(first_line: &[u8], text: &[u8]) -> Option<&'static str> {
    let after_bracket = text.trim_ascii_start().strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    if after_bracket.is_some_and(|rest| rest.starts_with(b"{")) {
        return Some("a JSON array, not one object a line; `jq -c '.[]'` turns it into one");
    }
    (first_line.trim_ascii() == b"{").then_some("JSON over several lines; `jq -c .` puts each object on one line")
}

/// Returns whether the name ends in one of the extensions or has one before its last, as in `access.csv.1`.
fn has_extension(file_name: &str, extensions: &[&str]) -> bool {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let is_one = |part: &str| extensions.iter().any(|extension| part.eq_ignore_ascii_case(extension));
    name.rsplit('.').take(2).enumerate().any(|(place, part)| is_one(part) && name.matches('.').count() > place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5"#;

    #[test]
    fn what_a_file_holds_goes_before_its_name() {
        for (text, name, expected) in [
            (format!("{LINE}\n{LINE}\nbad\n"), "x.csv", FormatKind::Access),
            (format!("\u{FEFF}\r\n{LINE}"), "x", FormatKind::Access),
            ("{\"a\":1}\nbad\n{\"a\"".to_owned(), "x.log", FormatKind::Json),
            ("bad\nbad\n{\"a\":1}\n".to_owned(), "dir.csv/x.jsonl.1", FormatKind::Json),
            ("a,b\n1,2\n".to_owned(), "x", FormatKind::Csv),
            ("a|b|c\n1|\"x\n|\"|3\n".to_owned(), "x.log", FormatKind::Csv),
            ("word\nanother\n".to_owned(), "X.CSV", FormatKind::Csv),
            ("word\n".to_owned(), "x.tsv.2026-03-01", FormatKind::Csv),
        ] {
            assert_eq!(detect(text.as_bytes(), name).unwrap(), expected, "{name}: {text}");
        }
    }

    #[test]
    fn unknown_files_say_so() {
        let text = "2026-03-01 12:00:00,250 INFO start\n2026-03-01 12:00:01,250 INFO go on\n";
        let log4j = "2026-03-01 12:00:00 [main] INFO a.B - started,1\n2026-03-01 12:00:01 [main] WARN a.B - slow,2\n";
        let syslog = "Mar  1 12:00:00 host app: a;b\nMar  1 12:00:01 host app: c;d\n";
        let (same, values) = ("one,one\ntwo,two\n", "a,17\nb,18\n");
        let prose = "INFO started, listening\nWARN slow, waiting for [a,0]\n";
        let others = [log4j, syslog, same, values].map(|text| (text, "x.log"));
        let known = [(text, "x.log"), (prose, "x"), ("one, two\nthree\n", "csv"), ("a b\n", ".csvx")];
        for (text, name) in known.into_iter().chain(others) {
            assert_eq!(
                detect(text.as_bytes(), name).unwrap_err().to_string(),
                "no known log format fits: neither access-log lines nor one JSON object a line nor delimited text"
            );
        }
        assert!(matches!(detect(b"\xEF\xBB\xBF \r\n\n", "x"), Err(FormatError::Empty)));
    }

    #[test]
    fn what_needs_a_step_before_says_which() {
        for (bytes, expected) in [
            (&b"\x1F\x8B\x08"[..], "compressed with gzip; decompress it first"),
            (b"\x28\xB5\x2F\xFD", "compressed with zstd; decompress it first"),
            (b"\xFF\xFEa\0", "UTF-16 text; `iconv -f UTF-16 -t UTF-8` turns it into UTF-8"),
            (b"PAR1", "a Parquet file, not a log; DuckDB or DataFusion can query it as it is"),
            (b"[\n  {\"a\":1}", "a JSON array, not one object a line; `jq -c '.[]'` turns it into one"),
            (b"[{\"a\":1},", "a JSON array, not one object a line; `jq -c '.[]'` turns it into one"),
            (b"{\n  \"a\":1\n}\n", "JSON over several lines; `jq -c .` puts each object on one line"),
        ] {
            assert_eq!(detect(bytes, "x").unwrap_err().to_string(), expected);
        }
    }
}
