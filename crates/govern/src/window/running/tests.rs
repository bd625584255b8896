//! Compared with DataFusion's own operator, over random rows.

use crate::{
    testing::{Tight, batches, plan, schema, session},
    window::{
        SpillingWindowExec, spilling_windows,
        tests::{answer, compare, spills, tight},
    },
};
use datafusion::{
    arrow::array::RecordBatch,
    common::DataFusionError,
    physical_plan::{ExecutionPlan, InputOrderMode, displayable, windows::BoundedWindowAggExec},
};
use std::sync::Arc;

/// Of small and of large state, with and without a filter.
const FUNCTIONS: &str = "sum(v) OVER w, count(*) OVER w, avg(f) OVER w, min(s) OVER w, max(t) OVER w, count(v) OVER w, \
    sum(v) FILTER (WHERE f > 0) OVER w, count(*) FILTER (WHERE s IS NULL) OVER w, count(DISTINCT v) OVER w, median(v) OVER w";

/// Values by their place, beside a running total.
const EDGES: &str = "first_value(s) OVER w, last_value(t) OVER w, nth_value(v, 3) OVER w, nth_value(s, -2) OVER w, \
    nth_value(v, 0) OVER w, first_value(s) IGNORE NULLS OVER w, last_value(v) IGNORE NULLS OVER w, \
    nth_value(s, 2) IGNORE NULLS OVER w, nth_value(v, -3) IGNORE NULLS OVER w, nth_value(v, 1024) OVER w, max(v) OVER w";

/// Functions of our node and of DataFusion's in turns.
const MIXED: &str = "row_number() OVER w, sum(v) OVER w, max(s) OVER w, rank() OVER w, lag(v) OVER w, count(*) OVER w, \
    avg(f) OVER (w ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), last_value(v) IGNORE NULLS OVER \
    (w ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), lag(v, 2) IGNORE NULLS OVER w, max(t) FILTER (WHERE f > 0) OVER w, \
    sum(v) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)";

const WINDOWS: [&str; 14] = [
    "ORDER BY t",
    "ORDER BY t DESC NULLS LAST, s",
    "ORDER BY f DESC",
    "ORDER BY s NULLS FIRST, t DESC",
    "ORDER BY t GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "PARTITION BY g ORDER BY t",
    "PARTITION BY g ORDER BY g, t DESC",
    "PARTITION BY g, s ORDER BY t NULLS FIRST",
    "PARTITION BY g ORDER BY t, s GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "PARTITION BY g ORDER BY id DESC",
    "PARTITION BY id ORDER BY t",
    // Groups of one row, groups as long as batches, and one group.
    "ORDER BY id",
    "ORDER BY id / 64",
    "ORDER BY id / 1000000",
];

fn queries() -> impl Iterator<Item = String> {
    let query = |functions, window| format!("SELECT *, {functions} FROM rows WINDOW w AS ({window})");
    let same = WINDOWS.into_iter().map(move |window| query(FUNCTIONS, window));
    let plain = WINDOWS.into_iter().filter(|window| !window.contains("GROUPS"));
    // What is equal in this order is in the order of the rows before it was sorted, which is the same for all plans here.
    let places = WINDOWS.into_iter().map(move |window| query(EDGES, window));
    let by_row = plain.clone().map(move |window| {
        let rows = format!("{window} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW");
        format!("SELECT *, {EDGES} FROM rows WINDOW w AS ({rows})")
    });
    same.chain(plain.map(move |window| query(MIXED, window))).chain(places).chain(by_row)
}

#[tokio::test]
async fn answers_are_those_of_datafusion_in_memory() {
    for (seed, rows, batch_rows) in [(1, 3000, 8192), (2, 2000, 64), (3, 800, 7), (4, 1, 8192), (5, 40, 1)] {
        let batches = batches(seed, rows);
        for sql in queries() {
            assert_eq!(compare(&sql, &batches, batch_rows, None).await, 0);
        }
    }
}

#[tokio::test]
async fn answers_are_those_of_datafusion_from_disk() {
    for (seed, rows, batch_rows, most) in [(6, 3000, 16, 0), (7, 4000, 64, 20_000)] {
        let batches = batches(seed, rows);
        for sql in queries() {
            let spilled = compare(&sql, &batches, batch_rows, Some(tight(most, usize::MAX))).await;
            let by_row = sql.ends_with(" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)");
            let large = !by_row && ["(ORDER BY t)", "id / 1000000"].iter().any(|part| sql.contains(part));
            assert!(spilled > 0 || !large, "{sql}: nothing was spilled");
            assert!(spilled == 0 || !sql.contains("ORDER BY id)"), "{sql}: groups of one row were spilled");
        }
    }
}

