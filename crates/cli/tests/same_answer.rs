//! The same query at every limit and number of threads: every bit of every answer must be the same.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/tidegate.rs"]
mod tidegate;

use std::path::Path;
use tidegate::{TIDEGATE, command, run};

/// Enough for several blocks at every limit, and for a group-by by `client` to spill at the smallest.
const LINES: u64 = 150_000;

const SETTINGS: [(&str, &str); 6] =
    [("none", "1"), ("none", "8"), ("1GB", "4"), ("128MB", "2"), ("64MiB", "2"), ("64MiB", "1")];

const QUERIES: [&str; 6] = [
    "SELECT sum(request_time), avg(request_time), mean(bytes), var(request_time), stddev_pop(request_time), \
     covar_samp(request_time, bytes), corr(request_time, bytes), regr_slope(request_time, bytes), \
     regr_intercept(request_time, bytes), avg(bytes / request_time), sum(DISTINCT request_time), \
     approx_median(request_time), approx_distinct(client) FROM '{}'",
    "SELECT path, sum(request_time), avg(request_time), stddev(request_time), approx_percentile_cont(request_time, 0.9), \
     sum(request_time) FILTER (WHERE status >= 400) FROM '{}' GROUP BY path",
    "SELECT client, sum(request_time), avg(bytes / (request_time + 0.1)), approx_median(request_time) FROM '{}' GROUP BY client",
    "SELECT date_trunc('minute', ts) AS minute, approx_percentile_cont(0.99) WITHIN GROUP (ORDER BY request_time), \
     approx_percentile_cont_with_weight(request_time, bytes + 1, 0.5), median(request_time), \
     percentile_cont(request_time, 0.25) FROM '{}' GROUP BY minute",
    "SELECT _line, client, sum(request_time) FROM '{}' GROUP BY _line, client",
    "SELECT status, _line, sum(request_time) OVER w, avg(request_time) OVER w FROM '{}' \
     WHERE status >= 400 WINDOW w AS (PARTITION BY status ORDER BY _line ROWS BETWEEN 50 PRECEDING AND CURRENT ROW)",
];

#[test]
fn every_limit_and_number_of_threads_gives_the_same_bits() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("same-answer");
    std::fs::create_dir_all(&folder).unwrap();
    let log = demo::write(&folder, "log", LINES);
    for query in QUERIES {
        let sql = query.replace("{}", &log.to_string_lossy());
        let mut first = None;
        for (limit, threads) in SETTINGS {
            let lines = sorted_lines(&sql, limit, threads, &folder);
            let (settings, expected) = first.get_or_insert_with(|| ((limit, threads), lines.clone()));
            if let Some((one, other)) = expected.iter().zip(&lines).find(|(one, other)| one != other) {
                panic!("{sql}\n{settings:?}: {one}\n{limit} {threads}: {other}");
            }
            assert_eq!(lines.len(), expected.len(), "{sql} at {limit} with {threads} threads");
        }
    }
}

/// A double is printed with the digits that it takes to read the same double again.
fn sorted_lines(sql: &str, limit: &str, threads: &str, folder: &Path) -> Vec<String> {
    let mut query = command(TIDEGATE);
    query.args(["query", "--format", "csv", "--limit", limit, "--threads", threads, sql, "--spill-dir"]).arg(folder);
    let ran = run(&mut query, b"");
    assert!(ran.status.success(), "{sql} at {limit} with {threads} threads: {ran}");
    let mut lines: Vec<_> = String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}
