//! An exchange that spills comes to its end.

use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray},
        datatypes::Int64Type,
    },
    common::DataFusionError,
    datasource::MemTable,
    execution::{memory_pool::GreedyMemoryPool, runtime_env::RuntimeEnvBuilder},
    prelude::SessionContext,
};
use std::{sync::Arc, time::Duration};
use tidegate_govern::Profile;
use tidegate_memory::{Budget, ByteCount};

const ROWS: i64 = 40_000;
const BATCH: i64 = 1_000;

fn batch(first: i64) -> RecordBatch {
    let rows = first..first + BATCH;
    let group: ArrayRef = Arc::new(rows.clone().map(|row| row % 7).collect::<Int64Array>());
    let id: ArrayRef = Arc::new(rows.map(|row| Some(format!("trace-{row:032}"))).collect::<StringArray>());
    RecordBatch::try_from_iter([("g", group), ("id", id)]).unwrap()
}

/// In DataFusion 55.2 an exchange waits for ever when two of its inputs spill at the same time, unless a file holds one batch.
/// Most attempts end anyway, so there are many; the time is what only a standstill takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inputs_that_spill_at_the_same_time_do_not_stand_still() {
    let batches = || (0..ROWS / BATCH).map(|at| batch(at * BATCH)).collect::<Vec<_>>();
    let table = Arc::new(MemTable::try_new(batch(0).schema(), vec![batches(), batches()]).unwrap());
    let profile = Profile::of(Some(Budget::of(ByteCount::mib(64), ByteCount::mib(7))), 1);
    let config = profile.session_config().with_target_partitions(2);
    let mut answered = 0;
    for attempt in 0..24 {
        let pool = Arc::new(GreedyMemoryPool::new((11 + attempt % 4) << 19));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
        let context = SessionContext::new_with_config_rt(config.clone(), runtime);
        context.register_table("t", Arc::clone(&table) as _).unwrap();
        let frame = context.sql("SELECT count(*) FROM t a JOIN t b ON a.id = b.id").await.unwrap();
        match tokio::time::timeout(Duration::from_mins(1), frame.collect()).await.expect("it stands still") {
            Ok(rows) => {
                assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), ROWS * 4);
                answered += 1;
            }
            Err(error) => assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}"),
        }
    }
    assert!(answered > 0, "all were refused");
}
