//! The generator is believed only as far as independent readers of its lines agree.

use super::{BrokenLines, DataFormat, DataOptions, Written, generate, site, visitors};
use std::collections::{HashMap, HashSet};

fn bytes(format: DataFormat, lines: u64, seed: u64) -> (Vec<u8>, Written) {
    let mut out = Vec::new();
    let written = generate(&DataOptions { lines, seed, format, broken: BrokenLines::Some }, &mut out)
        .expect("a vector takes everything");
    (out, written)
}

/// What the lines say, read the slow way. `None` is a line that is broken.
fn rows(format: DataFormat, lines: u64) -> Vec<Option<Row>> {
    let (bytes, _) = bytes(format, lines, 7);
    let header = usize::from(format == DataFormat::Csv);
    let lines = bytes.strip_suffix(b"\n").expect("the last line ends").split(|&byte| byte == b'\n');
    lines.skip(header).map(|line| std::str::from_utf8(line).ok().and_then(|line| row(format, line))).collect()
}

/// One record: client, user, time of day, method, path, query, protocol, status, bytes, referer, agent, request time,
/// with empty text for NULL.
type Row = [String; 12];

fn row(format: DataFormat, line: &str) -> Option<Row> {
    let fields = match format {
        DataFormat::Log => log_fields(line)?,
        DataFormat::Csv => csv_fields(line)?,
        DataFormat::Ndjson => ndjson_fields(line)?,
    };
    let row: Row = fields.try_into().ok()?;
    row[7].parse::<u16>().is_ok().then_some(row)
}

fn log_fields(line: &str) -> Option<Vec<String>> {
    let (client, rest) = line.split_once(" - ")?;
    let (user, rest) = rest.split_once(" [01/Mar/2026:")?;
    let (time, rest) = rest.split_once(" +0000] \"")?;
    let (request, rest) = quoted(rest)?;
    let [method, target, protocol] = request.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target, "-"));
    let (status, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let (bytes, rest) = rest.split_once(" \"")?;
    let (referer, rest) = quoted(rest)?;
    let (agent, rest) = quoted(rest.strip_prefix(" \"")?)?;
    let seconds = rest.strip_prefix(' ')?;
    let fields = [client, user, time, method, path, query, protocol, status, bytes, referer, agent, seconds];
    Some(fields.map(|field| if field == "-" { String::new() } else { field.to_owned() }).to_vec())
}

/// The text before the next quote that no backslash escapes.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let end = text.char_indices().find(|&(at, c)| c == '"' && !text[..at].ends_with('\\'))?.0;
    Some((&text[..end], &text[end + 1..]))
}

fn csv_fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut inside = false;
    for c in line.chars() {
        match c {
            // A doubled quote leaves and enters again, so that only its place has to be kept.
            '"' => inside = !inside,
            ',' if !inside => fields.push(String::new()),
            _ => fields.last_mut()?.push(c),
        }
    }
    if inside || fields.len() != 13 || !fields.remove(1).is_empty() {
        return None;
    }
    let time = fields[2].strip_prefix("2026-03-01T")?.strip_suffix('Z')?.to_owned();
    fields[2] = time;
    Some(fields)
}

fn ndjson_fields(line: &str) -> Option<Vec<String>> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    assert!(value["ident"].is_null());
    let names =
        ["client", "user", "ts", "method", "path", "query", "protocol", "status", "bytes", "referer", "user_agent"];
    let mut fields = Vec::new();
    for name in names {
        let value = value.get(name).or_else(|| value["request"].get(name))?;
        fields.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace("null", ""));
    }
    fields[2] = fields[2].strip_prefix("2026-03-01T")?.strip_suffix('Z')?.to_owned();
    fields.push(format!("{:.3}", value["request_time"].as_f64()?));
    value["status"].is_u64().then_some(fields)
}

#[test]
fn a_seed_makes_the_same_bytes() {
    for format in DataFormat::ALL {
        assert_eq!(bytes(format, 3000, 1), bytes(format, 3000, 1));
        assert_ne!(bytes(format, 3000, 1).0, bytes(format, 3000, 2).0);
    }
}

