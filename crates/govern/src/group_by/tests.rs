//! Compared with DataFusion's own operator, over random rows and in any amount of memory.

use super::{SpillingGroupByExec, spilling_group_bys};
use crate::{
    aggregates::{array_agg, order_free},
    testing::{Tight, batches, plan, schema, session},
};
use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array, Int64Array, RecordBatch},
        util::display::array_value_to_string,
    },
    common::DataFusionError,
    execution::memory_pool::MemoryPool,
    physical_plan::{ExecutionPlan, aggregates::AggregateExec, collect, displayable},
    prelude::SessionContext,
};
use futures::StreamExt;
use std::sync::Arc;

/// States of one number, of several, and of a text; kept by DataFusion for groups together or for each by itself.
const SMALL: &str = "count(*), count(v), sum(v), avg(f), min(s), max(t), stddev(f), bool_and(v > 3), \
    sum(v) FILTER (WHERE f > 0), first_value(s ORDER BY id), last_value(v ORDER BY id DESC)";

/// States that grow with their groups.
const LARGE: &str = "count(*), count(DISTINCT t), median(v), percentile_cont(0.3) WITHIN GROUP (ORDER BY f), \
    array_agg(id ORDER BY id), string_agg(s, ',' ORDER BY id), min(s), array_sort(array_agg(id)), \
    array_agg(v ORDER BY t DESC, id DESC), last_value(f > 0 ORDER BY id)";

const KEYS: [&str; 20] = [
    "g",
    "s",
    "id",
    "f",
    "g, s",
    "v > 50, t",
    "s, f, t",
    "id % 2 = 0",
    "arrow_cast(s, 'Utf8View')",
    "arrow_cast(s, 'Dictionary(Int32, Utf8)'), t",
    "make_array(t, v)",
    "arrow_cast(v, 'Decimal128(10, 2)')",
    "arrow_cast(id, 'Timestamp(Second, None)')",
    "GROUPING SETS ((g), (s), ())",
    "ROLLUP (g, s)",
    "CUBE (t, s)",
    "struct(g, s)",
    // Most of them begin with what is missing, which no hash tells apart.
    "CASE WHEN id % 50 = 0 THEN g END, id",
    "struct(CASE WHEN id % 50 = 0 THEN g END, id)",
    "CASE WHEN id % 50 = 0 THEN s END, arrow_cast(id, 'Timestamp(Second, None)')",
];

/// What a test asks of, and how.
#[derive(Clone, Copy, Debug)]
struct Way {
    batch_rows: usize,
    threads: usize,
    most: usize,
    /// What the pool says that it has.
    limit: usize,
}

const PLENTY: usize = usize::MAX / 2;

fn tight(most: usize) -> Tight {
    Tight::new([("SpillingGroupBy[", most), ("SpillingGroupByOverflow[", PLENTY)])
}

fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let cells = |batch: &RecordBatch, row| -> String {
        let cell = |column: &ArrayRef| format!("{:?}", array_value_to_string(column, row).unwrap());
        batch.columns().iter().map(cell).collect::<Vec<_>>().join(" | ")
    };
    let mut rows: Vec<_> =
        batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| cells(batch, row))).collect();
    rows.sort_unstable();
    rows
}

fn nodes<T: ExecutionPlan>(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    let below = plan.children().into_iter().flat_map(nodes::<T>);
    below.chain(plan.is::<T>().then(|| Arc::clone(plan))).collect()
}

fn with_functions(session: SessionContext) -> SessionContext {
    for function in order_free().into_iter().chain([array_agg()]) {
        session.register_udaf(function);
    }
    session
}

/// Demands the same rows, and returns how many went to disk.
async fn compare(sql: &str, batches: &[RecordBatch], way: Way) -> usize {
    let stock = with_functions(session(batches.to_vec(), 8192, 1, None));
    let expected = rows(&collect(plan(&stock, sql).await, stock.task_ctx()).await.unwrap());
    let pool = Arc::new(tight(way.most).with_limit(way.limit));
    let ours = with_functions(session(batches.to_vec(), way.batch_rows, way.threads, Some(Arc::clone(&pool))));
    let before = plan(&ours, sql).await;
    let rewritten = spilling_group_bys(Arc::clone(&before)).unwrap();
    assert_eq!(rewritten.schema(), before.schema(), "{sql}");
    let group_bys = nodes::<SpillingGroupByExec>(&rewritten);
    assert!(!group_bys.is_empty(), "{sql}: {}", displayable(rewritten.as_ref()).indent(false));
    let got = collect(Arc::clone(&rewritten), ours.task_ctx()).await.unwrap();
    assert!(got.iter().all(|batch| batch.num_rows() <= way.batch_rows), "{sql}: {way:?}");
    assert_eq!(rows(&got), expected, "{sql}: {way:?}");
    let spilled = group_bys.iter().map(|node| node.metrics().unwrap().spilled_rows().unwrap_or_default()).sum();
    // A hash join keeps its table for as long as there is a plan.
    drop((before, rewritten, group_bys));
    assert_eq!(pool.reserved(), 0, "{sql}: {way:?}: what was held is given back");
    spilled
}

