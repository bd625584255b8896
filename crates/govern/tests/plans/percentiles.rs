//! Exact percentiles that share their values give the answers of those that do not.

use crate::tables::{Mode, Random, answer, plan, session, table};
use tidegate_govern::RewriteOptions;

/// What is between two ranks is rounded, because DataFusion weighs it by millionths; nothing here lies half-way of that.
const CALLS: [&str; 14] = [
    "round(percentile_cont(f, 0.5), 5)",
    "round(percentile_cont(f, 0.95), 5)",
    "round(percentile_cont(f, 0.25), 5)",
    "round(percentile_cont(0.9) WITHIN GROUP (ORDER BY f DESC), 5)",
    "round(percentile_cont(0.3) WITHIN GROUP (ORDER BY f), 5)",
    "round(percentile_cont(f, 0.5) FILTER (WHERE b > 5), 5)",
    "round(percentile_cont(f, 0.75) FILTER (WHERE b > 5), 5)",
    "round(percentile_cont(b, 0.5), 5)",
    "round(percentile_cont(b, 0.1), 5)",
    "percentile_cont(f, 1)",
    "round(percentile_cont(CAST(f AS float), 0.45), 4)",
    "count(DISTINCT a)",
    "count(*)",
    "max(a)",
];
const KEYS: [&str; 5] = ["k", "n, k", "upper(k)", "ROLLUP (k, n)", "GROUPING SETS ((k), (n, k), ())"];

fn query(random: &mut Random) -> String {
    let calls: Vec<_> = (0..=random.below(6)).map(|at| format!("{} AS r{at}", random.pick(&CALLS))).collect();
    let calls = calls.join(", ");
    let having =
        if random.one_in(4) { " HAVING percentile_cont(f, 0.5) > 0.5 OR percentile_cont(f, 0.6) < 1" } else { "" };
    if random.one_in(4) {
        return format!("SELECT {calls} FROM t{having}");
    }
    let keys = random.pick(&KEYS);
    let sets = keys.starts_with("GROUPING") || keys.starts_with("ROLLUP");
    let shown = if sets { "k, n, grouping(k)" } else { keys };
    format!("SELECT {shown}, {calls} FROM t GROUP BY {keys}{having}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_single_percentiles() {
    let mut shared = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let rows = [0, 5, 100, 300][random.below(4)];
        let tables = [("t", table(&mut random, rows))];
        let sql = query(&mut random);
        let threads = 1 + random.below(3);
        let mode = |rewrites| Mode { rewrites, threads, pool: None };
        let stock = answer(&session(mode(None), &tables), &sql).await;
        let stock = stock.unwrap_or_else(|error| panic!("seed {seed}, {sql}: {error}"));
        let context = session(mode(Some(RewriteOptions::first())), &tables);
        let ours = answer(&context, &sql).await.unwrap_or_else(|error| panic!("seed {seed}, {sql}: {error}"));
        let plan = plan(&context, &sql).await;
        assert_eq!(ours, stock, "seed {seed}, {sql}\n{plan}");
        shared += usize::from(plan.contains("percentiles_cont"));
    }
    assert!(shared > 100, "only {shared} plans share values");
}

#[tokio::test]
async fn a_share_that_is_none_and_arguments_that_differ_by_a_cast() {
    let tables = [("t", table(&mut Random::new(1), 100))];
    let context = session(Mode { rewrites: Some(RewriteOptions::first()), threads: 1, pool: None }, &tables);
    for share in ["1.5", "-0.5"] {
        let sql = format!("SELECT percentile_cont(f, {share}), percentile_cont(f, 0.5) FROM t");
        let error = answer(&context, &sql).await.unwrap_err().to_string();
        assert!(error.contains("between 0.0 and 1.0"), "{error}");
    }
    let calls = ["b", "arrow_cast(b, 'Float32')"]
        .map(|argument| format!("percentile_cont({argument}, 0.5), percentile_cont({argument}, 0.9)"));
    let rows = answer(&context, &format!("SELECT {} FROM t", calls.join(", "))).await.unwrap();
    assert_eq!(rows.len(), 2);
}
