//! `DISTINCT` aggregates: taken apart, they give DataFusion's own answers, where it has any.

use crate::tables::{Mode, Random, answer, is_refusal, numbers, plan, session, table};
use datafusion::datasource::MemTable;
use std::sync::Arc;
use tidegate_govern::RewriteOptions;

/// Calls that both plans can answer, and whose answer does not depend on the order of rows.
const CALLS: [&str; 24] = [
    "count(DISTINCT a)",
    "count(DISTINCT b)",
    "count(DISTINCT k)",
    "count(DISTINCT l)",
    "count(DISTINCT s)",
    "count(DISTINCT b + n)",
    "count(DISTINCT CASE WHEN b > 5 THEN a END)",
    "sum(DISTINCT b)",
    "avg(DISTINCT f)",
    "min(DISTINCT a)",
    "max(DISTINCT b)",
    "array_sort(array_agg(DISTINCT b))",
    "length(string_agg(DISTINCT a, '; '))",
    "count(DISTINCT a) FILTER (WHERE b > 10)",
    "count(DISTINCT a) FILTER (WHERE n = 1)",
    "sum(DISTINCT b) FILTER (WHERE b > 10)",
    "array_sort(array_agg(DISTINCT b) FILTER (WHERE k = 'v1'))",
    "count(DISTINCT 7)",
    "count(*)",
    "count(a)",
    "avg(b)",
    "sum(n) FILTER (WHERE a IS NOT NULL)",
    "max(a)",
    "array_agg(b ORDER BY b, a)",
];
const SETS: [&str; 6] = [
    "ROLLUP (k, n)",
    "CUBE (k, n)",
    "GROUPING SETS ((k, n), (n), (n), ())",
    "GROUPING SETS ((b), (k))",
    "n, ROLLUP (k, b)",
    "GROUPING SETS (())",
];
const KEYS: [&str; 7] = ["k", "n", "k, n", "upper(k)", "n + 1, k", "b", "s"];

fn query(random: &mut Random) -> String {
    let calls: Vec<_> = (0..=random.below(4)).map(|at| format!("{} AS r{at}", random.pick(&CALLS))).collect();
    let calls = calls.join(", ");
    let keys = (!random.one_in(4)).then(|| random.pick(&KEYS));
    let filter = if random.one_in(3) {
        random.pick(&[" WHERE b > 3", " WHERE n IS NULL", " WHERE false", " WHERE a <> 'v7'"])
    } else {
        ""
    };
    let having = if random.one_in(4) {
        random.pick(&[" HAVING count(DISTINCT a) > 1", " HAVING count(*) < 9", " HAVING count(DISTINCT b) = 0"])
    } else {
        ""
    };
    match keys {
        Some(keys) => format!("SELECT {keys}, {calls} FROM t{filter} GROUP BY {keys}{having}"),
        None => format!("SELECT {calls} FROM t{filter}{having}"),
    }
}

fn mode(rewrites: Option<RewriteOptions>, threads: usize) -> Mode {
    Mode { rewrites, threads, pool: None }
}

/// Compares the answers of both plans. Returns whether ours reads a tee.
async fn compare(seed: u64, sql: &str, threads: usize, tables: &[(&str, Arc<MemTable>)]) -> bool {
    let stock = answer(&session(mode(None, threads), tables), sql).await;
    let stock = stock.unwrap_or_else(|error| panic!("seed {seed}, {sql}: {error}"));
    let context = session(mode(Some(RewriteOptions::first()), threads), tables);
    let ours = answer(&context, sql).await.unwrap_or_else(|error| panic!("seed {seed}, {sql}: {error}"));
    let plan = plan(&context, sql).await;
    assert_eq!(ours, stock, "seed {seed}, {sql}\n{plan}");
    plan.contains("TeeExec")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_the_plans_they_replace() {
    let mut rewritten = 0;
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let rows = [0, 5, 100, 300][random.below(4)];
        let tables = [("t", table(&mut random, rows))];
        let sql = query(&mut random);
        let threads = 1 + random.below(3);
        rewritten += usize::from(compare(seed, &sql, threads, &tables).await);
    }
    assert!(rewritten > 150, "only {rewritten} plans were rewritten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_grouping_sets() {
    let mut rewritten = 0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let rows = [0, 5, 100, 300][random.below(4)];
        let tables = [("t", table(&mut random, rows))];
        let calls: Vec<_> = (0..=random.below(3)).map(|at| format!("{} AS r{at}", random.pick(&CALLS))).collect();
        let (calls, sets) = (calls.join(", "), random.pick(&SETS));
        let keys = ["k", "n", "b"].into_iter().filter(|key| sets.contains(*key));
        let keys: Vec<_> = keys.map(|key| format!("{key}, grouping({key}) AS g{key}, ")).collect();
        let keys = keys.concat();
        let sql = format!("SELECT {keys}{calls} FROM t GROUP BY {sets}");
        let threads = 1 + random.below(3);
        rewritten += usize::from(compare(seed, &sql, threads, &tables).await);
    }
    assert!(rewritten > 80, "only {rewritten} plans were rewritten");
}

