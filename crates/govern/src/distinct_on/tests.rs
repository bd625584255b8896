//! The operator beside a set of keys, over random rows and in any amount of memory.

use super::{
    exec::DistinctOnExec,
    keys::{Keys, Look, Seen},
    shared::Shared,
};
use crate::spill::{Divided, FILES, SpilledBatches};
use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
        datatypes::SchemaRef,
        util::display::array_value_to_string,
    },
    catalog::streaming::StreamingTable,
    datasource::MemTable,
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool, UnboundedMemoryPool},
        runtime_env::RuntimeEnvBuilder,
    },
    physical_expr::expressions::col,
    physical_plan::{
        ExecutionPlan, SpillManager, collect,
        common::collect as collect_stream,
        metrics::{ExecutionPlanMetricsSet, SpillMetrics},
        stream::RecordBatchStreamAdapter,
        streaming::PartitionStream,
    },
    prelude::{SessionConfig, SessionContext},
};
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

/// Rows of `keys` different keys: a number and a text, both of them missing at times; and a number of the row's own.
fn rows(seed: usize, rows: usize, keys: usize) -> RecordBatch {
    let key = |row: usize| (row * 7919 + seed * 104_729) % keys.max(1);
    let numbers: Int64Array =
        (0..rows).map(|row| (key(row) % 11 != 3).then(|| i64::try_from(key(row) / 2).unwrap())).collect();
    let texts: StringArray = (0..rows)
        .map(|row| (key(row) % 13 != 5).then(|| format!("{}{}", "x".repeat(key(row) % 70), key(row) % 2)))
        .collect();
    let own: Int64Array = (0..rows).map(|row| i64::try_from(seed * 1_000_000 + row).ok()).collect();
    let columns: [(&str, ArrayRef); 3] = [("n", Arc::new(numbers)), ("s", Arc::new(texts)), ("own", Arc::new(own))];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

fn cells(batches: &[RecordBatch]) -> Vec<(String, String)> {
    let row = |batch: &RecordBatch, at| {
        let cell = |column: usize| array_value_to_string(batch.column(column), at).unwrap();
        let is_null = |column: usize| batch.column(column).is_null(at);
        (format!("{:?}", (cell(0), is_null(0), cell(1), is_null(1))), cell(2))
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| row(batch, at))).collect()
}

fn context(pool: Arc<dyn MemoryPool>, batch_rows: usize) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
    SessionContext::new_with_config_rt(
        SessionConfig::new().with_batch_size(batch_rows).with_target_partitions(1),
        runtime,
    )
}

async fn operator(context: &SessionContext, keys: &[&str], batches: Vec<RecordBatch>) -> Arc<dyn ExecutionPlan> {
    let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
    let input = context.read_table(Arc::new(table)).unwrap().create_physical_plan().await.unwrap();
    let keys = keys.iter().map(|name| col(name, &input.schema()).unwrap()).collect();
    Arc::new(DistinctOnExec::new(keys, input))
}

#[tokio::test]
async fn one_row_of_each_key_however_little_memory_there_is() {
    let mut spilled = 0;
    for (count, keys) in [(0, 1), (1, 1), (300, 7), (5_000, 4_000), (40_000, 39_000), (40_000, 3)] {
        let batches: Vec<_> = (0..4).map(|seed| rows(seed, count / 4, keys)).collect();
        let all = cells(&batches);
        let mut first: HashMap<_, _> = HashMap::new();
        for (key, own) in &all {
            first.entry(key).or_insert(own);
        }
        for memory in [None, Some(0), Some(1 << 20), Some(3 << 20)] {
            let pool: Arc<dyn MemoryPool> = match memory {
                Some(most) => Arc::new(GreedyMemoryPool::new(most)),
                None => Arc::new(UnboundedMemoryPool::default()),
            };
            let context = context(Arc::clone(&pool), 128);
            let plan = operator(&context, &["n", "s"], batches.clone()).await;
            let got = cells(&collect(Arc::clone(&plan), context.task_ctx()).await.unwrap());
            let expected: HashSet<_> = first.iter().collect();
            assert_eq!(got.len(), expected.len(), "{count} {keys} {memory:?}");
            assert_eq!(got.iter().map(|(key, own)| (key, own)).collect::<HashSet<_>>().len(), got.len());
            assert!(got.iter().all(|(key, own)| expected.contains(&(&key, &own))), "{count} {keys} {memory:?}");
            assert_eq!(pool.reserved(), 0, "what was held is given back");
            let metrics = plan.metrics().unwrap();
            assert_eq!(metrics.output_rows(), Some(got.len()));
            spilled += metrics.spill_count().unwrap_or_default();
        }
    }
    assert!(spilled > 5 * FILES, "{spilled} files");
}

