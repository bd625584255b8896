//! Joins that were rewritten give DataFusion's answers, also when memory is short.

use crate::tables::{Mode, Random, answer, is_refusal, numbers, plan, session, table};
use datafusion::datasource::MemTable;
use std::sync::Arc;
use tidegate_govern::RewriteOptions;

fn all(threads: usize, pool: Option<usize>) -> Mode {
    Mode { rewrites: Some(RewriteOptions::all()), threads, pool }
}

fn stock(threads: usize) -> Mode {
    Mode { rewrites: None, threads, pool: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_in_knows_nulls() {
    let mut rewritten = 0;
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let rows = [0, 3, 200][random.below(3)];
        let tables = [("t", table(&mut random, rows)), ("u", table(&mut random, 40))];
        let key = random.pick(&["a", "b", "k", "b + 1", "upper(a)", "f"]);
        let of = random.pick(&[
            "u",
            "u WHERE b > 3",
            "u WHERE a IS NOT NULL AND b IS NOT NULL AND k IS NOT NULL AND f IS NOT NULL",
            "u WHERE false",
        ]);
        let sql = format!("SELECT k, a, b FROM t WHERE {key} NOT IN (SELECT {key} FROM {of})");
        let threads = 1 + random.below(3);
        let expected = answer(&session(stock(threads), &tables), &sql).await.unwrap();
        for pool in [None, Some(600 << 10)] {
            let context = session(all(threads, pool), &tables);
            match answer(&context, &sql).await {
                Ok(ours) => assert_eq!(ours, expected, "seed {seed}, {sql}, {threads} threads"),
                Err(error) => assert!(pool.is_some() && is_refusal(&error), "seed {seed}, {sql}: {error}"),
            }
            let plan = plan(&context, &sql).await;
            rewritten += usize::from(plan.contains("NotInExec"));
            assert!(key == "f" || !plan.contains("null_aware"), "{plan}");
        }
    }
    assert!(rewritten > 150, "only {rewritten} plans were rewritten");
}

#[tokio::test]
async fn cross_joins_become_nested_loops() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let tables = [("t", table(&mut random, 60)), ("u", table(&mut random, 30))];
        let sql = "SELECT t.a, u.b, t.s FROM t CROSS JOIN u";
        let expected = answer(&session(stock(2), &tables), sql).await.unwrap();
        for pool in [None, Some(64 << 10)] {
            let context = session(all(2, pool), &tables);
            assert_eq!(answer(&context, sql).await.unwrap(), expected, "seed {seed}");
            let plan = plan(&context, sql).await;
            assert!(plan.contains("NestedLoopJoinExec") && !plan.contains("CrossJoinExec"), "{plan}");
        }
    }
}