/// An answer or the memory error, and never another answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_stay_the_same_when_memory_is_short() {
    let mut answered = 0;
    for seed in 1000..1060 {
        let mut random = Random::new(seed);
        let tables = [("t", table(&mut random, 3000))];
        let sql = query(&mut random);
        let stock = answer(&session(mode(None, 2), &tables), &sql).await.unwrap();
        let short = Mode { rewrites: Some(RewriteOptions::first()), threads: 2, pool: Some(300 << 10) };
        match answer(&session(short, &tables), &sql).await {
            Ok(ours) => {
                assert_eq!(ours, stock, "seed {seed}, {sql}");
                answered += 1;
            }
            Err(error) => {
                assert!(is_refusal(&error), "seed {seed}, {sql}: {error}");
            }
        }
    }
    assert!(answered > 20, "only {answered} were answered");
}

/// DataFusion itself answers none of these.
#[tokio::test]
async fn what_datafusion_refuses() {
    let mut random = Random::new(7);
    let tables = [("t", table(&mut random, 200))];
    let context = session(mode(Some(RewriteOptions::first()), 2), &tables);
    for (sql, same) in [
        (
            "SELECT round(stddev(DISTINCT b), 9) AS r, count(*) AS n FROM t",
            "SELECT round(stddev(b), 9) AS r, (SELECT count(*) FROM t) AS n FROM (SELECT DISTINCT b FROM t)",
        ),
        (
            "SELECT k, count(DISTINCT a, b) AS r, count(*) AS n FROM t GROUP BY k",
            "SELECT t.k, count(DISTINCT CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN concat(a, ' ', b) END) AS r,
             count(*) AS n FROM t GROUP BY t.k",
        ),
    ] {
        let ours = answer(&context, sql).await.unwrap();
        assert_eq!(ours[1..], answer(&session(mode(None, 2), &tables), same).await.unwrap()[1..], "{sql}");
    }
}

#[tokio::test]
async fn what_is_left_alone() {
    let tables = [("t", table(&mut Random::new(3), 50))];
    let context = session(mode(Some(RewriteOptions::first()), 2), &tables);
    for sql in [
        "SELECT k, count(*), sum(b) FROM t GROUP BY k",
        "SELECT k, count(DISTINCT a) FROM t GROUP BY k",
        "SELECT k, n, count(*), sum(b) FROM t GROUP BY ROLLUP (k, n)",
        "SELECT array_agg(DISTINCT a ORDER BY a), count(*) FROM t",
        "SELECT DISTINCT k, n FROM t",
    ] {
        let plan = plan(&context, sql).await;
        assert!(!plan.contains("TeeExec"), "{sql}: {plan}");
    }
}