#[tokio::test]
async fn no_rows_are_no_answer() {
    for sql in queries() {
        compare(&sql, &[], 64, None).await;
        compare(&sql, &[RecordBatch::new_empty(schema())], 64, Some(tight(0, 0))).await;
    }
}

/// Values that are lists of everything so far, and that are not held for a whole batch at once.
#[tokio::test]
async fn long_values_come_in_short_batches() {
    let batches = batches(8, 1500);
    for window in ["ORDER BY id", "ORDER BY id / 1000000", "PARTITION BY g ORDER BY t"] {
        let sql = format!(
            "SELECT id, array_agg(id) OVER w, array_agg(v) FILTER (WHERE f > 0) OVER w FROM rows WINDOW w AS ({window})"
        );
        compare(&sql, &batches, 8192, Some(tight(0, usize::MAX))).await;
    }
    let ours = session(batches, 8192, 1, None);
    let rewritten = spilling_windows(plan(&ours, "SELECT array_agg(id) OVER (ORDER BY id) FROM rows").await).unwrap();
    let output = datafusion::physical_plan::collect(rewritten, ours.task_ctx()).await.unwrap();
    let largest = output.iter().map(RecordBatch::get_array_memory_size).max().unwrap();
    assert!(output.len() > 8 && largest < 4 << 20, "{} batches, of {largest} bytes at most", output.len());
}

/// What is streamed in the second pass over a partition goes the same way.
#[tokio::test]
async fn beside_functions_of_the_whole_partition() {
    let sql = "SELECT *, ntile(4) OVER w, sum(v) OVER w, rank() OVER w, max(s) FILTER (WHERE f > 0) OVER w FROM rows \
        WINDOW w AS (ORDER BY id / 1000000)";
    assert!(compare(sql, &batches(9, 3000), 16, Some(tight(0, usize::MAX))).await > 0);
}

#[tokio::test]
async fn tiny_groups_fill_batches() {
    let ours = session(batches(10, 8000), 100, 1, None);
    let sql = "SELECT id, sum(v) OVER (ORDER BY id / 3) FROM rows";
    let rewritten = spilling_windows(plan(&ours, sql).await).unwrap();
    let output = datafusion::physical_plan::collect(rewritten, ours.task_ctx()).await.unwrap();
    assert!(output.len() <= 165, "{} batches of 100 rows make 8000", output.len());
}

