//! Compared with DataFusion's own operator, over random rows.

use super::{SpillingWindowExec, runs::Runs, spilling_windows};
use crate::testing::{Tight, batches, plan, schema, session};
use datafusion::{
    arrow::{
        array::{Int64Array, RecordBatch},
        compute::concat_batches,
        datatypes::{DataType, Field, Schema},
        util::pretty::pretty_format_batches,
    },
    common::{DataFusionError, Result},
    physical_expr::expressions::col,
    physical_plan::{ExecutionPlan, collect, displayable},
    prelude::SessionContext,
};
use std::sync::Arc;

/// Functions of a whole partition, whatever its order.
const TOTALS: &str = "count(*) OVER w, count(v) OVER w, sum(v) OVER w, avg(f) OVER w, min(s) OVER w, max(t) OVER w, \
    count(DISTINCT t) OVER w, sum(v) FILTER (WHERE f > 0) OVER w, count(*) FILTER (WHERE s IS NULL) OVER w, \
    array_agg(v) FILTER (WHERE v > 90) OVER w, median(v) OVER w";

/// Functions for which peers are the same.
const PEERS: &str = "percent_rank() OVER w, cume_dist() OVER w, rank() OVER w, dense_rank() OVER w, sum(v) OVER w, \
    sum(v) FILTER (WHERE f > 0) OVER w, \
    sum(v) OVER (PARTITION BY g ORDER BY t RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), \
    max(f) OVER (PARTITION BY g ORDER BY t GROUPS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), \
    count(*) OVER (PARTITION BY g ORDER BY t RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING), \
    count(v) OVER (PARTITION BY g ORDER BY t RANGE BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), \
    sum(v) OVER (PARTITION BY g ORDER BY t GROUPS BETWEEN 1 PRECEDING AND 2 FOLLOWING)";

/// Functions that tell rows apart.
const PLACES: &str = "row_number() OVER w, ntile(4) OVER w, ntile(1000) OVER w, lead(s) OVER w, lag(v, 3, -1) OVER w, \
    lead(v) IGNORE NULLS OVER w, lag(v, 2) IGNORE NULLS OVER w, \
    first_value(s) OVER w, last_value(v) OVER w, nth_value(v, 3) OVER w, \
    sum(v) OVER (w ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), \
    min(s) OVER (w ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), \
    count(v) FILTER (WHERE f > 0) OVER (w ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), \
    sum(v) OVER (w ROWS BETWEEN 2 PRECEDING AND UNBOUNDED FOLLOWING), \
    sum(v) OVER (w ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING), \
    last_value(v) OVER (w ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)";

/// Values of a whole partition whose order matters.
const EDGES: &str = "first_value(s) OVER w, last_value(s) OVER w, nth_value(v, 2) OVER w, nth_value(s, -3) OVER w, \
    nth_value(s, 0) OVER w, first_value(v) IGNORE NULLS OVER w, last_value(v) IGNORE NULLS OVER w, \
    nth_value(v, 5) IGNORE NULLS OVER w, nth_value(s, -2) IGNORE NULLS OVER w, nth_value(v, 100000) OVER w, \
    array_agg(t) OVER w";

fn queries() -> Vec<String> {
    let whole = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING";
    [
        (TOTALS, ""),
        (TOTALS, "PARTITION BY g"),
        (TOTALS, "PARTITION BY g, s"),
        (TOTALS, "PARTITION BY id"),
        (PEERS, "PARTITION BY g ORDER BY t"),
        (PLACES, "PARTITION BY g ORDER BY v DESC, id"),
        (PLACES, "ORDER BY s NULLS FIRST, id"),
        ("ntile(7) OVER w, cume_dist() OVER w, count(*) OVER w", ""),
        ("sum(v) OVER w, ntile(3) OVER (PARTITION BY s ORDER BY id)", "PARTITION BY g"),
    ]
    .map(|(functions, window)| format!("SELECT *, {functions} FROM rows WINDOW w AS ({window})"))
    .into_iter()
    .chain([format!("SELECT *, {EDGES} FROM rows WINDOW w AS (PARTITION BY g ORDER BY id DESC {whole})")])
    .chain(["SELECT count(*) OVER () FROM rows".to_owned()])
    .collect()
}

/// Grants everything but more than `most` bytes to what can go to disk, and more than `state` to what cannot.
pub(super) fn tight(most: usize, state: usize) -> Tight {
    Tight::new([("SpillingWindow[", most), ("SpillingWindowState[", state)])
}

pub(super) async fn answer(plan: &Arc<dyn ExecutionPlan>, session: &SessionContext) -> Result<RecordBatch> {
    let batches = collect(Arc::clone(plan), session.task_ctx()).await?;
    let largest = batches.iter().map(RecordBatch::num_rows).max().unwrap_or(0);
    let most = session.copied_config().batch_size();
    if plan.is::<SpillingWindowExec>() {
        assert!(largest <= 2 * most, "a batch of {largest} rows where {most} are wished for");
    }
    Ok(concat_batches(&plan.schema(), &batches)?)
}

pub(super) fn spills(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().filter(|_| plan.is::<SpillingWindowExec>()).and_then(|metrics| metrics.spill_count());
    own.unwrap_or(0) + plan.children().into_iter().map(spills).sum::<usize>()
}