/// Asks for a nested loop join of every type in a pool of every size from one that fits everything to one that fits nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_loops_are_right_when_they_spill() {
    let kinds = [
        "SELECT t.a, t.b, u.b FROM t JOIN u ON t.b > u.b",
        "SELECT t.a, t.b, u.b FROM t LEFT JOIN u ON t.b > u.b + 18",
        "SELECT t.a, t.b, u.b FROM t RIGHT JOIN u ON t.b > u.b + 18",
        "SELECT t.a, t.b, u.b FROM t FULL JOIN u ON t.b > u.b + 17",
        "SELECT t.a, t.b FROM t WHERE EXISTS (SELECT 1 FROM u WHERE t.b > u.b + 17)",
        "SELECT t.a, t.b FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE t.b > u.b + 1)",
        "SELECT t.a, t.b FROM t WHERE t.n = 1 OR EXISTS (SELECT 1 FROM u WHERE t.b > u.b + 17)",
    ];
    let (mut answered, mut refused) = (0, 0);
    for (seed, sql) in (0..4).flat_map(|seed| kinds.map(|sql| (seed, sql))) {
        let mut random = Random::new(seed);
        let tables = [("t", table(&mut random, 400)), ("u", table(&mut random, 200))];
        let expected = answer(&session(stock(2), &tables), sql).await.unwrap();
        for (threads, pool) in
            [(1, None), (3, None)].into_iter().chain((2..16).map(|at| (1 + at % 3, Some(at * at * 512))))
        {
            for rewrites in [RewriteOptions::first(), RewriteOptions::all()] {
                let mode = Mode { rewrites: Some(rewrites), threads, pool };
                match answer(&session(mode, &tables), sql).await {
                    Ok(ours) => {
                        assert_eq!(ours, expected, "seed {seed}, {sql}, {mode:?}");
                        answered += 1;
                    }
                    Err(error) => {
                        assert!(is_refusal(&error), "{sql}, {mode:?}: {error}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(answered > refused, "{answered} answered, {refused} refused");
}

/// A plan that may do without operators that do not spill answers it in any memory, DataFusion's own does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_joins_without_an_equality_are_two_joins() {
    let mut random = Random::new(21);
    let tables = [("t", table(&mut random, 900)), ("u", table(&mut random, 300))];
    for (sql, apart) in [
        ("SELECT t.a, t.b, u.b, u.k FROM t FULL JOIN u ON t.b > u.b + 17", true),
        ("SELECT x.b, u.k FROM (SELECT b FROM t WHERE n = 1) x FULL JOIN u ON x.b < u.b AND u.n = 2", true),
        ("SELECT count(*), sum(t.b), max(u.b) FROM t FULL JOIN u ON t.b * 2 = u.b * 3 + t.n", true),
        ("SELECT count(*) FROM t FULL JOIN u ON random() < 0.5 AND t.b > u.b", false),
    ] {
        let expected = answer(&session(stock(2), &tables), sql).await.unwrap();
        for pool in [None, apart.then_some(24 << 10)] {
            let context = session(all(2, pool), &tables);
            let ours = answer(&context, sql).await.unwrap();
            assert!(!apart || ours == expected, "{sql}, {pool:?}");
        }
        let plan = plan(&session(all(2, None), &tables), sql).await;
        assert_eq!(plan.contains("join_type=Full"), !apart, "{sql}: {plan}");
    }
}

/// In DataFusion 55.2, rows of the right side without a partner get lost if the last batch of the left side is the one that
/// does not fit. Should this fail, the guard is not needed any more.
#[tokio::test]
async fn why_joins_of_the_right_side_are_guarded() {
    let left: Vec<Vec<Option<i64>>> = (0..8).map(|at| (0..64).map(|row| Some(at * 64 + row)).collect()).collect();
    let tables: [(&str, Arc<MemTable>); 2] = [("t", numbers(left)), ("u", numbers(vec![vec![Some(-1), Some(5)]; 200]))];
    let sql = "SELECT t.x, u.x FROM t RIGHT JOIN u ON t.x < u.x";
    let expected = answer(&session(stock(1), &tables), sql).await.unwrap();
    let mut wrong = 0;
    for pool in (0..80).map(|at| 1024 + at * 64) {
        let mode = Mode { pool: Some(pool), ..stock(1) };
        if let Ok(theirs) = answer(&session(mode, &tables), sql).await {
            wrong += usize::from(theirs != expected);
        }
        let mode = all(1, Some(pool));
        match answer(&session(mode, &tables), sql).await {
            Ok(ours) => assert_eq!(ours, expected, "{pool}"),
            Err(error) => assert!(is_refusal(&error), "{error}"),
        }
    }
    assert!(wrong > 0, "DataFusion's own answers were right");
}

/// With one thread DataFusion plans a hash join, which compares all types.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_sorted_semi_joins_cannot_compare_become_numbers() {
    let kinds = ["Timestamp(Microsecond, Some(\"UTC\"))", "Duration(Millisecond)", "Time64(Nanosecond)"];
    let mut rewritten = 0;
    for (seed, kind) in (0..10).flat_map(|seed| kinds.map(|kind| (seed, kind))) {
        let mut random = Random::new(seed);
        let tables = [("t", table(&mut random, 60)), ("u", table(&mut random, 30))];
        let join = random.pick(&["LEFT SEMI", "LEFT ANTI"]);
        let of = |table: &str| format!("(SELECT a, arrow_cast(b, '{kind}') AS key FROM {table})");
        let sql =
            format!("SELECT t.a, t.key FROM {} t {join} JOIN {} u ON t.key = u.key AND t.a = u.a", of("t"), of("u"));
        let expected = answer(&session(stock(1), &tables), &sql).await.unwrap();
        let context = session(all(3, None), &tables);
        assert_eq!(answer(&context, &sql).await.unwrap(), expected, "seed {seed}, {sql}");
        rewritten += usize::from(plan(&context, &sql).await.contains("SortMergeJoinExec"));
    }
    assert!(rewritten > 15, "only {rewritten} plans had a sort-merge join");
}

/// Each kind of join that asks whether there is a partner, with keys that repeat, nulls and conditions beside the keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_repeat_are_dropped_where_only_one_counts() {
    let kinds = [
        "SELECT t.a, t.b FROM t WHERE EXISTS (SELECT 1 FROM u WHERE t.KEY = u.KEY)",
        "SELECT t.a, t.b FROM t WHERE NOT EXISTS (SELECT * FROM u WHERE t.KEY = u.KEY AND t.b > u.b)",
        "SELECT t.a, t.b FROM t WHERE t.KEY IN (SELECT KEY FROM u WHERE n = 1)",
        "SELECT t.a, t.b FROM t WHERE t.KEY NOT IN (SELECT KEY FROM u WHERE KEY IS NOT NULL)",
        "SELECT t.a, t.b FROM t WHERE t.n = 1 OR EXISTS (SELECT 1 FROM u WHERE t.KEY = u.KEY AND t.n <> u.n)",
        "SELECT u.a, u.b FROM t RIGHT SEMI JOIN u ON t.KEY = u.KEY",
        "SELECT u.a, u.b FROM t RIGHT ANTI JOIN u ON t.KEY = u.KEY AND t.n < u.n",
        "SELECT t.a, t.b FROM t WHERE EXISTS (SELECT 1 FROM u WHERE t.b > u.b)",
        "SELECT KEY, n FROM t INTERSECT ALL SELECT KEY, n FROM u",
        "SELECT t.a, t.b FROM t LEFT ANTI JOIN u ON t.KEY = u.KEY AND array_length(t.l) < array_length(u.l)",
    ];
    for (seed, sql) in (0..12).flat_map(|seed| kinds.map(|sql| (seed, sql))) {
        let mut random = Random::new(seed);
        let tables = [("t", table(&mut random, 300)), ("u", table(&mut random, 300))];
        let sql = sql.replace("KEY", random.pick(&["a", "b", "k", "f"]));
        let expected = answer(&session(stock(2), &tables), &sql).await.unwrap();
        for (threads, pool) in [(1, None), (3, None), (1, Some(900 << 10)), (2, Some(300 << 10))] {
            for rewrites in [RewriteOptions::first(), RewriteOptions::all()] {
                let mode = Mode { rewrites: Some(rewrites), threads, pool };
                let context = session(mode, &tables);
                match answer(&context, &sql).await {
                    Ok(ours) => assert_eq!(ours, expected, "seed {seed}, {sql}, {mode:?}"),
                    Err(error) => assert!(pool.is_some() && is_refusal(&error), "{sql}, {mode:?}: {error}"),
                }
                let plan = plan(&context, &sql).await;
                assert!(plan.contains("DropRecentExec"), "{sql}, {mode:?}: {plan}");
            }
        }
    }
}

#[tokio::test]
async fn of_rows_that_repeat_each_is_passed_on_once() {
    let values = |rows: i64| -> Vec<Vec<Value>> {
        (0..50).map(|_| (0..rows).map(|row| (row % 7 > 0).then_some(row % 7)).collect()).collect()
    };
    let tables = [("t", numbers(values(20))), ("u", numbers(values(20)))];
    let mode = Mode { rewrites: Some(RewriteOptions::first()), ..stock(1) };
    let sql = "EXPLAIN ANALYZE SELECT x FROM t WHERE x NOT IN (SELECT x FROM u)";
    let analyzed = answer(&session(mode, &tables), sql).await.unwrap().join("\n");
    let dropped = analyzed.lines().find(|line| line.contains("DropRecentExec")).unwrap();
    assert!(dropped.contains("output_rows=7,"), "{dropped}");
}

type Value = Option<i64>;

/// Returns `x NOT IN of` for what SQL knows: true, false or unknown.
fn not_in(x: Value, of: impl IntoIterator<Item = Value>) -> Option<bool> {
    let mut known = Some(true);
    for y in of {
        match x.and_then(|x| Some(x == y?)) {
            Some(true) => return Some(false),
            Some(false) => {}
            None => known = None,
        }
    }
    known
}

fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    if left == Some(true) || right == Some(true) { Some(true) } else { Some(left? || right?) }
}

/// Each way to use `NOT IN` beside what it is for a value of `t` and the values of `u`.
type Use = (&'static str, fn(Value, &[Value]) -> Option<bool>);
const USES: [Use; 8] = [
    ("x NOT IN (SELECT x FROM u)", |x, u| not_in(x, u.to_vec())),
    ("NOT x IN (SELECT x FROM u) AND x > 0", |x, u| {
        or(not_in(x, u.to_vec()).map(|is| !is), x.map(|x| x <= 0)).map(|is| !is)
    }),
    ("3 NOT IN (SELECT x FROM u)", |_, u| not_in(Some(3), u.to_vec())),
    ("3 NOT IN (SELECT x FROM u WHERE u.x = t.x)", |x, u| {
        not_in(Some(3), u.iter().copied().filter(|y| y.is_some() && *y == x))
    }),
    ("x NOT IN (SELECT u.x + 1 FROM u WHERE u.x > t.x OR u.x IS NULL)", |x, u| {
        let more = u.iter().copied().filter(|y| y.is_none_or(|y| x.is_some_and(|x| y > x)));
        not_in(x, more.map(|y| y.map(|y| y + 1)))
    }),
    ("x NOT IN (SELECT x FROM u) OR x = 1", |x, u| or(not_in(x, u.to_vec()), x.map(|x| x == 1))),
    ("NOT (x IN (SELECT x FROM u) AND x < 3)", |x, u| or(not_in(x, u.to_vec()), x.map(|x| x >= 3))),
    ("x IN (SELECT x FROM u) OR x IS NULL", |x, u| or(not_in(x, u.to_vec()).map(|is| !is), Some(x.is_none()))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_in_is_right_wherever_it_stands() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let nulls = random.one_in(2);
        let mut values = |count: usize, nulls: bool| -> Vec<Value> {
            let value = |random: &mut Random| i64::try_from(random.below(7)).unwrap();
            (0..count).map(|_| (!nulls || !random.one_in(5)).then(|| value(&mut random))).collect()
        };
        let (t, u) = (values(12, true), values(if seed % 5 == 0 { 0 } else { 4 }, nulls));
        let tables = [("t", numbers(vec![t.clone()])), ("u", numbers(vec![u.clone()]))];
        for (condition, holds) in USES {
            let mut expected: Vec<_> = t.iter().filter(|x| holds(**x, &u) == Some(true)).collect();
            expected.sort();
            let expected: Vec<_> = expected.iter().map(|x| x.map_or(String::new(), |x| x.to_string())).collect();
            for mode in [all(2, None), Mode { rewrites: Some(RewriteOptions::first()), ..stock(1) }] {
                let context = session(mode, &tables);
                let sql = format!("SELECT x FROM t WHERE {condition}");
                let ours = answer(&context, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
                assert_eq!(
                    ours[1..],
                    expected,
                    "seed {seed}, {sql}, of {t:?} and {u:?}\n{}",
                    plan(&context, &sql).await
                );
            }
        }
    }
}

#[tokio::test]
async fn unknown_is_not_taken_for_false() {
    let tables = [("t", numbers(vec![vec![Some(1), None]])), ("u", numbers(vec![vec![Some(2), None]]))];
    let context = session(all(1, None), &tables);
    for condition in ["(x IN (SELECT x FROM u)) IS NULL", "(x NOT IN (SELECT x FROM u)) = (x > 0)"] {
        let error = answer(&context, &format!("SELECT x FROM t WHERE {condition}")).await.unwrap_err();
        assert!(error.to_string().contains("use `NOT EXISTS`"), "{error}");
    }
}
