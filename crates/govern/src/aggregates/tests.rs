//! The functions in queries, over rows that come in every order, in batches and partitions of every size.

use super::order_free;
use datafusion::{
    arrow::{
        array::{ArrayRef, Float64Array, Int64Array, RecordBatch},
        util::pretty::pretty_format_batches,
    },
    datasource::MemTable,
    execution::{memory_pool::FairSpillPool, runtime_env::RuntimeEnvBuilder},
    prelude::{SessionConfig, SessionContext},
};
use std::sync::Arc;

/// Numbers from a seed (`SplitMix64`): the same in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for at in (1..values.len()).rev() {
            values.swap(at, self.below(at + 1));
        }
    }

    /// A finite double: of any bits, of nearby exponents, whole, decimal, tiny, huge, or of a few values.
    pub fn double(&mut self, kind: usize) -> f64 {
        let bits = self.bits();
        let with_exponent = |low: u64, count: u64| {
            let exponent = low + (bits >> 53) % count;
            f64::from_bits((bits & ((1 << 63) | ((1 << 52) - 1))) | (exponent << 52))
        };
        match kind {
            0 => with_exponent(0, 2047),
            1 => with_exponent(1000, 40),
            2 => with_exponent(1023, 3),
            3 => f64::from(i32::try_from(bits % 2_000_000).unwrap() - 1_000_000),
            4 => f64::from(u32::try_from(bits % 60_000).unwrap()) / 1000.0,
            5 => with_exponent(0, 3),
            6 => with_exponent(2030, 17),
            _ => [0.0, -0.0, 0.1, 1e-3, 1e17, -1e17][self.below(6)],
        }
    }
}

const ROWS: usize = 6_000;

fn columns() -> [Vec<f64>; 4] {
    let mut random = Random::new(7);
    let mut column = |kind: usize| (0..ROWS).map(|_| random.double(kind)).collect::<Vec<_>>();
    let (wild, times, whole) = (column(1), column(4), column(3));
    let groups = (0..ROWS).map(|_| f64::from(u32::try_from(random.below(700)).unwrap())).collect();
    [groups, wild, times, whole]
}

/// A table `t` of the same rows in an order of its own, cut into partitions and batches.
async fn ask(sql: &str, seed: u64, partitions: usize, batch: usize, pool: Option<usize>) -> String {
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..ROWS).collect();
    random.shuffle(&mut order);
    let columns = columns();
    let take = |column: usize| {
        let of = |row: &usize| (column == 0 || !(row * 7 + column).is_multiple_of(11)).then(|| columns[column][*row]);
        Arc::new(order.iter().map(of).collect::<Float64Array>()) as ArrayRef
    };
    let row = Arc::new(order.iter().map(|row| i64::try_from(*row).unwrap()).collect::<Int64Array>()) as ArrayRef;
    let columns = [("g", take(0)), ("x", take(1)), ("y", take(2)), ("z", take(3)), ("row", row)];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let each = ROWS.div_ceil(partitions);
    let cut = |start: usize| {
        let end = (start + each).min(ROWS);
        (start..end).step_by(batch).map(|at| rows.slice(at, batch.min(end - at))).collect::<Vec<_>>()
    };
    let table = MemTable::try_new(rows.schema(), (0..ROWS).step_by(each).map(cut).collect()).unwrap();
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(bytes) = pool {
        runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(bytes)));
    }
    let mut config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch);
    config.options_mut().execution.sort_spill_reservation_bytes = 0;
    let context = SessionContext::new_with_config_rt(config, runtime.build_arc().unwrap());
    for function in order_free() {
        context.register_udaf(function);
    }
    context.register_table("t", Arc::new(table)).unwrap();
    let result = context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batches = result.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    pretty_format_batches(&batches).unwrap().to_string()
}

const STATISTICS: &str = "sum(x), avg(x), mean(y), sum(y) FILTER (WHERE z > 0), avg(DISTINCT y), sum(DISTINCT y), \
    var(x), var_pop(y), stddev(x), stddev_pop(y), var_pop(DISTINCT z), covar_samp(x, y), covar_pop(x, z), corr(x, y), \
    regr_slope(x, y), regr_intercept(x, y), regr_r2(y, z), regr_avgx(x, y), regr_avgy(x, y), regr_count(x, y), \
    regr_sxx(x, y), regr_syy(x, y), regr_sxy(x, y), approx_median(x), approx_percentile_cont(y, 0.95), \
    approx_percentile_cont(0.9, 50) WITHIN GROUP (ORDER BY x DESC), approx_distinct(row), median(x), percentile_cont(y, 0.3), \
    approx_percentile_cont_with_weight(x, y, 0.4), sum(row), avg(row), min(x), sum(cast(y AS decimal(20, 3)))";