/// Demands the same rows in the same order, and returns how often something was spilled.
pub(super) async fn compare(sql: &str, batches: &[RecordBatch], batch_rows: usize, pool: Option<Tight>) -> usize {
    let stock = session(batches.to_vec(), batch_rows, 1, None);
    let expected = plan(&stock, sql).await;
    let expected = answer(&expected, &stock).await.unwrap();
    let ours = session(batches.to_vec(), batch_rows, 1, pool.map(Arc::new));
    let rewritten = spilling_windows(plan(&ours, sql).await).unwrap();
    let shown = displayable(rewritten.as_ref()).indent(false).to_string();
    assert!(shown.contains("SpillingWindowExec: wdw=[") && !shown.contains("WindowAggExec: wdw=[count"), "{shown}");
    let got = answer(&rewritten, &ours).await.unwrap();
    assert_eq!(got.schema(), expected.schema(), "{sql}");
    if got != expected {
        let first = (0..got.num_rows()).find(|row| got.slice(*row, 1) != expected.slice(*row, 1));
        let at = first.unwrap_or(0).saturating_sub(2);
        let shown = |batch: &RecordBatch| pretty_format_batches(&[batch.slice(at, 5.min(batch.num_rows() - at))]);
        let (expected, got) = (shown(&expected).unwrap(), shown(&got).unwrap());
        panic!("{sql}\nbatches of {batch_rows} rows, from row {at}\nexpected\n{expected}\ngot\n{got}");
    }
    spills(&rewritten)
}

#[tokio::test]
async fn answers_are_those_of_datafusion_in_memory() {
    for (seed, rows, batch_rows) in [(1, 3000, 8192), (2, 3000, 256), (3, 2500, 16), (4, 1, 8192), (5, 40, 1)] {
        let batches = batches(seed, rows);
        for sql in queries() {
            assert_eq!(compare(&sql, &batches, batch_rows, None).await, 0);
        }
    }
}

#[tokio::test]
async fn answers_are_those_of_datafusion_from_disk() {
    for (seed, rows, batch_rows, most) in [(6, 3000, 16, 0), (7, 4000, 64, 20_000), (8, 700, 3, 0)] {
        let batches = batches(seed, rows);
        for sql in queries() {
            let spilled = compare(&sql, &batches, batch_rows, Some(tight(most, usize::MAX))).await;
            let small = ["PARTITION BY id)", "PARTITION BY g, s)", "SELECT count(*)"];
            assert!(spilled > 0 || small.iter().any(|part| sql.contains(part)), "{sql}: nothing was spilled");
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

#[tokio::test]
async fn several_threads_divide_the_partitions() {
    let batches = batches(9, 5000);
    let sql = format!("SELECT id, x FROM (SELECT id, {} AS x FROM rows) ORDER BY id", "sum(v) OVER (PARTITION BY g)");
    let stock = session(batches.clone(), 32, 1, None);
    let expected = answer(&plan(&stock, &sql).await, &stock).await.unwrap();
    let ours = session(batches, 32, 4, Some(Arc::new(tight(0, usize::MAX))));
    let rewritten = spilling_windows(plan(&ours, &sql).await).unwrap();
    assert_eq!(answer(&rewritten, &ours).await.unwrap(), expected);
    assert!(spills(&rewritten) > 0);
}

/// What needs all rows and is refused them says so, and what does not is not.
#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let sql = "SELECT sum(v) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND UNBOUNDED FOLLOWING) FROM rows";
    let refused = session(batches(10, 4000), 16, 1, Some(Arc::new(tight(0, 10_000))));
    let rewritten = spilling_windows(plan(&refused, sql).await).unwrap();
    let error = answer(&rewritten, &refused).await.unwrap_err();
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
    assert!(error.to_string().contains("for SpillingWindowState[0]"), "{error}");
    let sql = "SELECT count(DISTINCT id) OVER () FROM rows";
    let refused = session(batches(13, 20_000), 64, 1, Some(Arc::new(tight(0, 100_000))));
    let rewritten = spilling_windows(plan(&refused, sql).await).unwrap();
    let error = answer(&rewritten, &refused).await.unwrap_err().to_string();
    assert!(error.contains("for SpillingWindowState[0]"), "{error}");
    let sql = "SELECT *, sum(v) OVER (), ntile(4) OVER w, row_number() OVER w, lag(v) IGNORE NULLS OVER w FROM rows \
        WINDOW w AS (ORDER BY id)";
    assert!(compare(sql, &batches(11, 4000), 16, Some(tight(0, 10_000))).await > 0);
}

#[tokio::test]
async fn an_error_of_the_input_is_handed_on() {
    let session = session(batches(12, 2000), 16, 1, Some(Arc::new(tight(0, usize::MAX))));
    let sql = "SELECT sum(1 / (id - 1900)) OVER () FROM rows";
    let rewritten = spilling_windows(plan(&session, sql).await).unwrap();
    let error = answer(&rewritten, &session).await.unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
}

#[test]
fn runs_go_on_from_batch_to_batch() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let mut runs = Runs::new(vec![col("a", &schema).unwrap()]);
    let mut check = |values: &[Option<i64>], continues, ends: &[usize]| {
        let column = Arc::new(Int64Array::from(values.to_vec()));
        let found = runs.find(&RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap()).unwrap();
        let found_ends: Vec<_> = found.ranges.iter().map(|range| range.end).collect();
        assert_eq!((found.continues, found_ends.as_slice()), (continues, ends), "{values:?}");
    };
    check(&[Some(1), Some(1), Some(2)], false, &[2, 3]);
    check(&[Some(2), None], true, &[1, 2]);
    check(&[None], true, &[1]);
    check(&[Some(3)], false, &[1]);
}
