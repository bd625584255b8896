//! Random tables and sessions to ask them in.

use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray},
        datatypes::{DataType, Field, Int64Type, Schema},
        util::display::array_value_to_string,
    },
    common::{DataFusionError, Result},
    datasource::MemTable,
    execution::{
        SessionStateBuilder,
        memory_pool::{FairSpillPool, MemoryPool, UnboundedMemoryPool},
        runtime_env::RuntimeEnvBuilder,
    },
    prelude::{SessionConfig, SessionContext},
};
use std::sync::Arc;
use tidegate_govern::RewriteOptions;

/// A small generator of numbers, the same for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Returns rows of keys `k` (text) and `n`, values `a` (text), `b`, `f`, `l` (a list) and `s` (a structure), with nulls.
pub fn batch(random: &mut Random, rows: usize) -> RecordBatch {
    let mut number = |end: usize| -> Vec<Option<i64>> {
        (0..rows).map(|_| (!random.one_in(6)).then(|| i64::try_from(random.below(end)).unwrap())).collect()
    };
    let text = |values: Vec<Option<i64>>| -> ArrayRef {
        Arc::new(values.into_iter().map(|value| value.map(|value| format!("v{value}"))).collect::<StringArray>())
    };
    let lists = number(4).into_iter().map(|value| value.map(|value| vec![Some(value), None]));
    let inner = Arc::new(Field::new("x", DataType::Int64, true));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("k", text(number(4))),
        ("n", Arc::new(Int64Array::from(number(3)))),
        ("a", text(number(40))),
        ("b", Arc::new(Int64Array::from(number(20)))),
        (
            "f",
            Arc::new(
                number(8).into_iter().map(|value| value.map(|value| value as f64 / 4.0)).collect::<Float64Array>(),
            ),
        ),
        ("l", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ("s", Arc::new(StructArray::from(vec![(inner, Arc::new(Int64Array::from(number(5))) as ArrayRef)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

/// Returns a table of some partitions, each of some batches of 0 to `rows` rows.
pub fn table(random: &mut Random, rows: usize) -> Arc<MemTable> {
    let schema = batch(random, 1).schema();
    let partitions = (0..=random.below(3))
        .map(|_| (0..random.below(4)).map(|_| random.below(rows + 1)).collect::<Vec<_>>())
        .collect::<Vec<_>>();
    let partitions =
        partitions.into_iter().map(|batches| batches.into_iter().map(|rows| batch(random, rows)).collect());
    Arc::new(MemTable::try_new(schema, partitions.collect()).unwrap())
}

/// Returns a table of one column `x` of whole numbers.
pub fn numbers(batches: Vec<Vec<Option<i64>>>) -> Arc<MemTable> {
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)]));
    let batch =
        |values| RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(values)) as _]).unwrap();
    let batches = batches.into_iter().map(batch).collect();
    Arc::new(MemTable::try_new(Arc::clone(&schema), vec![batches]).unwrap())
}

/// How a session works.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    pub rewrites: Option<RewriteOptions>,
    pub threads: usize,
    pub pool: Option<usize>,
}

pub fn session(mode: Mode, tables: &[(&str, Arc<MemTable>)]) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(mode.threads).with_batch_size(64);
    config.options_mut().optimizer.prefer_hash_join = false;
    config.options_mut().optimizer.enable_round_robin_repartition = false;
    config.options_mut().execution.sort_spill_reservation_bytes = 1 << 16;
    let pool: Arc<dyn MemoryPool> = match mode.pool {
        Some(bytes) => Arc::new(FairSpillPool::new(bytes)),
        None => Arc::new(UnboundedMemoryPool::default()),
    };
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
    let mut builder = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
    if let Some(options) = mode.rewrites {
        builder = options.install(builder);
    }
    let context = SessionContext::new_with_state(builder.build());
    for (name, table) in tables {
        context.register_table(*name, Arc::clone(table) as _).unwrap();
    }
    context
}

/// Returns the rows of an answer as text, sorted, below the names and types of its columns.
pub async fn answer(context: &SessionContext, sql: &str) -> Result<Vec<String>> {
    let frame = context.sql(sql).await?;
    let fields = frame.schema().fields().iter();
    let header = fields.map(|field| format!("{} {}", field.name(), field.data_type())).collect::<Vec<_>>().join(", ");
    let mut rows = Vec::new();
    for batch in frame.collect().await? {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row));
            rows.push(cells.collect::<Result<Vec<_>, _>>()?.join("|"));
        }
    }
    rows.sort();
    rows.insert(0, header);
    Ok(rows)
}

/// Returns whether an answer was refused for want of memory.
pub fn is_refusal(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

pub async fn plan(context: &SessionContext, sql: &str) -> String {
    let rows = answer(context, &format!("EXPLAIN {sql}")).await.unwrap();
    rows.into_iter().find(|row| row.starts_with("physical_plan|")).unwrap()
}