#[tokio::test]
async fn answers_are_the_same_in_every_order() {
    let queries = [
        format!("SELECT {STATISTICS} FROM t"),
        format!("SELECT g, {STATISTICS} FROM t GROUP BY g ORDER BY g"),
        "SELECT row, sum(x) AS a, avg(y) AS b, stddev(x) AS c, count(*) AS n FROM t GROUP BY row ORDER BY row".into(),
        "SELECT row, sum(x) OVER w, avg(y) OVER w, var(x) OVER w, corr(x, y) OVER w, sum(z) OVER (PARTITION BY g ORDER BY row) \
         FROM t WINDOW w AS (ORDER BY row ROWS BETWEEN 20 PRECEDING AND 3 FOLLOWING) ORDER BY row"
            .into(),
        "SELECT g, z > 0 AS above, count(*) AS n, sum(x), approx_median(y) FROM t GROUP BY GROUPING SETS ((g), (above), ()) ORDER BY g, above, n".into(),
    ];
    for sql in queries {
        let expected = ask(&sql, 1, 1, 8192, None).await;
        for (seed, partitions, batch) in [(2, 1, 8192), (3, 4, 8192), (4, 3, 100), (5, 8, 17)] {
            assert_eq!(ask(&sql, seed, partitions, batch, None).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn answers_are_the_same_after_spilling() {
    let sql = "SELECT row, sum(x), avg(y), stddev(z), corr(x, y), approx_median(x) FROM t GROUP BY row ORDER BY row";
    let expected = ask(sql, 1, 1, 8192, None).await;
    for (partitions, pool) in [(1, 1 << 20), (2, 3 << 20)] {
        assert_eq!(ask(sql, 6, partitions, 64, Some(pool)).await, expected);
        let told = ask(&format!("EXPLAIN ANALYZE {sql}"), 6, partitions, 64, Some(pool)).await;
        let aggregates = told.lines().filter(|line| line.contains("AggregateExec"));
        let spilled = |line: &str| line.contains("spill_count=") && !line.contains("spill_count=0");
        assert!(aggregates.into_iter().any(spilled), "nothing was spilled: {told}");
    }
}

/// The numbers of `statistics` in Python's library for 1, 2, 4, 7, 11 and 2, 3, 9, 1, 5, with an offset that leaves nothing
/// of the usual arithmetic.
#[tokio::test]
async fn statistics_survive_large_offsets() {
    let cases = [("0", "0"), ("1e9", "3e8"), ("4503599627370496", "1e15")];
    for (x, y) in cases {
        let sql = format!(
            "SELECT var(a + {x}) AS a, var_pop(a + {x}) AS b, stddev_pop(a + {x}) AS c, covar_samp(a + {x}, b + {y}) AS d, \
             regr_slope(b + {y}, a + {x}) AS e, regr_sxx(b + {y}, a + {x}) AS f, corr(a, 2.0 * a + {x}) AS g, \
             stddev(b) FILTER (WHERE b > 8) AS h, corr(a, 5.0 + {x}) AS i \
             FROM (VALUES (1.0, 2.0), (2.0, 3.0), (4.0, 9.0), (7.0, 1.0), (11.0, 5.0), (NULL, 4.0), (3.0, NULL)) AS v(a, b) \
             WHERE a IS NOT NULL AND b IS NOT NULL"
        );
        let expected = "\
+------+------+------------------+-----+---------------------+------+-----+---+---+
| a    | b    | c                | d   | e                   | f    | g   | h | i |
+------+------+------------------+-----+---------------------+------+-----+---+---+
| 16.5 | 13.2 | 3.63318042491699 | 1.5 | 0.09090909090909091 | 66.0 | 1.0 |   |   |
+------+------+------------------+-----+---------------------+------+-----+---+---+";
        assert_eq!(ask(&sql, 1, 1, 8192, None).await, expected, "{x} {y}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    for (sql, message) in [
        ("SELECT approx_percentile_cont(x, 1.5) FROM t", "between 0.0 and 1.0"),
        ("SELECT approx_percentile_cont(x, y) FROM t", "must be a literal"),
        ("SELECT approx_percentile_cont_with_weight(x, z, 0.5) FROM t", "is not a finite number from 0"),
        ("SELECT corr(DISTINCT x, y), sum(x) FROM t", "corr(DISTINCT)"),
        ("SELECT approx_median(DISTINCT x), avg(y) FROM t", "approx_median(DISTINCT)"),
    ] {
        let asked = tokio::spawn(async move { ask(sql, 1, 1, 8192, None).await }).await;
        let panic = asked.unwrap_err().into_panic();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.to_lowercase().contains(&message.to_lowercase()), "{sql}: {said}");
    }
}
