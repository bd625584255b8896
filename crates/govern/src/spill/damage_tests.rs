//! DataFusion's own spilling through files that are damaged while it runs: an error, never a wrong answer.

use super::{
    SpillFailure, SpillFiles,
    file::{Shared, UnnamedFile},
    testing::{Random, assert_damaged, failure, files, flip},
};
use bytes::Bytes;
use datafusion::{
    arrow::{
        array::{ArrayRef, Int64Array, RecordBatch, StringArray},
        util::pretty::pretty_format_batches,
    },
    common::Result,
    config::SpillCompression,
    execution::{
        SessionStateBuilder,
        disk_manager::DiskManagerBuilder,
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
        spill_file::{SpillFile, SpillWriter, TempFileFactory},
    },
    physical_plan::{
        metrics::{ExecutionPlanMetricsSet, SpillMetrics},
        spill::SpillManager,
    },
    prelude::{SessionConfig, SessionContext},
};
use futures::{Stream, TryStreamExt};
use std::{
    io::{self, Write},
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Makes files of ours, keeps hold of them, and flips one bit of the n-th that is finished.
struct Damaging {
    files: SpillFiles,
    victim: Option<u64>,
    finished: Arc<AtomicU64>,
    last: Mutex<Option<Arc<Shared>>>,
}

struct DamagedFile {
    file: UnnamedFile,
    victim: Option<u64>,
    finished: Arc<AtomicU64>,
}

struct DamagingWriter {
    writer: Box<dyn SpillWriter>,
    file: Arc<Shared>,
    victim: Option<u64>,
    finished: Arc<AtomicU64>,
}

impl Damaging {
    fn new(folder: &Path, victim: Option<u64>) -> Arc<Self> {
        Arc::new(Self { files: files(folder), victim, finished: Arc::default(), last: Mutex::default() })
    }

    fn runtime(self: &Arc<Self>, memory: usize) -> Arc<RuntimeEnv> {
        let factory: Arc<dyn TempFileFactory> = Arc::<Self>::clone(self);
        let disk = DiskManagerBuilder::default().with_temp_file_factory(factory).with_max_spill_merge_fan_in(4);
        let pool = Arc::new(FairSpillPool::new(memory));
        RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(disk).build_arc().unwrap()
    }
}

impl TempFileFactory for Damaging {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        let file = self.files.create(description)?;
        *self.last.lock().unwrap() = Some(Arc::clone(file.shared()));
        Ok(Arc::new(DamagedFile { file, victim: self.victim, finished: Arc::clone(&self.finished) }))
    }
}

impl SpillFile for DamagedFile {
    fn size(&self) -> Option<u64> {
        self.file.size()
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        self.file.read_stream()
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(DamagingWriter {
            writer: self.file.open_writer()?,
            file: Arc::clone(self.file.shared()),
            victim: self.victim,
            finished: Arc::clone(&self.finished),
        }))
    }
}

impl Write for DamagingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl SpillWriter for DamagingWriter {
    fn finish(&mut self) -> Result<()> {
        self.writer.finish()?;
        let number = self.finished.fetch_add(1, Relaxed);
        if self.victim == Some(number) {
            flip(&self.file, Random(number).below(self.file.size() * 8));
        }
        Ok(())
    }
}

fn batches() -> Vec<RecordBatch> {
    let mut random = Random(3);
    let batch = |_| {
        let numbers: Vec<u64> = (0..2_000).map(|_| random.next() >> 1).collect();
        let words = numbers.iter().map(|number| Some(format!("/path/{}/{number}", number % 100)));
        let words: ArrayRef = Arc::new(words.collect::<StringArray>());
        let numbers: ArrayRef =
            Arc::new(numbers.iter().map(|number| i64::try_from(*number).ok()).collect::<Int64Array>());
        RecordBatch::try_from_iter([("number", numbers), ("word", words)]).unwrap()
    };
    (0..10).map(batch).collect()
}

#[tokio::test]
async fn a_thousand_flipped_bits_of_arrow_data_are_a_thousand_failures() {
    for compression in [SpillCompression::Uncompressed, SpillCompression::Lz4Frame] {
        let folder = tempfile::tempdir().unwrap();
        let factory = Damaging::new(folder.path(), None);
        let batches = batches();
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let manager = SpillManager::new(factory.runtime(1 << 20), metrics, batches[0].schema())
            .with_compression_type(compression);
        let file = manager.spill_record_batch_and_finish(&batches, "Sorting").unwrap().unwrap();
        let shared = factory.last.lock().unwrap().clone().unwrap();
        assert!(shared.size() > 300_000, "{} bytes", shared.size());
        let read = || async {
            let stream = manager.read_spill_as_stream_unbuffered(Arc::clone(&file), None)?;
            stream.try_collect::<Vec<_>>().await
        };
        let mut random = Random(4);
        for _ in 0..500 {
            let bit = random.below(shared.size() * 8);
            flip(&shared, bit);
            assert_damaged(read().await, &format!("bit {bit}"));
            flip(&shared, bit);
        }
        assert_eq!(read().await.unwrap(), batches);
    }
}

/// Runs a query that spills, in files of which one is damaged, and returns its rows and whether it spilled.
async fn query(factory: &Arc<Damaging>, sql: &str) -> Result<String> {
    let mut config = SessionConfig::new().with_target_partitions(2).with_batch_size(512);
    config.options_mut().execution.sort_spill_reservation_bytes = 256 << 10;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(factory.runtime(3 << 20))
        .with_default_features()
        .build();
    let rows = SessionContext::new_with_state(state).sql(sql).await?.collect().await?;
    Ok(pretty_format_batches(&rows)?.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_over_a_damaged_spill_file_ends_with_the_failure() {
    const SORT: &str = "SELECT max(previous), count(*), sum(k * n) FROM (SELECT k, row_number() OVER (ORDER BY k, value) AS n, \
         value AS previous FROM (SELECT value, value * 7919 % 1000003 AS k FROM generate_series(1, 200000)))";
    const GROUP: &str = "SELECT count(*), sum(c), max(k) FROM (SELECT value * 7919 % 200003 AS k, count(*) AS c \
         FROM generate_series(1, 400000) GROUP BY k)";
    let folder = tempfile::tempdir().unwrap();
    for sql in [SORT, GROUP] {
        let sound = Damaging::new(folder.path(), None);
        let answer = query(&sound, sql).await.unwrap();
        let spilled = sound.finished.load(Relaxed);
        assert!(spilled >= 4, "{spilled} files were spilled by {sql}");
        assert_eq!(query(&Damaging::new(folder.path(), None), sql).await.unwrap(), answer);
        for victim in 0..4 {
            let damaging = Damaging::new(folder.path(), Some(victim));
            let Err(error) = query(&damaging, sql).await else { panic!("{sql}: file {victim} was not noticed") };
            let SpillFailure::Damaged { name, .. } = failure(&error) else { panic!("{error}") };
            assert_eq!(damaging.files.failure().as_ref(), Some(failure(&error)));
            assert!(error.to_string().contains(&name.to_string()), "{error}");
        }
    }
}