/// Rows whose keys repeat do not go to disk for it.
#[tokio::test]
async fn only_rows_of_unknown_keys_go_to_disk() {
    let context = context(Arc::new(GreedyMemoryPool::new(0)), 1024);
    let batches: Vec<_> = (0..40).map(|_| rows(0, 1000, 200)).collect();
    let plan = operator(&context, &["n", "s"], batches).await;
    let got = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    assert_eq!(cells(&got).len(), 200);
    assert_eq!(plan.metrics().unwrap().spill_count().unwrap_or_default(), 0);
}

/// Rows go out before the input has ended: batches of new keys as they are, rows between others once they fill a batch.
#[tokio::test]
async fn rows_go_out_as_they_come() {
    let context = context(Arc::new(UnboundedMemoryPool::default()), 64);
    let batches: Vec<_> = (0..3).map(|seed| rows(seed, 64, 1000)).collect();
    let input = Arc::new(Stepwise::default());
    let table = StreamingTable::try_new(batches[0].schema(), vec![Arc::clone(&input) as _]).unwrap();
    let input_plan = context.read_table(Arc::new(table)).unwrap().create_physical_plan().await.unwrap();
    let keys = vec![col("own", &input_plan.schema()).unwrap()];
    let plan = DistinctOnExec::new(keys, input_plan);
    let mut stream = plan.execute(0, context.task_ctx()).unwrap();
    for batch in batches {
        input.sender.unbounded_send(batch.clone()).unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), batch);
    }
    input.sender.close_channel();
    assert!(stream.next().await.is_none());
}

/// An input that gives what it is sent.
#[derive(Debug)]
struct Stepwise {
    sender: UnboundedSender<RecordBatch>,
    receiver: Mutex<Option<UnboundedReceiver<RecordBatch>>>,
    schema: SchemaRef,
}

impl Default for Stepwise {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self { sender, receiver: Mutex::new(Some(receiver)), schema: rows(0, 1, 1).schema() }
    }
}

impl PartitionStream for Stepwise {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = self.receiver.lock().unwrap().take().unwrap().map(Ok);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// One key takes more than what is always granted; each pass gets on.
#[tokio::test]
async fn keys_longer_than_what_is_always_granted() {
    let context = context(Arc::new(GreedyMemoryPool::new(0)), 4);
    let texts = (0..12).map(|row| format!("{}{}", row % 6, "x".repeat(200_000)));
    let texts: ArrayRef = Arc::new(texts.map(Some).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("s", texts)]).unwrap();
    let batches: Vec<_> = (0..6).map(|at| batch.slice(2 * at, 2)).collect();
    let plan = operator(&context, &["s"], batches).await;
    let got = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    assert_eq!(got.iter().map(RecordBatch::num_rows).sum::<usize>(), 6);
}

#[tokio::test]
async fn an_error_of_the_input_is_the_answer() {
    let context = context(Arc::new(UnboundedMemoryPool::default()), 64);
    context.register_batch("t", rows(0, 100, 50)).unwrap();
    let input = context.sql("SELECT n, s, 1 / (own - own) AS own FROM t").await.unwrap();
    let input = input.create_physical_plan().await.unwrap();
    let keys = vec![col("n", &input.schema()).unwrap()];
    let error = collect(Arc::new(DistinctOnExec::new(keys, input)), context.task_ctx()).await.unwrap_err();
    assert!(error.to_string().contains("Divide by zero"), "{error}");
}

/// Takes one key.
fn see(keys: &Keys, key: &[u8], hash: u64) -> Seen {
    let mut look = Look::default();
    keys.see(&[hash], |_| key, &mut look).unwrap();
    look.seen[0]
}

/// Keys are told apart by their bytes, also where all of their hashes are the same.
#[test]
fn equal_hashes_are_not_equal_keys() {
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let keys = Keys::new(MemoryConsumer::new("keys").register(&pool));
    let long = vec![7; 1 << 20];
    for _ in 0..2 {
        for number in 0..200_u32 {
            assert_eq!(see(&keys, &number.to_le_bytes(), 99), Seen::First);
            assert_eq!(see(&keys, &number.to_le_bytes(), 99), Seen::Before);
        }
        assert_eq!([see(&keys, &[], 99), see(&keys, &long, 99)], [Seen::First; 2]);
        assert_eq!([see(&keys, &[], 99), see(&keys, &long, 99), see(&keys, &[0; 4], 99)], [Seen::Before; 3]);
        assert_eq!([see(&keys, &long[1..], 99), see(&keys, &[7], 99)], [Seen::First; 2]);
        assert!(pool.reserved() > long.len(), "{}", pool.reserved());
        keys.clear();
        assert_eq!(pool.reserved(), 0);
    }
}

