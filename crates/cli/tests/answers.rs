//! The same questions asked of Tidegate and of a slow, obvious program in Python: `tests/oracle/answers.py`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by a panic"
)]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/tidegate.rs"]
mod tidegate;

use serde_json::{Value, json};
use std::path::Path;
use tidegate::{Ran, TIDEGATE, command, run};

const LINES: u64 = 20_000;
const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracle/answers.py");

/// Values, row by row.
type Rows = Vec<Vec<Value>>;

#[test]
fn access_log() {
    compare("log", "path", |file| format!("'{file}'"));
}

#[test]
fn csv() {
    // A line that is broken on purpose may be among the samples that the types are inferred from.
    compare("csv", "path", |file| format!("csv('{file}', types => 'status int64')"));
}

#[test]
fn ndjson() {
    compare("ndjson", "request['path']", |file| format!("'{file}'"));
}

/// A compressed log answers as the log, whatever its name, from a file, from several, and from a pipe.
#[test]
fn compressed_logs() {
    const COMPRESS: &str = "import bz2, gzip, lzma, sys\n\
        text = open(sys.argv[1], 'rb').read()\n\
        cut = len(text) // 3\n\
        for module in (gzip, bz2, lzma):\n    \
            open(sys.argv[1] + '.' + module.__name__, 'wb').write(module.compress(text[:cut]) + module.compress(text[cut:]))\n";
    let folder = tempfile::tempdir().unwrap();
    let file = demo::write(folder.path(), "log", LINES);
    let packed = run(command("python3").args(["-c", COMPRESS]).arg(&file), b"");
    assert!(packed.status.success(), "{packed}");
    let name = file.to_string_lossy();
    let sql = |table: &str| {
        format!(
            "SELECT status, count(*) AS n, sum(bytes) AS b, max(_offset) AS o, max(_line) AS l FROM {table} GROUP BY status ORDER BY status"
        )
    };
    let ask = |table: &str, input: &[u8]| {
        let ran = run(command(TIDEGATE).args(["query", "--limit", "128MB", "--threads", "2", &sql(table)]), input);
        assert!(ran.status.success(), "{table}: {ran}");
        (String::from_utf8(ran.stdout).unwrap(), ran.stderr)
    };
    let (expected, summary) = ask(&format!("'{name}'"), b"");
    let lines = |summary: &str| summary.split(';').next().unwrap().to_owned();
    let first = |summary: &str| {
        summary.lines().find_map(|line| line.split_once("the first is ")).unwrap().1.replace(&*name, "")
    };
    for module in ["gzip", "bz2", "lzma"] {
        let packed = format!("{name}.{module}");
        let (got, from_file) = ask(&format!("'{packed}'"), b"");
        assert_eq!(got, expected, "{module}");
        assert_eq!(lines(&from_file), lines(&summary), "{module}");
        assert_eq!(first(&from_file).replace(&format!(".{module}"), ""), first(&summary), "{module}");
        let (got, from_pipe) = ask("'-'", &std::fs::read(&packed).unwrap());
        assert_eq!((got, lines(&from_pipe)), (expected.clone(), lines(&summary)), "{module} from a pipe");
    }
    let (all, _) = ask(&format!("'{name}*'"), b"");
    let counts = |text: &str| {
        text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert_eq!(counts(&all), 4 * counts(&expected));
}

/// Asks everything of one form of the data, at two limits and with one thread and two.
fn compare(form: &str, path: &str, table: impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let file = demo::write(folder.path(), form, LINES);
    let expected = oracle(form, &file);
    assert_eq!(expected["lines"], json!(LINES), "the demo wrote another number of lines");
    for limit in ["64MiB", "256MB"] {
        for threads in ["1", "2"] {
            let table = table(&file.to_string_lossy());
            let asking = Asking { table, path, options: ["--limit", limit, "--threads", threads] };
            asking.compare(&expected);
        }
    }
}

fn oracle(form: &str, file: &Path) -> Value {
    let ran = run(command("python3").args([ORACLE, form]).arg(file), b"");
    assert!(ran.status.success(), "python3 {ORACLE}: {ran}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

struct Asking<'a> {
    table: String,
    path: &'a str,
    options: [&'a str; 4],
}

impl Asking<'_> {
    fn compare(&self, expected: &Value) {
        self.counts(expected);
        let Self { table, path, .. } = self;
        self.same(
            &expected["by_status"],
            &format!("SELECT status AS a, count(*) AS b, sum(bytes) AS c FROM {table} GROUP BY status ORDER BY status"),
        );
        self.same(
            &expected["top_paths"],
            &format!("SELECT {path} AS a, count(*) AS b FROM {table} GROUP BY {path} ORDER BY b DESC, a LIMIT 20"),
        );
        self.same(
            &expected["top_users"],
            &format!(
                "SELECT client AS a, count(*) AS b, sum(bytes) AS c FROM {table} \
                 GROUP BY client ORDER BY c DESC NULLS LAST, a LIMIT 20"
            ),
        );
        self.by_minute(&expected["by_minute"]);
        self.sorted(&expected["sorted_by_request_time"]);
        self.filtered();
        self.joined();
    }

    /// What a filter passes over unread changes no answer, and every line is counted.
    fn filtered(&self) {
        let Self { table, path, .. } = self;
        for filter in [
            "status = 404",
            "status >= 500 AND status < 504",
            "status IN (301, 503) OR bytes = 1234",
            &format!("{path} LIKE '/api/%'"),
            &format!("{path} = '/search' AND status <> 200"),
            "user_agent LIKE '%Googlebot/2%'",
            "starts_with(referer, 'https://www.google')",
            "_raw LIKE '% 404 %'",
            "ts >= '2026-03-01T00:00:00Z' AND ts < '2026-03-01T00:30:00Z'",
            "date_trunc('hour', ts) = '1999-03-01T00:00:00Z'",
        ] {
            let sql =
                format!("SELECT _offset AS a, status AS b, {path} AS c FROM {table} WHERE {filter} ORDER BY _offset");
            let passing = self.ask(&sql);
            let options = ["--format", "ndjson", "--max-rejects", "100%", &sql];
            let reading = run(command(TIDEGATE).arg("query").args(options).args(self.options), b"");
            assert!(!reading.stderr.contains("passed over"), "{reading}");
            assert!(rows_of(&passing) == rows_of(&reading) && reading.status.success(), "{filter}: {passing}");
            let lines = format!("{} lines: ", grouped(LINES));
            assert!(passing.stderr.contains(&lines) && reading.stderr.contains(&lines), "{filter}: {passing}");
        }
        let ran = self.ask(&format!("SELECT count(*) AS n FROM {table} WHERE status = 404"));
        assert!(ran.stderr.contains("passed over"), "{ran}");
    }

    /// A log joined with a few rows, which say what is wanted of it only while the query runs.
    fn joined(&self) {
        let Self { table, path, .. } = self;
        for (few, on) in [
            ("(VALUES (404, 'a'), (503, 'b')) few(wanted, name)", "status = wanted"),
            (&format!("(SELECT client AS wanted FROM {table} ORDER BY ts, client LIMIT 3) few"), "client = wanted"),
            (&format!("(SELECT DISTINCT {path} AS wanted FROM {table} WHERE status = 503) few"), "{path} = wanted"),
            ("(SELECT 'nobody' AS wanted) few", "client = wanted"),
        ] {
            let on = on.replace("{path}", path);
            let sql = format!("SELECT _offset AS a, wanted AS b FROM {table} JOIN {few} ON {on} ORDER BY _offset");
            let passing = self.ask(&sql);
            let options = ["--format", "ndjson", "--max-rejects", "100%", &sql];
            let reading = run(command(TIDEGATE).arg("query").args(options).args(self.options), b"");
            assert!(rows_of(&passing) == rows_of(&reading) && reading.status.success(), "{sql}: {passing}");
            let passes = passing.stderr.contains("passed over") || few.contains("DISTINCT");
            assert!(passes && !reading.stderr.contains("passed over"), "{sql}: {passing}");
        }
        let sql =
            format!("SELECT _offset AS a, bytes AS b FROM {table} ORDER BY bytes DESC NULLS LAST, _offset LIMIT 5");
        let all = format!("SELECT _offset AS a, bytes AS b FROM {table} ORDER BY bytes DESC NULLS LAST, _offset");
        assert_eq!(rows_of(&self.ask(&sql)), rows_of(&self.ask(&all))[..5], "{sql}");
    }

    /// Lines, rows and rejects, as the summary of a query says them.
    fn counts(&self, expected: &Value) {
        let ran = self.ask(&format!("SELECT count(*) AS a FROM {}", self.table));
        let rows = expected["rows"].as_u64().unwrap();
        assert_eq!(rows_of(&ran), [[json!(rows)]], "{ran}");
        let rejects = expected["rejects"].as_u64().unwrap();
        let summary = format!("{} lines: {} rows, {} rejects;", grouped(LINES), grouped(rows), grouped(rejects));
        assert!(ran.stderr.contains(&summary), "no `{summary}` in: {ran}");
    }

    /// Percentiles by nearest rank are exact; the approximate ones lie between the least and the greatest value.
    fn by_minute(&self, expected: &Value) {
        let rank = |percent: u32| format!("max(CASE WHEN rank = (n * {percent} + 99) / 100 THEN request_time END)");
        let (p50, p95, p99) = (rank(50), rank(95), rank(99));
        let table = &self.table;
        self.same(
            expected,
            &format!(
                "WITH times AS (SELECT date_trunc('minute', ts) AS minute, request_time FROM {table}), \
                 ranks AS (SELECT *, count(request_time) OVER (PARTITION BY minute) AS n, \
                   row_number() OVER (PARTITION BY minute ORDER BY request_time NULLS LAST) AS rank FROM times) \
                 SELECT minute AS a, count(*) AS b, {p50} AS c, {p95} AS d, {p99} AS e, min(request_time) AS f, \
                   max(request_time) AS g FROM ranks GROUP BY minute ORDER BY minute"
            ),
        );
        let approximate = |percent: &str| format!("approx_percentile_cont(request_time, {percent})");
        let sql = format!(
            "SELECT date_trunc('minute', ts) AS a, {} AS b, {} AS c, {} AS d FROM {table} GROUP BY a ORDER BY a",
            approximate("0.5"),
            approximate("0.95"),
            approximate("0.99")
        );
        let ran = self.ask(&sql);
        let expected = expected.as_array().unwrap();
        assert_eq!(rows_of(&ran).len(), expected.len(), "{ran}");
        for (row, expected) in rows_of(&ran).iter().zip(expected) {
            assert_eq!(row[0], expected[0], "{sql}");
            let (least, greatest) = (expected[5].as_f64(), expected[6].as_f64());
            for value in &row[1..] {
                let value = value.as_f64();
                assert!(least <= value && value <= greatest, "{row:?} is not within {expected}: {sql}");
            }
        }
    }

    /// All of the data sorted, of which the oracle keeps both ends and a sum over every row.
    fn sorted(&self, expected: &Value) {
        let table = &self.table;
        let sql = format!(
            "SELECT request_time AS a, _line AS b FROM {table} WHERE request_time IS NOT NULL ORDER BY request_time, _line"
        );
        let rows = rows_of(&self.ask(&sql));
        self.equal(&rows[..10], &expected["first"], &sql);
        self.equal(&rows[rows.len() - 10..], &expected["last"], &sql);
        let sql = format!("SELECT sum(coalesce(status, 0) * 31 + coalesce(bytes, 0)) AS a FROM {table}");
        self.equal(&rows_of(&self.ask(&sql)), &json!([[expected["checksum"]]]), &sql);
    }

    fn same(&self, expected: &Value, sql: &str) {
        self.equal(&rows_of(&self.ask(sql)), expected, sql);
    }

    fn equal(&self, rows: &[Vec<Value>], expected: &Value, sql: &str) {
        let expected = expected.as_array().unwrap();
        assert_eq!(rows.len(), expected.len(), "rows of {:?} {sql}", self.options);
        for (row, expected) in rows.iter().zip(expected) {
            let same = row.iter().zip(expected.as_array().unwrap()).all(|(value, expected)| equal(value, expected));
            assert!(same, "{row:?} where {expected} was expected: {:?} {sql}", self.options);
        }
    }

    fn ask(&self, sql: &str) -> Ran {
        let ran = run(command(TIDEGATE).args(["query", "--format", "ndjson", sql]).args(self.options), b"");
        assert!(ran.status.success(), "{:?} {sql}: {ran}", self.options);
        ran
    }
}

/// `3` and `3.0` are the same number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

/// Returns the values of the rows in the order of their aliases.
fn rows_of(ran: &Ran) -> Rows {
    let rows = serde_json::Deserializer::from_slice(&ran.stdout).into_iter::<serde_json::Map<String, Value>>();
    rows.map(|row| row.unwrap().into_iter().map(|(_, value)| value).collect()).collect()
}

fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}
