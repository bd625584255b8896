//! An operator that drops rows it has just seen.

use crate::node;
use datafusion::{
    arrow::{
        array::{BooleanArray, BooleanBufferBuilder, RecordBatch},
        compute::filter_record_batch,
        datatypes::SchemaRef,
        row::{RowConverter, SortField},
    },
    common::{Result, config::ConfigOptions, tree_node::TreeNodeRecursion},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        execution_plan::ChildrenPropertiesMode,
        filter_pushdown::{FilterDescription, FilterPushdownPhase},
        metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{TryStreamExt, future};
use std::{fmt, mem, sync::Arc};
use xxhash_rust::xxh3::xxh3_64;

/// How many rows are remembered.
const SLOTS: usize = 1 << 15;

/// Rows with more bytes than this are not remembered.
const LONGEST: usize = 256;

/// Drops rows that are equal to one which it remembers. Each is remembered in the slot of its checksum, until other rows came
/// for this slot as often as it itself did (after Boyer and Moore, "MJRTY - A Fast Majority Vote Algorithm", 1981). So a row
/// that is seen often is dropped nearly always, however many others there are, and all rows are passed on at least once. It
/// holds [`SLOTS`] times [`LONGEST`] bytes at most, and nothing once memory is refused.
#[derive(Debug)]
pub(super) struct DropRecentExec {
    input: Arc<dyn ExecutionPlan>,
    metrics: ExecutionPlanMetricsSet,
}

impl DropRecentExec {
    pub fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input, metrics: ExecutionPlanMetricsSet::default() }
    }
}

/// Returns whether rows of these columns can be compared.
pub(super) fn are_comparable(schema: &SchemaRef) -> bool {
    !schema.fields().is_empty() && node::are_comparable(schema.fields().iter().map(|field| field.data_type()))
}

fn sort_fields(schema: &SchemaRef) -> Vec<SortField> {
    schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect()
}

impl DisplayAs for DropRecentExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DropRecentExec")
    }
}

impl ExecutionPlan for DropRecentExec {
    fn name(&self) -> &'static str {
        "DropRecentExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(node::only_child(children, "what drops rows")?)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let reservation = MemoryConsumer::new("DropRecent").register(context.memory_pool());
        let mut recent = Recent::new(&self.schema(), reservation)?;
        let rows = input.try_filter_map(move |batch| {
            let timer = metrics.elapsed_compute().timer();
            let rows = recent.pass(batch);
            timer.done();
            future::ready(rows.map(|rows| (rows.num_rows() > 0).then(|| rows.record_output(&metrics))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// The rows that are remembered.
struct Recent {
    converter: RowConverter,
    /// No slots: nothing is remembered any more.
    slots: Vec<Slot>,
    reservation: MemoryReservation,
}

#[derive(Clone, Default)]
struct Slot {
    /// The encoding of a row, which is never empty.
    row: Vec<u8>,
    /// The upper half of its checksum: most rows that differ are told apart without a look at them.
    tag: u32,
    /// How much oftener this row came than others.
    votes: u32,
}

impl Slot {
    /// Takes a row, and returns whether it is known.
    fn knows(&mut self, row: &[u8], tag: u32) -> bool {
        if self.tag == tag && self.row == row {
            self.votes = self.votes.saturating_add(1);
            return true;
        }
        if self.votes > 0 {
            self.votes -= 1;
        } else if row.len() <= LONGEST {
            self.row.clear();
            self.row.extend_from_slice(row);
            (self.tag, self.votes) = (tag, 1);
        }
        false
    }
}

impl Recent {
    fn new(schema: &SchemaRef, reservation: MemoryReservation) -> Result<Self> {
        let converter = RowConverter::new(sort_fields(schema))?;
        let remembers = reservation.try_grow(SLOTS * size_of::<Slot>()).is_ok();
        let slots = if remembers { vec![Slot::default(); SLOTS] } else { Vec::new() };
        Ok(Self { converter, slots, reservation })
    }

    /// Returns the rows of a batch that it does not remember.
    fn pass(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.slots.is_empty() {
            return Ok(batch);
        }
        let rows = self.converter.convert_columns(batch.columns())?;
        let mut new = BooleanBufferBuilder::new(batch.num_rows());
        let (slots, mut grown) = (self.slots.len() as u64, 0);
        for row in &rows {
            let row = row.as_ref();
            let checksum = xxh3_64(row);
            let tag = u32::try_from(checksum >> 32).unwrap_or_default();
            let slot = usize::try_from(checksum % slots).ok().and_then(|slot| self.slots.get_mut(slot));
            new.append(!slot.is_some_and(|slot| {
                let before = slot.row.capacity();
                let known = slot.knows(row, tag);
                grown += slot.row.capacity() - before;
                known
            }));
        }
        if self.reservation.try_grow(grown).is_err() {
            drop(mem::take(&mut self.slots));
            self.reservation.free();
        }
        let new = new.finish();
        if new.count_set_bits() == batch.num_rows() {
            return Ok(batch);
        }
        Ok(filter_record_batch(&batch, &BooleanArray::new(new, None))?)
    }
}
