//! Lines as they stand in real logs, good and bad.

use crate::{Format, testing};

const TIME: &str = "971211336000000 us";
const COMBINED: &str = concat!(
    r#"203.0.113.9 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326 "#,
    r#""http://example.com/start" "Mozilla/4.08""#
);

/// Reads one line and shows the columns that are not NULL, but for the time.
fn row(line: &str) -> String {
    let reading = testing::rows(&Format::Access, line);
    assert_eq!(reading.rejects, [], "{line}");
    let names = Format::Access.columns().iter().map(|column| column.name.as_ref());
    let values = reading.rows[0].split(" | ").zip(names);
    let shown: Vec<_> = values
        .filter(|(value, name)| *value != "NULL" && *name != "ts")
        .map(|(value, name)| format!("{name}={value}"))
        .collect();
    shown.join(" ")
}

fn reason(line: &str) -> String {
    let reading = testing::rows(&Format::Access, line);
    assert_eq!(reading.counts.rows, 0, "{line}");
    reading.rejects[0].2.clone()
}

#[test]
fn common_and_combined() {
    let common = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326"#;
    let reading = testing::rows(&Format::Access, common);
    assert_eq!(
        reading.rows,
        [format!("127.0.0.1 | NULL | frank | {TIME} | GET | / | NULL | HTTP/1.0 | 200 | 2326 | NULL | NULL | NULL")]
    );
    assert_eq!(
        row(COMBINED),
        "client=203.0.113.9 user=frank method=GET path=/a.gif query=x=1 protocol=HTTP/1.0 status=200 bytes=2326 \
         referer=http://example.com/start user_agent=Mozilla/4.08"
    );
}

