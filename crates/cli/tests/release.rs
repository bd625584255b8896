//! Memory is given back: a thousand tasks of mixed size in one process, and what the kernel counts after each of them.
//!
//! The only test of this file, because what it looks at belongs to the whole process.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use std::sync::Arc;
use tidegate_engine::{GivenUp, MaxRejects, Task, TaskOptions};
use tidegate_memory::{Budget, ByteCount, CountingAllocator, Meter, Watch, WatchOptions, release, reset_peak};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const TASKS: usize = 1_000;

/// Tasks before the baseline: everything has run once by then.
const WARM_UP: usize = 20;

/// From next to nothing to more than the limit, which spills.
const QUERIES: [&str; 5] = [
    "SELECT sum(value) FROM generate_series(1, 1000)",
    "SELECT value % 100 AS k, count(*) AS n, avg(value * 0.5) AS a FROM generate_series(1, 20000) GROUP BY k",
    "SELECT a.value FROM generate_series(1, 5000) a JOIN generate_series(1, 9000, 3) b ON a.value = b.value",
    "SELECT value, repeat('x', 100) AS text FROM generate_series(1, 30000) ORDER BY value % 7, value",
    "SELECT value, sum(value) OVER () AS total FROM generate_series(1, 20000)",
];
const LARGE: &str = "SELECT value, count(*) AS n, repeat(CAST(value AS text), 20) AS text FROM generate_series(1, 1000000) GROUP BY value ORDER BY text";

#[test]
fn a_thousand_tasks_leave_nothing_behind() {
    let meter = Meter::open().unwrap();
    let budget = Budget::of(ByteCount::new(256_000_000), meter.read().unwrap().anonymous);
    let watch = Arc::new(Watch::start(WatchOptions { budget: Some(budget), last_resort: Box::new(|_| {}) }).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut baseline = ByteCount::ZERO;
    let mut highest = ByteCount::ZERO;
    for at in 0..TASKS {
        let sql = if at % 200 == 7 { LARGE } else { QUERIES.get(at % QUERIES.len()).unwrap() };
        let _ = reset_peak();
        run(sql, budget, &watch, folder.path());
        release();
        let after = meter.read().unwrap().anonymous;
        if at == WARM_UP {
            baseline = after;
        }
        if at > WARM_UP {
            highest = highest.max(after);
            assert!(after <= baseline + baseline.percent(5), "{after} after task {at} (`{sql}`), {baseline} at first");
        }
    }
    assert!(highest > ByteCount::ZERO && watch.report().peak > ByteCount::mib(100), "the tasks were too small");
}

/// Runs a query as the command does, with a runtime of its own, to its last row.
fn run(sql: &str, budget: Budget, watch: &Arc<Watch>, folder: &std::path::Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = TaskOptions {
            given_up: GivenUp::default(),
            tables: Vec::new(),
            sample: None,
            has_standard_input: true,
            metered: true,
            sql: sql.to_owned(),
            budget: Some(budget),
            threads: 2,
            spill_folder: folder.to_path_buf(),
            spill_limit: tidegate_memory::Limit::Unlimited,
            zones: None,
            rejects: None,
            max_rejects: Some(MaxRejects::Lines(0)),
            watch: Arc::clone(watch),
        };
        let mut running = Task::new(options).unwrap().start().await.unwrap();
        while running.next().await.unwrap().is_some() {}
        let finished = running.finish().unwrap();
        assert!(finished.counts.rows_out > 0);
    });
}