/// A subquery that is named twice is evaluated once, so its tee must not be asked for twice as many readers.
#[tokio::test]
async fn subqueries_are_rewritten_as_well() {
    let tables = [("t", table(&mut Random::new(11), 200)), ("u", table(&mut Random::new(12), 100))];
    let inner = "(SELECT count(DISTINCT a) + count(DISTINCT b) + count(*) FROM t)";
    for sql in [
        format!("SELECT b, {inner} AS x FROM u WHERE b < {inner} OR n = {inner}"),
        format!("SELECT count(DISTINCT a), count(DISTINCT b), max({inner}) FROM u"),
        "WITH c AS (SELECT k, count(DISTINCT a) AS x, count(DISTINCT b) AS y FROM t GROUP BY k)
         SELECT l.k, l.x, r.y FROM c l JOIN c r ON l.x = r.x"
            .into(),
        "SELECT count(DISTINCT x), count(DISTINCT y), count(*) FROM
         (SELECT k, count(DISTINCT a) AS x, count(DISTINCT b) AS y FROM t GROUP BY k)"
            .into(),
        "SELECT count(DISTINCT a) AS x, count(DISTINCT b) AS y FROM t UNION ALL
         SELECT count(DISTINCT b), count(DISTINCT a) FROM u"
            .into(),
        "SELECT k, count(DISTINCT a) AS x, count(DISTINCT b) AS y FROM t GROUP BY k ORDER BY x DESC, k LIMIT 2".into(),
    ] {
        for threads in [1, 2, 3] {
            let stock = answer(&session(mode(None, threads), &tables), &sql).await.unwrap();
            let context = session(mode(Some(RewriteOptions::first()), threads), &tables);
            assert_eq!(answer(&context, &sql).await.unwrap(), stock, "{sql}");
            assert!(plan(&context, &sql).await.contains("TeeExec"), "{sql}");
        }
    }
}

/// An error in the input is the task's error, not the end of the rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_come_through() {
    let tables = [("t", numbers((0..9).map(|at| vec![Some(at), None, Some(at * 2)]).collect()))];
    let context = session(mode(Some(RewriteOptions::first()), 2), &tables);
    let sql = "SELECT count(DISTINCT x), count(DISTINCT 100 / (x - x)), count(*) FROM t";
    let error = answer(&context, sql).await.unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    // A stream that is dropped at once leaves nothing behind that waits.
    drop(datafusion::physical_plan::execute_stream(Arc::clone(&plan), context.task_ctx()).unwrap());
}

/// Keys and, after them, an order that leaves no choice. DataFusion 55.2 panics where one column is in it twice.
const KEYS_AND_REST: [(&str, &str); 7] = [
    ("k", "b DESC NULLS LAST, a, f, n, l, s"),
    ("n", "b DESC NULLS LAST, a, f, k, l, s"),
    ("k, n", "b DESC NULLS LAST, a, f, l, s"),
    ("upper(k)", "b DESC NULLS LAST, a, f, k, n, l, s"),
    ("n + 1, k", "b DESC NULLS LAST, a, f, n, l, s"),
    ("b, k", "a DESC NULLS LAST, f, n, l, s"),
    ("s", "b DESC NULLS LAST, a, f, k, n, l"),
];

/// With an order that leaves no choice, the rows are those of DataFusion's own plan.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distinct_on_takes_whole_rows() {
    let mut refused = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let rows = [3, 80, 400][random.below(3)];
        let tables = [("t", table(&mut random, rows))];
        let stock = session(Mode { rewrites: None, threads: 2, pool: None }, &tables);
        let (key, rest) = KEYS_AND_REST[random.below(KEYS_AND_REST.len())];
        let what = random.pick(&["*", "a, b", "b + 1 AS c, upper(a) AS u, l", "t.k, f, b"]);
        let order = format!("ORDER BY {key}, {rest}");
        let ordered = format!("SELECT DISTINCT ON ({key}) {what} FROM t {order}");
        let inside =
            format!("SELECT count(*), max(b) FROM (SELECT DISTINCT ON ({key}) * FROM t {order}) x WHERE n = 1");
        for sql in [&ordered, &inside] {
            let expected = answer(&stock, sql).await.unwrap();
            for (threads, pool) in [(1, None), (3, None), (2, Some(400 << 10))] {
                let mode = Mode { rewrites: Some(RewriteOptions::first()), threads, pool };
                match answer(&session(mode, &tables), sql).await {
                    Ok(ours) => assert_eq!(ours, expected, "seed {seed}, {sql}, {mode:?}"),
                    Err(error) => {
                        assert!(is_refusal(&error), "{sql}: {error}");
                        refused += 1;
                    }
                }
            }
        }
        let context = session(Mode { rewrites: Some(RewriteOptions::first()), threads: 2, pool: None }, &tables);
        let some = answer(&context, &format!("SELECT DISTINCT ON ({key}) * FROM t")).await.unwrap();
        let all = answer(&context, "SELECT * FROM t").await.unwrap();
        let keys = answer(&context, &format!("SELECT DISTINCT {key} FROM t")).await.unwrap();
        assert_eq!(some.len(), keys.len(), "seed {seed}, {key}");
        assert!(some.iter().all(|row| all.contains(row)), "seed {seed}, {key}");
    }
    assert!(refused < 30, "{refused} were refused");
}