#[test]
fn fields_after_the_user_agent() {
    for (tail, expected) in [
        (" 0.25", "request_time=0.25"),
        (r#" "0.25""#, "request_time=0.25"),
        (r#" "192.0.2.1, 198.51.100.7""#, "user_agent=Mozilla/4.08"),
        (r#" "192.0.2.1" 0.250 0.100 . pool-a"#, "request_time=0.25"),
        (" - nan", "user_agent=Mozilla/4.08"),
        (" ", "user_agent=Mozilla/4.08"),
    ] {
        let row = row(&format!("{COMBINED}{tail}"));
        assert!(row.ends_with(expected), "{tail}: {row}");
    }
}

#[test]
fn clients_and_users() {
    let line = |start: &str| format!(r#"{start} [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 304 -"#);
    let rest = "method=GET path=/ protocol=HTTP/1.1 status=304";
    assert_eq!(row(&line("2001:db8::1 - -")), format!("client=2001:db8::1 {rest}"));
    assert_eq!(row(&line("host id Jane[x] Doe")), format!("client=host ident=id user=Jane[x] Doe {rest}"));
    assert_eq!(row(&line("h - - -")), format!("client=h user=- - {rest}"));
    assert_eq!(row(&line("h  ")), format!("client=h {rest}"));
}

#[test]
fn requests() {
    let line = |request: &str| format!(r#"h - - [10/Oct/2000:13:55:36 -0700] "{request}" 400 0"#);
    for (request, expected) in [
        ("-", ""),
        ("", ""),
        (r"\x16\x03\x01\x00\xEE", r"path=\x16\x03\x01\x00\xEE "),
        ("GET /", "method=GET path=/ "),
        ("GET /a b HTTP/1.1", "method=GET path=/a b protocol=HTTP/1.1 "),
        (r#"GET /a\"b\\ HTTP/2.0"#, r#"method=GET path=/a\"b\\ protocol=HTTP/2.0 "#),
        ("GET /?a=b?c HTTP/3", "method=GET path=/ query=a=b?c protocol=HTTP/3 "),
        ("GET /a b HTTP/2", "method=GET path=/a b protocol=HTTP/2 "),
        ("GET /?q=a b HTTP/3", "method=GET path=/ query=q=a b protocol=HTTP/3 "),
        ("GET /a HTTP/1 x", "method=GET path=/a HTTP/1 x "),
        ("M-SEARCH * HTTP/1.1", "method=M-SEARCH path=* protocol=HTTP/1.1 "),
        ("get / HTTP/1.1", "path=get / HTTP/1.1 "),
        ("QUIT", "path=QUIT "),
        (r#"\"x"#, r#"path=\"x "#),
        (r"\\", r"path=\\ "),
    ] {
        assert_eq!(row(&line(request)), format!("client=h {expected}status=400 bytes=0"), "{request}");
    }
}

#[test]
fn rejects_name_what_is_missing() {
    let line = |rest: &str| format!("h - - [10/Oct/2000:13:55:36 -0700]{rest}");
    for (text, expected) in [
        ("free text", "no space after the ident"),
        ("some free text", "no ` [` after the user"),
        ("word", "no space after the client"),
        ("\0\0\0\0", "no space after the client"),
        (&line(r#" "GET / HTTP/1.1" abc 5"#), "`status` is not a number of up to 3 digits"),
        (&line(r#" "GET / HTTP/1.1" 99999 5"#), "`status` is not a number of up to 3 digits"),
        (&line(r#" "GET / HTTP/1.1" 200 5x"#), "`bytes` is not a whole number or `-`"),
        (&line(r#" "GET / HTTP/1.1" 200"#), "no bytes after the status"),
        (&line(r#" "GET / HTTP/1.1""#), "no space after the request"),
        (&line(r#" "GET / HTTP/1.1"#), "no closing quote after the request"),
        (&line(r#" "GET / HTTP/1.1\"#), "no closing quote after the request"),
        (&line(r#" "GET /" 200 5 "-" "Mozilla"#), "no closing quote after the referer or the user agent"),
        (&line(r#" "GET /" 200 5 "-""x""#), "no space between two fields"),
        ("h - - [10/Oct/2000:13:55:36 -0700", "no `]` after the time"),
        (r#"h - - [10/Okt/2000:13:55:36 -0700] "GET /" 200 5"#, "`ts` is not a time like 10/Oct/2000:13:55:36 -0700"),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
}

#[test]
fn times_of_one_day_and_of_the_next() {
    let line = |time: &str| format!("h - - [{time}] \"GET /\" 200 5\n");
    let times = ["10/Oct/2000:13:55:36 -0700", "10/Oct/2000:13:55:37 -0700", "11/Oct/2000:00:00:00 -0700"];
    let bad = ["11/Oct/2000:24:00:00 -0700", "11/Oct/2000:00-00:00 -0700"];
    let text: String = times.iter().chain(&bad).chain(&["11/Oct/2000:00:00:01 +0000"]).map(|time| line(time)).collect();
    let reading = testing::read(&Format::Access, text.as_bytes(), &[super::TIME]);
    let micros = [971_211_336, 971_211_337, 971_247_600, 971_222_401].map(|seconds: i64| format!("{seconds}000000 us"));
    assert_eq!(reading.rows, micros);
    assert_eq!(reading.counts.rejects, 2);
}

#[test]
fn line_ends_marks_and_blank_lines() {
    let text = format!("\u{FEFF}{COMBINED}\r\n\r\n\n{COMBINED}\nbad\r\n{COMBINED}");
    let count = Format::Access.columns().len();
    let reading = testing::read(&Format::Access, text.as_bytes(), &[count + 1, count + 2, count + 3]);
    let second = COMBINED.len() + 8;
    let third = second + COMBINED.len() + 6;
    assert_eq!(
        reading.rows,
        [format!("1 | 3 | {COMBINED}"), format!("4 | {second} | {COMBINED}"), format!("6 | {third} | {COMBINED}")]
    );
    assert_eq!(reading.reasons(), ["5: no space after the client"]);
    assert_eq!(reading.rejects[0].3, "bad");
    assert_eq!((reading.counts.blank, reading.lines), (2, 6));
}

#[test]
fn bytes_that_are_not_utf8_are_kept_in_the_row() {
    let line = b"h - - [10/Oct/2000:13:55:36 -0700] \"GET /caf\xE9 HTTP/1.1\" 200 5 \"-\" \"\0\xC3\"";
    let reading = testing::read(&Format::Access, line, &[super::PATH, super::USER_AGENT]);
    assert_eq!(reading.rows, ["/caf\u{FFFD} | \0\u{FFFD}"]);
}

#[test]
fn a_range_of_statuses_is_covered_by_prefixes() {
    let needles = |low, high| {
        let needles = super::needles(super::STATUS, crate::Demand::Between(low, high));
        needles.map(|needles| needles.into_iter().map(|needle| String::from_utf8(needle).unwrap()).collect::<Vec<_>>())
    };
    let some = |needles: &[&str]| Some(needles.iter().map(|needle| (*needle).to_owned()).collect::<Vec<_>>());
    assert_eq!(needles(404, 404), some(&["\" 404 "]));
    assert_eq!(needles(400, 599), some(&["\" 4", "\" 5"]));
    assert_eq!(needles(498, 511), some(&["\" 498 ", "\" 499 ", "\" 50", "\" 510 ", "\" 511 "]));
    assert_eq!(needles(900, i64::MAX), some(&["\" 9"]));
    assert_eq!(needles(99, 99), None, "it may be written 099");
    for low in (100..1000).step_by(37) {
        for high in (low..1000).step_by(7) {
            let needles = needles(low, high).unwrap();
            let covered =
                |status: i64| needles.iter().filter(|needle| format!("\" {status} ").starts_with(*needle)).count();
            assert!(
                (100..1000).all(|status| covered(status) == usize::from((low..=high).contains(&status))),
                "{low} {high}"
            );
        }
    }
}
