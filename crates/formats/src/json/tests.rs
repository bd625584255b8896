//! JSON lines: types, nesting, escapes, rejects.

use super::{JsonLayout, object::Object, object::Targets, scan::Scanner};
use crate::{
    ColumnSpec, ColumnType, Format, FormatError, Sample,
    testing::{self, json, rows, schema},
};
use jiter::{Jiter, Peek};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn types_are_inferred() {
    let text = r#"not json
[1]
{"flag":true,"n":1,"x":1,"at":"2026-03-01T00:00:00Z","text":"a","none":null,"big":18446744073709551616,"day":"2026-03-01"}
{"n":2,"x":1.5,"at":"2026-03-01 00:00:00","mixed":1,"object":{"a":1},"list":[1],"empty":[],"bare":{}}
{"mixed":"a","object":{"b":{"c":[{"d":1},{"d":null,"e":2}]}},"list":[2.5],"at":null,"clash":{"a":1}}
{"clash":5,"lists":[[1],["x"]]}
{"cut":1"#;
    assert_eq!(
        schema(&json(text)).join("; "),
        "flag Boolean; n Int64; x Float64; at Timestamp(µs, \"UTC\"); text Utf8; none Utf8; big Utf8; day Utf8; \
         mixed Utf8; object Struct(\"a\": Int64, \"b\": Struct(\"c\": List(Struct(\"d\": Int64, \"e\": Int64)))); \
         list List(Float64); empty List(Utf8); bare Utf8; clash Utf8; lists List(List(Utf8))"
    );
}

#[test]
fn given_types_win_and_may_add_columns() {
    let sample = [Sample { bytes: br#"{"a":1,"o":{"b":1},"x.y":1,"p.q":{"r":1}}"#, at_start: true }];
    let types =
        ["a", "o.b", "o.new", "x.y", "p.q.r", "rare", "s.t"].map(|name| ColumnSpec::new(name, ColumnType::Int16));
    let layout = JsonLayout::infer(&sample, &types).unwrap();
    assert_eq!(
        schema(&Format::Json(Arc::new(layout))).join("; "),
        "a Int16; o Struct(\"b\": Int16, \"new\": Int16); x.y Int16; p.q Struct(\"r\": Int16); rare Int16; s.t Int16"
    );
    let types = [ColumnSpec::new("o", ColumnType::Text)];
    let layout = Format::Json(Arc::new(JsonLayout::infer(&sample, &types).unwrap()));
    assert_eq!(rows(&layout, sample[0].bytes).rows, [r#"1 | {"b":1} | 1 | {r: 1}"#]);
}

#[test]
fn nothing_to_infer_from() {
    let infer = |bytes| JsonLayout::infer(&[Sample { bytes, at_start: true }], &[]);
    assert!(matches!(infer(b"\xEF\xBB\xBF \n\n"), Err(FormatError::Empty)));
    assert!(matches!(infer(b"a\n[1]\n"), Err(FormatError::Unsupported(_))));
}

#[test]
fn rows_and_nested_values() {
    let format = json(r#"{"a":1,"t":"x","o":{"p":true,"q":[1]},"l":[{"k":1.5}],"at":"2026-03-01T00:00:00Z"}"#);
    let text = r#"
        {"a":1,"t":"x","o":{"p":true,"q":[1,null,3]},"l":[{"k":1},{},null],"at":"2026-03-01T00:00:00\u005a"}
{"l":[],"o":{"q":[],"z":[[{}]]},"t":null,"unknown":{"a":[1,"\n"]},"a":2}
{"o":null}
{"t":{"raw": [1, "\u00e9"]},"a":3.0,"a":"twice"}
{"t":-1.50e3,"\u0061":4e2}
{}"#;
    let reading = rows(&format, text);
    assert_eq!(reading.reasons(), [] as [String; 0]);
    assert_eq!(
        reading.rows,
        [
            "1 | x | {p: true, q: [1, NULL, 3]} | [{k: 1}, {k: NULL}, NULL] | 1772323200000000 us",
            "2 | NULL | {p: NULL, q: []} | [] | NULL",
            "NULL | NULL | NULL | NULL | NULL",
            r#"3 | {"raw": [1, "\u00e9"]} | NULL | NULL | NULL"#,
            "400 | -1.50e3 | NULL | NULL | NULL",
            "NULL | NULL | NULL | NULL | NULL",
        ]
    );
    assert_eq!(reading.counts.blank, 1);
}

/// As Python's `json.dumps` writes them: in any order of the keys, with unknown ones, and whatever was read before.
#[test]
fn spaces_before_keys_change_nothing() {
    let format = json(r#"{"a":1,"o":{"p":2,"q":3},"x\\y":4}"#);
    let lines = [
        r#"{"a": 1, "o": {"p": 2, "q": 3}, "x\\y": 4}"#,
        r#"{"x\\y": 4, "o": {"q": 3, "new": 9, "p": 2}, "a": 1, "new": 9}"#,
        r#"{ "new": [ 9 ], "x\\y" : 4 , "a": 1, "o": { "p": 2, "q": 3, "new": 9 }, "other": null }"#,
    ];
    for first in lines {
        for second in lines {
            let read = rows(&format, format!("{first}\n{second}\n").as_bytes());
            assert_eq!(read.rows, ["1 | {p: 2, q: 3} | 4"; 2], "{first} {second}");
        }
    }
}

#[test]
fn strings() {
    let format = json(r#"{"t":"x"}"#);
    for (value, expected) in [
        (r"", ""),
        (r"plain \/ \b\f\n\r\t\\ \u00e9 \ud83d\ude00", "plain / \u{8}\u{C}\n\r\t\\ é 😀"),
        (r#"\"quoted\" and more than thirty-two bytes long"#, "\"quoted\" and more than thirty-two bytes long"),
        ("more than thirty-two bytes long: é\u{7F}", "more than thirty-two bytes long: é\u{7F}"),
    ] {
        assert_eq!(rows(&format, format!(r#"{{"t":"{value}"}}"#)).rows, [expected], "{value}");
    }
    let long = "x".repeat(40);
    for bad in [r"\x", r"\ud83d", r"\ude00\ud83d", r"\u00g0", "\0", "\t", &format!("{long}\u{1}{long}"), "a\\"] {
        assert_eq!(rows(&format, format!(r#"{{"t":"{bad}"}}"#)).counts.rejects, 1, "{bad:?}");
    }
}

#[test]
fn an_object_with_very_many_keys_has_the_first_of_them_as_columns() {
    let lines: Vec<_> = (0..1_500).map(|at| format!("{{\"k{at}\":{at}}}")).collect();
    let text = lines.join("\n");
    let layout = JsonLayout::infer(&[Sample { bytes: text.as_bytes(), at_start: true }], &[]).unwrap();
    assert_eq!((layout.columns().len(), layout.left_out()), (1_000, 500));
    let format = Format::Json(Arc::new(layout));
    let reading = testing::read(&format, text.as_bytes(), &[0, 999]);
    assert_eq!((reading.counts.rows, reading.counts.rejects), (1_500, 0));
    assert_eq!((reading.rows[0].as_str(), reading.rows[999].as_str()), ("0 | NULL", "NULL | 999"));
    let types = [ColumnSpec::new("k1499", ColumnType::Int16)];
    let layout = JsonLayout::infer(&[Sample { bytes: text.as_bytes(), at_start: true }], &types).unwrap();
    assert_eq!((layout.columns().len(), layout.left_out()), (1_001, 499));
}

#[test]
fn bytes_that_are_not_utf8_are_kept_in_the_row() {
    let format = json(&b"{\"a\":1,\"k\xFF\":2,\"t\":\"x\"}"[..]);
    assert_eq!(schema(&format), ["a Int64", "k\u{FFFD} Int64", "t Utf8"]);
    let text = b"{\"a\":1,\"k\xFF\":2,\"t\":\"caf\xE9 \\n\xC3\",\"skip\xFF\":\"\xFF\"}\n{\"t\":[\"\xFF\"],\"a\":3}";
    let reading = rows(&format, text);
    assert_eq!(reading.rows, ["1 | 2 | caf\u{FFFD} \n\u{FFFD}", "3 | NULL | [\"\u{FFFD}\"]"]);
}

#[test]
fn rejects_have_a_reason() {
    let format = json(r#"{"n":1,"f":1.5,"b":true,"o":{"p":{"q":1}},"l":[{"k":1}],"at":"2026-03-01T00:00:00Z"}"#);
    let deep = format!(r#"{{"z":{}}}"#, "[".repeat(100_000));
    for (line, expected) in [
        ("text", "no JSON object"),
        ("[1]", "no JSON object"),
        ("1", "no JSON object"),
        ("\0\0\0", "no JSON object"),
        ("{", "no quote where a JSON string should begin"),
        (r#"{"n":1"#, "the JSON object is not closed"),
        (r#"{"n":1 "f":2}"#, "no comma between two JSON values"),
        (r#"{"n":1,}"#, "no quote where a JSON string should begin"),
        (r#"{"n" 1}"#, "no colon after a JSON key"),
        (r#"{"n":"#, "no JSON value after a key"),
        (r#"{"n":nil}"#, "no JSON value after a key"),
        (r#"{"n":1} {}"#, "text after the JSON object"),
        (r#"{"z":01}"#, "not a JSON object: invalid number at byte 7"),
        (r#"{"z":NaN}"#, "not a JSON object: expected value at byte 6"),
        (r#"{"z":"\q"}"#, "not a JSON object: invalid escape at byte 8"),
        (r#"{"z":"\ud800"}"#, "not a JSON object: a lone surrogate at byte 13"),
        (r#"{"z":["\ude00x"]}"#, "not a JSON object: a lone surrogate at byte 13"),
        (&deep, "not a JSON object: recursion limit exceeded at byte 207"),
        (r#"{"n":"1"}"#, "`n` is not a whole number in range"),
        (r#"{"n":1.5}"#, "`n` is not a whole number in range"),
        (r#"{"n":9223372036854775808}"#, "`n` is not a whole number in range"),
        (r#"{"f":"x"}"#, "`f` is not a number"),
        (r#"{"b":0}"#, "`b` is not true or false"),
        (r#"{"at":"yesterday"}"#, "`at` is not a time"),
        (r#"{"at":5}"#, "`at` is not a time"),
        (r#"{"o":{"p":{"q":[]}}}"#, "`o.p.q` is not a whole number in range"),
        (r#"{"o":{"p":1}}"#, "`o.p` is not an object"),
        (r#"{"l":{}}"#, "`l` is not a list"),
        (r#"{"l":[{"k":1},{"k":true}]}"#, "`l[].k` is not a whole number in range"),
    ] {
        for projection in [vec![0, 1, 2, 3, 4, 5], vec![], vec![4]] {
            let reading = testing::read(&format, line.as_bytes(), &projection);
            assert_eq!(reading.reasons(), [format!("1: {expected}")], "{line:.80}");
        }
    }
    let reading = rows(&format, r#"{"f":9223372036854775808,"n":-9223372036854775808}"#);
    assert_eq!(reading.rows, ["-9223372036854775808 | 9223372036854776000 | NULL | NULL | NULL | NULL"]);
}

/// A string is looked at sixteen bytes at a time, and its last bytes one by one.
#[test]
fn strings_of_every_length_end_at_their_quote() {
    let format = json(r#"{"t":"x"}"#);
    for length in 0..50 {
        for after in ["}", ",\"other\":\"sixteen or more\"}"] {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let line = format!("{{\"t\":\"{text}\"{after}");
            assert_eq!(rows(&format, &line).rows, [text.as_str()], "{line}");
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let (before, rest) = text.split_at(at);
                let line = format!("{{\"t\":\"{before}\\n{rest}\"{after}");
                assert_eq!(rows(&format, &line).rows, [format!("{before}\n{rest}")], "{line}");
                let line = format!("{{\"t\":\"{before}\u{1f}{rest}\"{after}");
                assert_eq!(rows(&format, &line).counts.rejects, 1, "{line}");
            }
        }
    }
}

#[test]
fn numbers_are_read_as_json_writes_them() {
    let format = json(r#"{"f":1.5,"n":1}"#);
    for (number, expected) in [
        ("0.083", Some("0.083")),
        ("10.50", Some("10.5")),
        ("0.0", Some("0")),
        ("7", Some("7")),
        ("-1.5", Some("-1.5")),
        ("2.5e3", Some("2500")),
        ("123456789012345678901.5", Some("123456789012345680000")),
        ("1.", None),
        ("1.e3", None),
        ("01.5", None),
        (".5", None),
        ("1.5.2", None),
        ("1.5x", None),
        ("1.-5", None),
    ] {
        // The key that is no column is passed over.
        for (line, projection) in
            [("{\"f\":?}", 0..1), ("{\"f\":? }", 0..0), ("{\"other\":?,\"n\":1}", 1..2), ("{\"f\":?", 0..1)]
        {
            let line = line.replace('?', number);
            let reading = testing::read(&format, line.as_bytes(), &projection.clone().collect::<Vec<_>>());
            let is_row = expected.is_some() && line.ends_with('}');
            assert_eq!((reading.counts.rows, reading.counts.rejects), (is_row.into(), (!is_row).into()), "{line}");
            if is_row && projection == (0..1) {
                assert_eq!(reading.rows, [expected.unwrap()], "{line}");
            }
        }
    }
}

/// Pieces of JSON, whole and broken, that together are an object now and then.
fn almost_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?(e[+-]?[0-9]{1,2})?",
        "\"([a-z\\\\\"\t é]|\\\\n|\\\\u00e9){0,40}\"",
        "[a-z0-9.{}:,\"\\[\\]-]{0,3}",
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-c\\\\n]{1,2}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                format!("{{{}}}", members.join(" ,"))
            }),
        ]
    });
    (prop::collection::vec(("\"[a-c]\"", value), 0..4), " ?[}x]?").prop_map(|(members, tail)| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        format!("{{{}}}{tail}", members.join(","))
    })
}

proptest! {
    #[test]
    fn the_scanner_takes_what_the_parser_takes(line in almost_json()) {
        let mut parser = Jiter::new(line.as_bytes());
        let is_object = matches!(parser.peek(), Ok(Peek::Object)) && parser.next_skip().is_ok() && parser.finish().is_ok();
        let mut scanner = Scanner::new(line.as_bytes());
        let read = Object::new(&[], "").read(&mut scanner, &mut Targets::Nowhere, &mut Vec::new());
        prop_assert_eq!(read.is_ok() && scanner.peek().is_none(), is_object, "{}", line);
        // Text columns take every value, so that an object of them is read the same way.
        let columns = ["a", "b"].map(|name| ColumnSpec::new(name, ColumnType::Text));
        let mut scanner = Scanner::new(line.as_bytes());
        let read = Object::new(&columns, "").read(&mut scanner, &mut Targets::Nowhere, &mut Vec::new());
        prop_assert_eq!(read.is_ok() && scanner.peek().is_none(), is_object, "{}", line);
    }
}
