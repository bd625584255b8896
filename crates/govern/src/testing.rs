//! What tests of operators share: random rows, sessions over them, and a pool that refuses.

use datafusion::{
    arrow::{
        array::{Float64Array, Int64Array, RecordBatch, StringArray},
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    common::{DataFusionError, Result},
    datasource::MemTable,
    execution::{
        memory_pool::{MemoryLimit, MemoryPool, MemoryReservation},
        runtime_env::RuntimeEnvBuilder,
    },
    physical_plan::ExecutionPlan,
    prelude::{SessionConfig, SessionContext},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Grants everything but more than so many bytes to consumers whose names begin like this.
#[derive(Debug)]
pub struct Tight {
    most: [(&'static str, usize); 2],
    limit: Option<usize>,
    refused: AtomicUsize,
    held: AtomicUsize,
}

impl Tight {
    pub fn new(most: [(&'static str, usize); 2]) -> Self {
        Self { most, limit: None, refused: AtomicUsize::new(0), held: AtomicUsize::new(0) }
    }

    /// Says that it has so many bytes for all.
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Returns how often it refused.
    pub fn refusals(&self) -> usize {
        self.refused.load(Relaxed)
    }
}

impl fmt::Display for Tight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tight")
    }
}

impl MemoryPool for Tight {
    fn name(&self) -> &'static str {
        "tight"
    }

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        self.held.fetch_add(additional, Relaxed);
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        self.held.fetch_sub(shrink, Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let name = reservation.consumer().name();
        let most = self.most.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or(usize::MAX, |(_, most)| *most);
        if reservation.size() + additional > most {
            self.refused.fetch_add(1, Relaxed);
            return Err(DataFusionError::ResourcesExhausted(format!("{additional} bytes for {name}")));
        }
        self.grow(reservation, additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.held.load(Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.limit.map_or(MemoryLimit::Infinite, MemoryLimit::Finite)
    }
}

/// Splitmix64, by Sebastiano Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> i64 {
        i64::try_from(self.next() % end).unwrap()
    }

    fn value(&mut self, end: u64) -> Option<i64> {
        (self.below(7) > 0).then(|| self.below(end))
    }
}

pub fn schema() -> SchemaRef {
    let column = |name, of| Field::new(name, of, true);
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        column("g", DataType::Int64),
        column("s", DataType::Utf8),
        column("v", DataType::Int64),
        column("f", DataType::Float64),
        column("t", DataType::Int64),
    ]))
}

/// Makes rows in batches of random length: a third in one partition, a third in a few, a third in many.
pub fn batches(seed: u64, rows: i64) -> Vec<RecordBatch> {
    let mut random = Random(seed);
    let (mut batches, mut id) = (Vec::new(), 0);
    while id < rows {
        let length = (1 + random.below(200)).min(rows - id);
        let ids: Vec<i64> = (id..id + length).collect();
        id += length;
        let mut each = |make: &mut dyn FnMut(&mut Random) -> Option<i64>| -> Vec<Option<i64>> {
            ids.iter().map(|_| make(&mut random)).collect()
        };
        let groups = each(&mut |random| match random.below(3) {
            0 => Some(0),
            1 => random.value(5),
            _ => random.value(1000),
        });
        let texts = each(&mut |random| random.value(20));
        let texts = texts.into_iter().map(|text| text.map(|text| format!("text number {text}")));
        let floats = each(&mut |random| random.value(100).map(|value| value - 50));
        #[expect(clippy::cast_precision_loss, reason = "small whole numbers, whose sums are exact in any order")]
        let floats = floats.into_iter().map(|value| value.map(|value| value as f64));
        let columns: Vec<datafusion::arrow::array::ArrayRef> = vec![
            Arc::new(Int64Array::from(ids.clone())),
            Arc::new(Int64Array::from(groups)),
            Arc::new(texts.collect::<StringArray>()),
            Arc::new(Int64Array::from(each(&mut |random| random.value(100)))),
            Arc::new(floats.collect::<Float64Array>()),
            Arc::new(Int64Array::from(each(&mut |random| random.value(10)))),
        ];
        batches.push(RecordBatch::try_new(schema(), columns).unwrap());
    }
    batches
}

pub fn session(
    batches: Vec<RecordBatch>,
    batch_rows: usize,
    threads: usize,
    pool: Option<Arc<Tight>>,
) -> SessionContext {
    let config = SessionConfig::new().with_batch_size(batch_rows).with_target_partitions(threads);
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(pool) = pool {
        runtime = runtime.with_memory_pool(pool);
    }
    let session = SessionContext::new_with_config_rt(config, runtime.build_arc().unwrap());
    let table = MemTable::try_new(schema(), vec![batches]).unwrap();
    session.register_table("rows", Arc::new(table)).unwrap();
    session
}

pub async fn plan(session: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
    session.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
}