/// What is asked of keys alone is asked before; anything else after, when there is one row for each key.
#[tokio::test]
async fn distinct_on_lets_filters_of_keys_pass() {
    let tables = [("t", table(&mut Random::new(5), 300))];
    let context = session(Mode { rewrites: Some(RewriteOptions::first()), threads: 2, pool: None }, &tables);
    let sql = "SELECT k, b FROM (SELECT DISTINCT ON (k, upper(a)) * FROM t) x WHERE k = 'v1' AND b > 3";
    let plan = plan(&context, sql).await;
    let place = |what: &str| plan.find(what).unwrap_or_else(|| panic!("no {what} in {plan}"));
    let (above, operator, below) = (place("FilterExec: b"), place("DistinctOnExec"), place("FilterExec: k"));
    assert!(above < operator && operator < below, "{plan}");
    assert!(!plan.contains("n@"), "columns that nobody wants are not carried: {plan}");
    let count = |sql: &'static str| {
        let context = &context;
        async move { answer(context, sql).await.unwrap()[1].clone() }
    };
    assert_eq!(
        count("SELECT count(*) FROM (SELECT DISTINCT ON (k, upper(a)) * FROM t) x WHERE k = 'v1'").await,
        count("SELECT count(*) FROM (SELECT DISTINCT k, a FROM t WHERE k = 'v1')").await,
    );
    let twice = "SELECT DISTINCT ON (x.k) x.n, y.k FROM t x JOIN t y ON x.b = y.b";
    let keys = "SELECT DISTINCT x.k FROM t x JOIN t y ON x.b = y.b";
    assert_eq!(answer(&context, twice).await.unwrap().len(), answer(&context, keys).await.unwrap().len());
}

/// Subqueries that look outside are left to DataFusion.
#[tokio::test]
async fn distinct_on_in_correlated_subqueries() {
    let tables = [("t", table(&mut Random::new(21), 60)), ("u", table(&mut Random::new(22), 200))];
    let ours = session(Mode { rewrites: Some(RewriteOptions::first()), threads: 2, pool: None }, &tables);
    let stock = session(Mode { rewrites: None, threads: 2, pool: None }, &tables);
    for sql in [
        "SELECT * FROM t WHERE EXISTS (SELECT DISTINCT ON (u.k) u.n FROM u WHERE u.k = t.k AND u.b > 15)",
        "SELECT * FROM t WHERE t.n IN (SELECT DISTINCT ON (u.k) max(u.n) FROM u GROUP BY u.k)",
    ] {
        assert_eq!(answer(&ours, sql).await.unwrap(), answer(&stock, sql).await.unwrap(), "{sql}");
    }
}

/// A join that would read it twice would get other rows the second time.
#[tokio::test]
async fn distinct_on_is_read_once() {
    let tables = [("t", table(&mut Random::new(23), 60))];
    let context = session(Mode { rewrites: Some(RewriteOptions::all()), threads: 2, pool: None }, &tables);
    let join = |right: &str| format!("SELECT * FROM t x FULL JOIN ({right}) y ON x.b < y.b");
    let one = plan(&context, &join("SELECT DISTINCT ON (k) * FROM t")).await;
    assert_eq!(one.matches("DistinctOnExec").count(), 1, "{one}");
    let two = plan(&context, &join("SELECT * FROM t WHERE n = 1")).await;
    assert_eq!(two.matches("NestedLoopJoinExec").count(), 2, "{two}");
}