/// What was refused once stays unknown, also where there is memory again: its rows are on disk.
#[test]
fn a_full_table_remembers_what_it_has() {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(900 << 10));
    let other = MemoryConsumer::new("other").register(&pool);
    other.try_grow(500 << 10).unwrap();
    let keys = Keys::new(MemoryConsumer::new("keys").register(&pool));
    let bytes: Vec<_> = (0..20_000_usize).map(|number| number.to_string().repeat(1 + number % 3)).collect();
    let hashes: Vec<_> = (1..=20_000_u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let (mut first, mut second) = (Look::default(), Look::default());
    keys.see(&hashes, |row| bytes[row].as_bytes(), &mut first).unwrap();
    let known = first.seen.iter().filter(|seen| **seen == Seen::First).count();
    assert!((4_000..19_000).contains(&known), "{known} short keys in 400 KiB");
    assert!(keys.is_full() && pool.reserved() <= 900 << 10);
    other.free();
    keys.see(&hashes, |row| bytes[row].as_bytes(), &mut second).unwrap();
    for (first, second) in first.seen.into_iter().zip(second.seen) {
        assert_eq!(second, if first == Seen::First { Seen::Before } else { Seen::Unknown });
    }
}

/// Nobody takes rows on disk while others may have rows of the same keys.
#[tokio::test]
async fn files_wait_for_all_inputs() {
    let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
    let shared = Arc::new(Shared::new(2, MemoryConsumer::new("keys").register(&pool)));
    let file = |context: &SessionContext| {
        let manager = SpillManager::new(
            context.runtime_env(),
            SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0),
            rows(0, 1, 1).schema(),
        );
        let mut file = SpilledBatches::create(&manager, "rows").unwrap();
        file.append(&rows(0, 1, 1)).unwrap();
        file.finish().unwrap()
    };
    let context = context(pool, 64);
    let (first, second) = (shared.begin(0).unwrap(), shared.begin(1).unwrap());
    let mut divided = Divided::default();
    (divided[3], divided[FILES - 1]) = (file(&context), file(&context));
    first.end(divided.clone());
    assert!(shared.take().is_none(), "the second has not ended");
    second.end(divided);
    shared.all_ended().await.unwrap();
    let taken: Vec<_> = std::iter::from_fn(|| shared.take()).map(|files| files.len()).collect();
    assert_eq!(taken, [2, 2], "files of one part together");
}

/// Streams share their keys: a row is given out by one of them, also where rows go to disk and where one is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn partitions_share_their_keys() {
    for (memory, dropped) in [(None, false), (Some(0), false), (Some(250 << 10), false), (Some(0), true)] {
        let pool: Arc<dyn MemoryPool> = match memory {
            Some(most) => Arc::new(GreedyMemoryPool::new(most)),
            None => Arc::new(UnboundedMemoryPool::default()),
        };
        let context = context(Arc::clone(&pool), 256);
        let partition = |seed: usize| (0..5).map(|batch| rows(seed * 5 + batch, 2000, 7_993)).collect::<Vec<_>>();
        let partitions: Vec<_> = (0..3).map(partition).collect();
        // A stream that is dropped before it is polled has no part in the answer.
        let read = &partitions[..if dropped { 2 } else { 3 }];
        let all: HashSet<_> = cells(&read.concat()).into_iter().map(|(key, _)| key).collect();
        let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
        let input = context.read_table(Arc::new(table)).unwrap().create_physical_plan().await.unwrap();
        let keys = ["n", "s"].map(|name| col(name, &input.schema()).unwrap()).to_vec();
        let plan = Arc::new(DistinctOnExec::new(keys, input));
        let streams = (0..3).map(|partition| plan.execute(partition, context.task_ctx()).unwrap());
        let mut streams: Vec<_> = streams.collect();
        assert!(plan.execute(1, context.task_ctx()).is_err(), "a second time");
        if dropped {
            drop(streams.pop());
        }
        let tasks: Vec<_> = streams.into_iter().map(|stream| tokio::spawn(collect_stream(stream))).collect();
        let mut got = Vec::new();
        for task in tasks {
            got.extend(cells(&task.await.unwrap().unwrap()).into_iter().map(|(key, _)| key));
        }
        let different: HashSet<_> = got.iter().cloned().collect();
        assert_eq!(different.len(), got.len(), "{memory:?}: a key came twice");
        assert_eq!(different, all, "{memory:?}");
        assert_eq!(pool.reserved(), 0);
        assert_eq!(plan.metrics().unwrap().spill_count().unwrap_or_default() > 0, memory.is_some());
    }
}

/// Numbers that are equal but not the same bits are one key, as they are in GROUP BY.
#[tokio::test]
async fn zeros_and_nans() {
    let context = context(Arc::new(UnboundedMemoryPool::default()), 64);
    let values = vec![Some(0.0), Some(-0.0), Some(f64::NAN), Some(f64::NAN), None, None];
    let column: ArrayRef = Arc::new(Float64Array::from(values));
    context.register_batch("t", RecordBatch::try_from_iter([("f", column)]).unwrap()).unwrap();
    let groups = context.sql("SELECT f FROM t GROUP BY f").await.unwrap().collect().await.unwrap();
    let input = context.sql("SELECT f FROM t").await.unwrap().create_physical_plan().await.unwrap();
    let keys = vec![col("f", &input.schema()).unwrap()];
    let ours = collect(Arc::new(DistinctOnExec::new(keys, input)), context.task_ctx()).await.unwrap();
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(count(&ours), count(&groups));
}