fn queries() -> impl Iterator<Item = (&'static str, String)> {
    let query = |keys: &'static str, functions| {
        let columns = if keys.contains("((") || keys.contains(" (") { String::new() } else { format!("{keys}, ") };
        (keys, format!("SELECT {columns}{functions} FROM rows GROUP BY {keys}"))
    };
    KEYS.into_iter().flat_map(move |keys| [query(keys, SMALL), query(keys, LARGE)])
}

#[tokio::test]
async fn answers_are_those_of_datafusion_in_memory() {
    for (seed, count, batch_rows, threads, limit) in [
        (1, 3000, 8192, 1, PLENTY),
        (2, 2000, 64, 3, 0),
        (3, 1, 7, 1, 0),
        (4, 40, 1, 2, PLENTY),
        (5, 4000, 256, 1, 600_000),
    ] {
        let batches = batches(seed, count);
        for (_, sql) in queries() {
            assert_eq!(compare(&sql, &batches, Way { batch_rows, threads, most: PLENTY, limit }).await, 0);
        }
    }
}

#[tokio::test]
async fn answers_are_those_of_datafusion_from_disk() {
    for (seed, batch_rows, threads, most, limit) in
        [(6, 64, 1, 0, 0), (7, 256, 3, 0, PLENTY), (8, 16, 1, 700_000, PLENTY), (9, 8192, 2, 0, 2_000_000)]
    {
        let batches = batches(seed, 4000);
        for (keys, sql) in queries() {
            // Lists in order are merged in steps as long as they are; those of few groups need more than there is.
            let (lists, many) = (sql.contains(LARGE), keys == "s, f, t" || keys.contains("id") && keys != "id % 2 = 0");
            let way = match (lists, many) {
                (false, _) => Way { batch_rows, threads, most, limit },
                (true, true) => Way { batch_rows: 512, threads, most: most.max(1_000_000), limit },
                (true, false) => Way { batch_rows: 512, threads, most: PLENTY, limit },
            };
            let spilled = compare(&sql, &batches, way).await;
            assert!(spilled > 0 || !many || most > 0, "{sql}: nothing was spilled");
        }
    }
}

#[tokio::test]
async fn no_rows_are_no_groups() {
    for rows in [vec![], vec![RecordBatch::new_empty(schema())]] {
        for (_, sql) in queries() {
            compare(&sql, &rows, Way { batch_rows: 64, threads: 2, most: 0, limit: 0 }).await;
        }
    }
}

/// Functions that DataFusion has told of the order of their rows, or turned round for it.
#[tokio::test]
async fn rows_in_order_give_the_same_answers() {
    let each = [
        "array_agg(id ORDER BY t, id)",
        "array_agg(v ORDER BY t DESC, id DESC)",
        "first_value(s ORDER BY t, id)",
        "last_value(f > 0 ORDER BY t DESC, id DESC)",
        "string_agg(s, ',' ORDER BY t DESC, id DESC)",
    ];
    let all = each.join(", ");
    for order in ["t, id", "t DESC, id DESC", "id"] {
        for functions in each.into_iter().chain([all.as_str()]) {
            let sql = format!(
                "SELECT id % 300, {functions} FROM (SELECT * FROM rows ORDER BY {order} LIMIT 5000) GROUP BY 1"
            );
            for (threads, most) in [(1, PLENTY), (1, 600_000), (3, 600_000)] {
                compare(&sql, &batches(14, 5000), Way { batch_rows: 256, threads, most, limit: most }).await;
            }
        }
    }
}

/// Rows of groups that are in memory stay there, and no row goes to disk more than a few times.
#[tokio::test]
async fn only_what_does_not_fit_goes_to_disk() {
    let (batches, groups) = (batches(8, 60_000), 20_000);
    let sql = format!("SELECT id % {groups}, count(*), sum(v), min(s) FROM rows GROUP BY 1");
    let whole = Way { batch_rows: 512, threads: 1, most: PLENTY, limit: PLENTY };
    assert_eq!(compare(&sql, &batches, whole).await, 0);
    let most = 1_200_000;
    let spilled = compare(&sql, &batches, Way { most, limit: most, ..whole }).await;
    assert!((1..groups / 2).contains(&spilled), "{spilled} rows");
    let least = compare(&sql, &batches, Way { most: 0, limit: 0, ..whole }).await;
    assert!((spilled..2 * groups).contains(&least), "{least} rows");
}

