//! The low-memory profile: sizes and counts derived from the budget.

use datafusion::{
    config::{ConfigNonZeroUsize, SpillCompression},
    execution::runtime_env::RuntimeEnvBuilder,
    prelude::SessionConfig,
};
use tidegate_memory::{Budget, ByteCount};

/// The fewest rows in a batch of operators, and of readers, in a plan that was made narrower.
const LEAST_ROWS: usize = 32;
const LEAST_READ: usize = 128;

/// The fewest groups in a batch of a plan whose states are known to be large.
const LEAST_GROUPS: usize = 64;

/// How a task works: derived from its budget, so that what nobody reserves stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Threads that execute, and partitions of a plan.
    pub threads: usize,
    /// Rows in a batch of an operator at most.
    pub batch_rows: usize,
    /// Bytes in a batch of an operator, as far as the rows decide it.
    pub row_bytes: usize,
    /// Rows in a batch of a reader at most.
    pub read_rows: usize,
    /// Bytes in a batch at most, as far as readers decide it.
    pub batch_bytes: usize,
    /// Bytes read from a file at a time.
    pub block_bytes: usize,
    /// Bytes that a thread decompresses ahead of what is read.
    pub ahead_bytes: usize,
    /// Runs merged at a time when sorted runs are read back.
    pub merge_fan_in: usize,
    /// Bytes that a sort sets aside in each partition to merge what it spilled.
    pub sort_reserve: usize,
    /// The sorts' share of what operators may reserve is one of so many parts.
    pub sort_parts: usize,
    /// Whether joins may be hash joins, which are fast and do not spill.
    pub hash_joins: bool,
    /// Bytes in a row group that the Parquet sink collects before it writes.
    pub row_group_bytes: usize,
    /// Bytes that expression, metadata and listing caches may hold.
    pub cache_bytes: usize,
}

impl Profile {
    /// Derives the profile for a budget and a wish for threads. More threads than the budget carries are not used: each
    /// needs about 12 MiB for its blocks, batches and operators.
    pub fn of(budget: Option<Budget>, threads: usize) -> Self {
        let operators = budget.map_or(ByteCount::mib(1 << 20), |budget| budget.operators);
        let carried = operators.bytes() / ByteCount::mib(12).bytes();
        let threads = threads.min(usize::try_from(carried).unwrap_or(usize::MAX)).max(1);
        let each = operators.size() / threads;
        let scaled = |divisor: usize, least: usize, most: usize| (each / divisor).clamp(least, most);
        Self {
            threads,
            batch_rows: rows_for(each),
            row_bytes: each / BATCHES,
            read_rows: rows_for(each),
            batch_bytes: scaled(64, 256 << 10, 2 << 20),
            block_bytes: scaled(64, 256 << 10, 1 << 20),
            ahead_bytes: scaled(16, 1 << 20, 16 << 20),
            merge_fan_in: scaled(1 << 20, 8, 64),
            sort_reserve: scaled(16, 1 << 20, 10 << 20),
            sort_parts: 4,
            hash_joins: true,
            row_group_bytes: scaled(8, 2 << 20, 64 << 20),
            cache_bytes: scaled(64, 256 << 10, 16 << 20),
        }
    }

    /// Returns a narrower profile: half the partitions, a quarter of the rows in a batch, joins that spill.
    #[must_use]
    pub fn narrower(self) -> Self {
        Self {
            threads: (self.threads / 2).max(1),
            batch_rows: (self.batch_rows / 4).max(LEAST_ROWS),
            row_bytes: self.row_bytes / 4,
            read_rows: (self.read_rows / 2).max(LEAST_READ),
            batch_bytes: (self.batch_bytes / 2).max(128 << 10),
            block_bytes: (self.block_bytes / 2).max(256 << 10),
            ahead_bytes: (self.ahead_bytes / 2).max(1 << 20),
            merge_fan_in: (self.merge_fan_in / 2).max(4),
            sort_reserve: self.sort_reserve,
            sort_parts: self.sort_parts * 2,
            hash_joins: false,
            row_group_bytes: (self.row_group_bytes / 2).max(1 << 20),
            cache_bytes: self.cache_bytes,
        }
    }

