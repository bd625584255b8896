//! Window functions that look to the end of the partition: turned around, they give the same answers.

use crate::tables::{Mode, Random, answer, plan, session, table};
use std::fmt::Write;
use tidegate_govern::RewriteOptions;

/// Of rows that differ in one of these.
const ORDERS: [&str; 4] = [
    "ORDER BY k, n, a, b, f",
    "ORDER BY b DESC NULLS LAST, a, n, k, f DESC",
    "PARTITION BY k ORDER BY f NULLS FIRST, b, a, n",
    "PARTITION BY n, k ORDER BY a DESC, b, f",
];
const FUNCTIONS: [&str; 12] = [
    "sum(b)",
    "count(*)",
    "count(a) FILTER (WHERE b > 5)",
    "avg(f)",
    "min(a)",
    "max(f) FILTER (WHERE n = 1)",
    "sum(f)",
    "first_value(a)",
    "last_value(b)",
    "nth_value(a, 2)",
    "nth_value(b, -3)",
    "nth_value(a, 2) IGNORE NULLS",
];
const FRAMES: [&str; 6] = [
    "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 2 FOLLOWING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN 3 PRECEDING AND UNBOUNDED FOLLOWING",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "GROUPS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING",
    "GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
];
/// What stays as it is, beside them.
const OTHERS: [&str; 5] = ["row_number()", "sum(b)", "lag(a)", "ntile(3)", "lead(b)"];

fn mode(rewrites: Option<RewriteOptions>, threads: usize) -> Mode {
    Mode { rewrites, threads, pool: None }
}

#[tokio::test]
async fn to_the_end_is_from_the_beginning_in_the_reversed_order() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let rows = table(&mut random, 60);
        let order = random.pick(&ORDERS);
        let mut calls = String::new();
        for at in 0..=random.below(3) {
            let (function, frame) = (random.pick(&FUNCTIONS), random.pick(&FRAMES));
            write!(calls, "{function} OVER ({order} {frame}) AS r{at}, ").unwrap();
            if random.one_in(2) {
                write!(calls, "{} OVER ({order}) AS o{at}, ", random.pick(&OTHERS)).unwrap();
            }
        }
        let sql = format!("SELECT {calls} k, n, a, b, f FROM (SELECT DISTINCT k, n, a, b, f FROM t)");
        let tables = [("t", rows)];
        let expected = answer(&session(mode(None, 1), &tables), &sql).await.unwrap();
        let threads = 1 + random.below(3);
        let ours = session(mode(Some(RewriteOptions::first()), threads), &tables);
        assert_eq!(answer(&ours, &sql).await.unwrap(), expected, "seed {seed}: {sql}");
        let plan = plan(&ours, &sql).await;
        let whole = plan.replace("BoundedWindowAggExec", "").contains("WindowAggExec");
        assert!(!whole || plan.contains("ntile"), "seed {seed}: {sql}\n{plan}");
    }
}

/// A range of values in the reversed order is the same range.
#[tokio::test]
async fn a_distance_keeps_its_side() {
    let mut random = Random::new(7);
    let tables = [("t", table(&mut random, 80))];
    for (order, frame) in [("b", "2 FOLLOWING"), ("b DESC", "2 FOLLOWING"), ("b NULLS FIRST", "3 PRECEDING")] {
        let window = format!("ORDER BY {order} RANGE BETWEEN {frame} AND UNBOUNDED FOLLOWING");
        let sql = format!("SELECT b, count(*) OVER ({window}), max(b) OVER ({window}) FROM t WHERE b IS NOT NULL");
        let expected = answer(&session(mode(None, 1), &tables), &sql).await.unwrap();
        let ours = session(mode(Some(RewriteOptions::first()), 2), &tables);
        assert_eq!(answer(&ours, &sql).await.unwrap(), expected, "{sql}");
        assert!(plan(&ours, &sql).await.contains("BoundedWindowAggExec"));
    }
}

/// DataFusion's own answer is no example: its streamed `lead(x) IGNORE NULLS` passes over values.
#[tokio::test]
async fn the_next_value_that_is_not_null() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let rows: Vec<Option<usize>> =
            (0..=random.below(150)).map(|_| (!random.one_in(2)).then(|| random.below(9))).collect();
        let value = |row: &Option<usize>| row.map_or_else(|| "NULL".to_owned(), |value| value.to_string());
        let values: Vec<_> = rows.iter().enumerate().map(|(at, row)| format!("({at}, {})", value(row))).collect();
        let offset = 1 + random.below(3);
        let call = match random.below(3) {
            0 => format!("lead(v, {offset}, -1) IGNORE NULLS"),
            1 => format!("lag(v, -{offset}, -1) IGNORE NULLS"),
            _ => format!("coalesce(lead(v, {offset}) IGNORE NULLS, -1)"),
        };
        let call = match call.strip_suffix(", -1)") {
            Some(call) => format!("{call} OVER (ORDER BY id), -1)"),
            None => format!("{call} OVER (ORDER BY id)"),
        };
        let sql = format!(
            "SELECT lpad(CAST(id AS VARCHAR), 4, '0') AS at, {call} AS x FROM (VALUES {}) AS t (id, v)",
            values.join(", ")
        );
        let got = answer(&session(mode(Some(RewriteOptions::first()), 1), &[]), &sql).await.unwrap();
        let next = |at: usize| rows.iter().skip(at + 1).filter_map(|row| *row).nth(offset - 1);
        let expected: Vec<_> = (0..rows.len())
            .map(|at| format!("{at:04}|{}", next(at).map_or_else(|| "-1".to_owned(), |value| value.to_string())))
            .collect();
        assert_eq!(got[1..], expected, "seed {seed}: {sql}");
    }
}