/// What is above knows by which keys rows are divided.
#[tokio::test]
async fn groups_stay_in_their_partitions() {
    let sql = "SELECT * FROM (SELECT g, count(*) AS n FROM rows GROUP BY g) AS a \
        JOIN (SELECT t, sum(v) AS b FROM rows GROUP BY t) AS b ON a.g = b.t";
    for most in [PLENTY, 0] {
        compare(sql, &batches(9, 5000), Way { batch_rows: 64, threads: 3, most, limit: most }).await;
    }
}

#[tokio::test]
async fn zeros_of_both_signs_are_one_group() {
    let values = Float64Array::from_iter_values((0..4000).map(|row| [0.0, -0.0, 1.0, f64::NAN][row % 4]));
    let ids = Int64Array::from_iter_values(0..4000);
    let batch = RecordBatch::try_from_iter([("f", Arc::new(values) as _), ("id", Arc::new(ids) as _)]).unwrap();
    for most in [PLENTY, 0] {
        let pool = Arc::new(tight(most));
        let session = session(vec![], 64, 2, Some(pool));
        session.register_batch("t", batch.clone()).unwrap();
        for (sql, groups) in
            [("SELECT f, count(*) FROM t GROUP BY f", 3), ("SELECT id / 8, f, count(*) FROM t GROUP BY 1, 2", 1500)]
        {
            let rewritten = spilling_group_bys(plan(&session, sql).await).unwrap();
            let got = collect(rewritten, session.task_ctx()).await.unwrap();
            assert_eq!(rows(&got).len(), groups, "{sql}");
        }
    }
}

/// One group that is larger than what may be had ends the task; nothing is held after it.
#[tokio::test]
async fn a_group_that_does_not_fit_is_refused_by_name() {
    let pool = Arc::new(tight(400_000));
    let session = session(batches(10, 80_000), 1024, 1, Some(Arc::clone(&pool)));
    let sql = "SELECT id < 79000, array_agg(id) FROM rows GROUP BY 1";
    let rewritten = spilling_group_bys(plan(&session, sql).await).unwrap();
    let error = collect(rewritten, session.task_ctx()).await.unwrap_err();
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
    assert!(error.to_string().contains("for SpillingGroupBy[0]"), "{error}");
    assert!(pool.refusals() > 0 && pool.reserved() == 0);
}

#[tokio::test]
async fn an_error_of_the_input_is_handed_on() {
    let pool = Arc::new(tight(0));
    let session = session(batches(11, 9000), 64, 1, Some(Arc::clone(&pool)));
    let sql = "SELECT id, sum(1 / (id - 8900)) FROM rows GROUP BY id";
    let rewritten = spilling_group_bys(plan(&session, sql).await).unwrap();
    let error = collect(rewritten, session.task_ctx()).await.unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
    assert_eq!(pool.reserved(), 0);
}

#[tokio::test]
async fn a_dropped_stream_gives_back_what_it_held() {
    for most in [PLENTY, 0] {
        let pool = Arc::new(tight(most));
        let session = session(batches(12, 9000), 64, 1, Some(Arc::clone(&pool)));
        let rewritten = spilling_group_bys(plan(&session, "SELECT id, min(s) FROM rows GROUP BY id").await).unwrap();
        let mut stream = rewritten.execute(0, session.task_ctx()).unwrap();
        assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
        assert!(pool.reserved() > 0);
        drop(stream);
        assert_eq!(pool.reserved(), 0);
    }
}

/// Groups that come in order, limits, and aggregates without groups have operators that hold less.
#[tokio::test]
async fn other_aggregates_stay_as_they_are() {
    let session = session(batches(13, 500), 64, 2, None);
    for sql in [
        "SELECT count(*), sum(v) FROM rows",
        "SELECT DISTINCT s FROM rows LIMIT 3",
        "SELECT DISTINCT s FROM rows ORDER BY s LIMIT 3",
        "SELECT DISTINCT s FROM rows LIMIT 1000000",
        "SELECT id, count(*) FROM (SELECT * FROM rows ORDER BY id LIMIT 100) GROUP BY id",
        "SELECT id, t, count(*) FROM (SELECT * FROM rows ORDER BY id LIMIT 100) GROUP BY id, t",
    ] {
        let before = plan(&session, sql).await;
        let shown = |plan: &Arc<dyn ExecutionPlan>| displayable(plan.as_ref()).indent(false).to_string();
        let expected = shown(&before);
        assert!(!nodes::<AggregateExec>(&before).is_empty());
        assert_eq!(shown(&spilling_group_bys(before).unwrap()), expected);
    }
    // The first groups of many are as good as all.
    let sql = "SELECT DISTINCT s FROM rows ORDER BY s LIMIT 1000000";
    compare(sql, &batches(13, 500), Way { batch_rows: 64, threads: 2, most: 0, limit: 0 }).await;
    // A key that a filter makes constant is no order.
    compare(
        "SELECT t, s, count(*) FROM rows WHERE t = 5 GROUP BY t, s",
        &batches(13, 500),
        Way { batch_rows: 64, threads: 2, most: 0, limit: 0 },
    )
    .await;
}