    /// Returns how many rows a batch may have in a plan one of whose groups takes `state` bytes.
    pub fn rows_with(self, state: usize) -> usize {
        (self.row_bytes / state.max(1)).max(LEAST_GROUPS).min(self.batch_rows)
    }

    /// Returns DataFusion's settings.
    pub fn session_config(self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.threads)
            .with_batch_size(self.batch_rows)
            .with_information_schema(true)
            .with_collect_statistics(false);
        let options = config.options_mut();
        options.execution.planning_concurrency = 1;
        options.execution.sort_spill_reservation_bytes = self.sort_reserve;
        options.execution.sort_in_place_threshold_bytes = self.batch_bytes;
        options.execution.spill_compression = SpillCompression::Lz4Frame;
        // A partial group-by that finds mostly new keys only copies; it hands on after a short probe.
        options.execution.skip_partial_aggregation_probe_ratio_threshold = 0.5;
        // It is over before the little memory that it may have ends, for it counts from there anew.
        options.execution.skip_partial_aggregation_probe_rows_threshold = (self.batch_bytes / 16).clamp(8_192, 50_000);
        options.execution.enforce_batch_size_in_joins = true;
        options.execution.sort_pushdown_buffer_capacity = self.batch_bytes * 4;
        // One file for each batch that an exchange spills: DataFusion 55.2 waits for ever for the older one of two open files
        // when the batch is in the newer one (issue 24883, fixed later).
        if let Ok(least) = ConfigNonZeroUsize::try_new(1) {
            options.execution.max_spill_file_size_bytes = least;
        }
        // A join that spills needs both inputs sorted, which takes longer: only after a hash join was refused.
        options.optimizer.prefer_hash_join = self.hash_joins;
        // Scans hand out blocks to every partition as they come; nothing is left to distribute.
        options.optimizer.enable_round_robin_repartition = false;
        options.sql_parser.map_string_types_to_utf8view = false;
        config
    }

    /// Returns a runtime builder with caches of the profile's size.
    pub fn runtime(self) -> RuntimeEnvBuilder {
        RuntimeEnvBuilder::new()
            .with_metadata_cache_limit(self.cache_bytes)
            .with_object_list_cache_limit(self.cache_bytes / 4)
            .with_file_statistics_cache_limit(self.cache_bytes / 4)
    }
}

/// What a sorted or joined row of a log takes, about.
const USUAL_ROW: usize = 400;

/// Rows are all that operators bound their batches by. A merge reserves four batches of each run, so a batch may take a 128th
/// of what a partition has.
const BATCHES: usize = 128;

fn rows_for(each: usize) -> usize {
    let rows = (each / BATCHES / USUAL_ROW).clamp(512, 8192);
    1 << rows.ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_budget_takes_fewer_threads_and_smaller_batches() {
        let profile = |mib, threads| Profile::of(Some(Budget::of(ByteCount::mib(mib), ByteCount::mib(7))), threads);
        assert_eq!(profile(64, 8).threads, 1);
        assert_eq!(profile(128, 2).threads, 2);
        assert!(profile(64, 2).batch_rows <= profile(256, 2).batch_rows);
        assert_eq!(Profile::of(None, 4).threads, 4);
        assert_eq!(Profile::of(None, 4).batch_rows, 8192);
        assert_eq!(Profile::of(None, 4).rows_with(1 << 20), 2048);
        assert_eq!(profile(64, 1).rows_with(0), profile(64, 1).batch_rows);
        assert_eq!(profile(64, 1).rows_with(18 << 10), LEAST_GROUPS);
        assert_eq!(profile(64, 1).narrower().narrower().rows_with(18 << 10), LEAST_ROWS);
        let least = profile(64, 64);
        assert!(least.batch_bytes * least.threads * 8 <= ByteCount::mib(8).size(), "{least:?}");
    }
}