#[test]
fn what_is_written_is_counted() {
    for (lines, broken) in [(0, 0), (1, 0), (999, 0), (1000, 1), (19_999, 1), (30_000, 3), (31_234, 3)] {
        for format in DataFormat::ALL {
            let (bytes, written) = bytes(format, lines, 3);
            assert_eq!(written, Written { lines, bytes: bytes.len() as u64, broken }, "{format:?}");
            let line_ends = bytes.split(|&byte| byte == b'\n').count() as u64 - 1;
            assert_eq!(line_ends, lines + u64::from(format == DataFormat::Csv), "{format:?}");
        }
    }
}

#[test]
fn the_formats_hold_the_same_records_and_break_the_same_lines() {
    let log = rows(DataFormat::Log, 40_000);
    assert_eq!(log.iter().filter(|row| row.is_none()).count(), 4);
    for (at, row) in log.iter().flatten().enumerate() {
        assert!(row.iter().all(|field| field.bytes().all(|byte| (b' '..=b'~').contains(&byte))), "{at}: {row:?}");
    }
    for format in [DataFormat::Csv, DataFormat::Ndjson] {
        for (at, (row, expect)) in rows(format, 40_000).into_iter().zip(&log).enumerate() {
            // The slow CSV reader drops quotes.
            let plain = |row: Row| row.map(|field| field.replace('"', ""));
            assert_eq!(row.map(plain), expect.clone().map(plain), "{format:?} {at}");
        }
    }
}

#[test]
fn texts_are_distinct_where_they_are_counted() {
    let check = |texts: Vec<String>, count: usize| {
        assert_eq!(texts.len(), count);
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), count);
    };
    check(site::paths().into_iter().map(|path| path.text).collect(), 20_000);
    check(visitors::users(), 20_000);
    check(visitors::agents(), 312);
}

#[test]
fn traffic_looks_like_traffic() {
    let rows: Vec<Row> = rows(DataFormat::Log, 50_000).into_iter().flatten().collect();
    let share = |column: usize, test: &dyn Fn(&str) -> bool| {
        rows.iter().filter(|row| test(&row[column])).count() * 100 / rows.len()
    };
    let check = |name: &str, percent: usize, expect: std::ops::RangeInclusive<usize>| {
        assert!(expect.contains(&percent), "{name}: {percent} %");
    };
    check("IPv6", share(0, &|client| client.contains(':')), 9..=15);
    check("no user", share(1, &str::is_empty), 88..=92);
    check("night", share(2, &|time| ("02:00:00".."05:00:00").contains(&time)), 2..=4);
    check("noon", share(2, &|time| ("11:00:00".."14:00:00").contains(&time)), 16..=20);
    check("GET", share(3, &|method| method == "GET"), 80..=95);
    check("query", share(5, &|query| !query.is_empty()), 27..=33);
    check("status 200", share(7, &|status| status == "200"), 65..=85);
    check("no bytes", share(8, &str::is_empty), 5..=15);
    check("no referer", share(9, &str::is_empty), 43..=47);
    check("quoted agent", share(10, &|agent| agent.contains("\\\"")), 0..=3);
    check("below 80 ms", share(11, &|seconds| seconds < "0.080"), 44..=56);
    assert!(rows.iter().all(|row| row[8].is_empty() == (row[7] == "304")));
    assert!(rows.iter().is_sorted_by_key(|row| &row[2]));

    let mut seconds: Vec<f64> = rows.iter().map(|row| row[11].parse().expect("a number")).collect();
    seconds.sort_by(f64::total_cmp);
    let slow = seconds[seconds.len() * 99 / 100];
    assert!((1.5..2.7).contains(&slow), "99th percentile: {slow}");
    assert!(seconds.iter().all(|seconds| (0.001..=60.0).contains(seconds)));

    let counts = |column: usize| {
        let mut counts = HashMap::new();
        for row in &rows {
            *counts.entry(&row[column]).or_insert(0_usize) += 1;
        }
        counts
    };
    let clients = counts(0);
    assert!((9000..=11_000).contains(&clients.len()), "{} clients", clients.len());
    let most = clients.values().max().expect("there are clients");
    assert!((500..=5000).contains(most), "the busiest client has {most} requests");
}