#[tokio::test]
async fn several_threads_divide_the_partitions() {
    let batches = batches(11, 5000);
    let sql = "SELECT id, x FROM (SELECT id, sum(v) OVER (PARTITION BY g ORDER BY t) AS x FROM rows) ORDER BY id";
    let stock = session(batches.clone(), 32, 1, None);
    let expected = answer(&plan(&stock, sql).await, &stock).await.unwrap();
    let ours = session(batches, 32, 4, Some(Arc::new(tight(0, usize::MAX))));
    let rewritten = spilling_windows(plan(&ours, sql).await).unwrap();
    assert_eq!(answer(&rewritten, &ours).await.unwrap(), expected);
    assert!(spills(&rewritten) > 0);
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

fn find<T: ExecutionPlan>(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    if plan.is::<T>() {
        return Some(Arc::clone(plan));
    }
    plan.children().into_iter().find_map(find::<T>)
}

#[tokio::test]
async fn the_node_has_the_properties_of_the_one_it_replaces() {
    let session = session(batches(12, 100), 16, 2, None);
    for window in WINDOWS {
        let before = plan(&session, &format!("SELECT *, {FUNCTIONS} FROM rows WINDOW w AS ({window})")).await;
        let after = spilling_windows(Arc::clone(&before)).unwrap();
        let before = find::<BoundedWindowAggExec>(&before).unwrap();
        let after = find::<SpillingWindowExec>(&after).unwrap();
        assert_eq!(after.schema(), before.schema());
        let described = |node: &Arc<dyn ExecutionPlan>| {
            let (properties, requires) = (node.properties(), node.required_input_ordering());
            let distribution = node.input_distribution_requirements();
            let (partitioning, order) = (&properties.partitioning, properties.equivalence_properties());
            let (kind, kept) = (properties.emission_type, node.maintains_input_order());
            format!("{requires:?} {distribution:?} {partitioning:?} {order:?} {kind:?} {kept:?}")
        };
        assert_eq!(described(&after), described(&before));
    }
}

#[tokio::test]
async fn rows_and_time_are_counted() {
    let session = session(batches(13, 1000), 16, 1, None);
    let sql = "SELECT *, sum(v) OVER (ORDER BY t) FROM rows";
    let rewritten = find::<SpillingWindowExec>(&spilling_windows(plan(&session, sql).await).unwrap()).unwrap();
    answer(&rewritten, &session).await.unwrap();
    let metrics = rewritten.metrics().unwrap();
    assert_eq!(metrics.output_rows(), Some(1000));
    assert!(metrics.elapsed_compute().is_some_and(|nanoseconds| nanoseconds > 0));
}

#[tokio::test]
async fn other_windows_are_left_alone() {
    let session = session(batches(14, 100), 16, 1, None);
    for function in [
        "row_number() OVER (ORDER BY t)",
        "rank() OVER (ORDER BY t)",
        "lag(v) OVER (ORDER BY t)",
        "nth_value(v, 1025) OVER (ORDER BY t)",
        "last_value(v) OVER (ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        "last_value(v) IGNORE NULLS OVER (ORDER BY t ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        "sum(v) OVER (ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        "sum(v) OVER (ORDER BY t RANGE BETWEEN 2 PRECEDING AND CURRENT ROW)",
        "sum(v) OVER (ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING)",
        "sum(v) OVER (ORDER BY t GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
    ] {
        let before = plan(&session, &format!("SELECT {function} FROM rows")).await;
        let after = spilling_windows(Arc::clone(&before)).unwrap();
        assert!(shown(&before).contains("BoundedWindowAggExec"), "{}", shown(&before));
        assert_eq!(shown(&after), shown(&before));
    }
    let plan = plan(&session, "SELECT sum(v) OVER (PARTITION BY g ORDER BY t) FROM rows").await;
    let node = find::<BoundedWindowAggExec>(&plan).unwrap();
    let window = node.downcast_ref::<BoundedWindowAggExec>().unwrap();
    for mode in [InputOrderMode::Linear, InputOrderMode::PartiallySorted(vec![0])] {
        let (functions, input) = (window.window_expr().to_vec(), Arc::clone(window.input()));
        let node: Arc<dyn ExecutionPlan> =
            Arc::new(BoundedWindowAggExec::try_new(functions, input, mode, false).unwrap());
        assert!(spilling_windows(node).unwrap().is::<BoundedWindowAggExec>());
    }
}

#[tokio::test]
async fn the_columns_of_a_divided_node_keep_their_places() {
    let session = session(batches(15, 100), 16, 1, None);
    let sql = format!("SELECT {MIXED} FROM rows WINDOW w AS (PARTITION BY g ORDER BY t)");
    let after = spilling_windows(plan(&session, &sql).await).unwrap();
    let nodes: Vec<_> = shown(&after).lines().filter_map(|line| line.split_once("WindowAggExec").map(|_| ())).collect();
    assert!(nodes.len() >= 3 && shown(&after).contains("SpillingWindowExec"), "{}", shown(&after));
}

#[tokio::test]
async fn errors_are_handed_on() {
    let run = async |sql: &str, pool: Tight| {
        let session = session(batches(16, 20_000), 64, 1, Some(Arc::new(pool)));
        let rewritten = spilling_windows(plan(&session, sql).await).unwrap();
        answer(&rewritten, &session).await.unwrap_err()
    };
    let error = run("SELECT sum(1 / (id - 1900)) OVER (ORDER BY t) FROM rows", tight(0, usize::MAX)).await;
    assert!(error.to_string().contains("Divide by zero"), "{error}");
    for order in ["id", "id / 1000000"] {
        let sql = format!("SELECT count(DISTINCT id) OVER (ORDER BY {order}) FROM rows");
        let error = run(&sql, tight(0, 100_000)).await;
        assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
        assert!(error.to_string().contains("for SpillingWindowState[0]"), "{error}");
    }
}
