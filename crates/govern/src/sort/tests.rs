//! Compared with DataFusion's own operator, over random rows and in any amount of memory.

use super::{SpillingSortExec, rewrite::sorted_whole, spilling_sorts};
use crate::testing::{Tight, batches, plan, session};
use datafusion::{
    arrow::{array::RecordBatch, util::display::array_value_to_string},
    execution::memory_pool::MemoryPool,
    physical_plan::{ExecutionPlan, collect, displayable},
};
use std::sync::Arc;

/// What a test asks of, and how.
#[derive(Clone, Copy, Debug)]
struct Way {
    batch_rows: usize,
    threads: usize,
    /// What one partition may hold.
    most: usize,
    /// What the files that are merged may take.
    merging: usize,
}

const PLENTY: usize = usize::MAX / 2;
const IN_MEMORY: Way = Way { batch_rows: 100, threads: 3, most: PLENTY, merging: PLENTY };

fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let cells = |batch: &RecordBatch, row| -> String {
        let cells = batch.columns().iter().map(|column| format!("{:?}", array_value_to_string(column, row).unwrap()));
        cells.collect::<Vec<_>>().join(" | ")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| cells(batch, row))).collect()
}

/// Demands the same rows in the same order, and returns how many went to disk.
async fn compare(sql: &str, batches: &[RecordBatch], way: Way) -> usize {
    let stock = session(batches.to_vec(), 8192, 1, None);
    let expected = rows(&collect(plan(&stock, sql).await, stock.task_ctx()).await.unwrap());
    let pool =
        Arc::new(Tight::new([("SpillingSort[", way.most), ("SpillingSortMerge", way.merging)]).with_limit(1 << 20));
    let ours = session(batches.to_vec(), way.batch_rows, way.threads, Some(Arc::clone(&pool)));
    let before = plan(&ours, sql).await;
    let rewritten = spilling_sorts(Arc::clone(&before)).unwrap();
    assert_eq!(rewritten.schema(), before.schema(), "{sql}");
    let sort = node(&rewritten).unwrap_or_else(|| panic!("{sql}: {}", shown(&rewritten)));
    let got = collect(Arc::clone(&rewritten), ours.task_ctx()).await.unwrap();
    assert!(got.iter().all(|batch| batch.num_rows() <= way.batch_rows), "{sql}: {way:?}");
    assert_eq!(rows(&got), expected, "{sql}: {way:?}");
    assert_eq!(pool.reserved(), 0, "{sql}: {way:?}: what was held is given back");
    sort.metrics().unwrap().spilled_rows().unwrap_or_default()
}

fn node(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    if plan.is::<SpillingSortExec>() {
        return Some(Arc::clone(plan));
    }
    plan.children().into_iter().find_map(node)
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

#[tokio::test]
async fn every_order_in_any_amount_of_memory() {
    let batches = batches(1, 5_000);
    let orders = [
        "id",
        "id DESC",
        "g, id",
        "g DESC NULLS LAST, id DESC",
        "s, id",
        "s DESC, v NULLS FIRST, id",
        "f DESC, t, id",
        "v % 3, s, f, id",
        "repeat(s, 20), id",
        "s IS NULL, t = 3, id",
        "arrow_cast(s, 'Dictionary(Int32, Utf8)'), id",
        "arrow_cast(s, 'Utf8View') DESC, id",
        "struct(g, s), id",
        "make_array(t, v), id",
    ];
    for order in orders {
        let sql = format!("SELECT * FROM rows ORDER BY {order}");
        assert_eq!(compare(&sql, &batches, IN_MEMORY).await, 0);
        assert_eq!(compare(&sql, &batches, Way { threads: 1, batch_rows: 8192, ..IN_MEMORY }).await, 0);
        assert!(compare(&sql, &batches, Way { most: 100_000, ..IN_MEMORY }).await > 0);
        let narrow = Way { batch_rows: 7, threads: 2, most: 1, merging: 1 };
        let spilled = compare(&sql, &batches, narrow).await;
        assert!(spilled > 5_000 * 2, "{spilled} rows, which are merged several times");
    }
}

#[tokio::test]
async fn files_are_merged_with_each_other_where_not_all_of_them_fit() {
    let batches = batches(2, 20_000);
    let sql = "SELECT s, f, id FROM rows ORDER BY s, f, id";
    let mut before = 0;
    for merging in [PLENTY, 4 << 20, 1 << 20, 1] {
        let spilled = compare(sql, &batches, Way { most: 50_000, merging, ..IN_MEMORY }).await;
        assert!(spilled >= before, "{spilled} rows, {before} where more was free");
        before = spilled;
    }
    assert!(before > 40_000, "{before}");
}

#[tokio::test]
async fn what_is_no_sort_of_all_rows_stays() {
    let session = session(batches(3, 100), 10, 2, None);
    for sql in [
        "SELECT * FROM rows ORDER BY id LIMIT 5",
        "SELECT * FROM rows",
        "SELECT sum(v) OVER (ORDER BY id) FROM rows",
        "SELECT * FROM (SELECT * FROM rows ORDER BY id LIMIT 7) AS first WHERE v > 3",
    ] {
        let plan = plan(&session, sql).await;
        let after = spilling_sorts(Arc::clone(&plan)).unwrap();
        assert_eq!(shown(&after), shown(&plan), "{sql}");
    }
    // Many first rows are found by a sort of all, where that is asked for.
    for (sql, becomes) in [
        ("SELECT * FROM rows ORDER BY id LIMIT 5", false),
        ("SELECT * FROM rows ORDER BY id LIMIT 20000", true),
        ("SELECT id + 1 AS next FROM rows ORDER BY v, id LIMIT 20000 OFFSET 30", true),
    ] {
        // A plan that looks for the first rows runs once: what it found stays in its filter.
        let (held, other) = (plan(&session, sql).await, plan(&session, sql).await);
        assert!(node(&spilling_sorts(Arc::clone(&held)).unwrap()).is_none(), "{sql}");
        let whole = spilling_sorts(sorted_whole(other).unwrap()).unwrap();
        assert_eq!(node(&whole).is_some(), becomes, "{sql}: {}", shown(&whole));
        let expected = rows(&collect(held, session.task_ctx()).await.unwrap());
        assert_eq!(rows(&collect(whole, session.task_ctx()).await.unwrap()), expected, "{sql}");
    }
    let plan = plan(&session, "SELECT id + 1 AS next FROM rows ORDER BY v, id").await;
    assert!(node(&spilling_sorts(plan).unwrap()).is_some(), "below a projection");
}

#[tokio::test]
async fn no_rows_and_one() {
    for rows in [0, 1] {
        let batches = batches(4, rows);
        for most in [PLENTY, 1] {
            compare("SELECT * FROM rows WHERE id < 5 ORDER BY s, id", &batches, Way { most, ..IN_MEMORY }).await;
        }
    }
}

#[tokio::test]
async fn a_row_that_is_larger_than_memory() {
    let batches = batches(5, 50);
    let sql = "SELECT repeat('x', CAST(id AS INT) * 10000) AS x, id FROM rows ORDER BY id DESC";
    compare(sql, &batches, Way { most: 100_000, merging: 100_000, ..IN_MEMORY }).await;
}

#[tokio::test]
async fn an_input_that_fails_fails_the_sort() {
    let session = session(batches(6, 1000), 10, 2, None);
    let plan = spilling_sorts(plan(&session, "SELECT 1 / (id - 500) AS x FROM rows ORDER BY x").await).unwrap();
    assert!(node(&plan).is_some());
    let error = collect(plan, session.task_ctx()).await.unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
}
