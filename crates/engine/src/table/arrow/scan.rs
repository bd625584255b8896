//! The plan node that scans Arrow IPC data.

use super::{
    provider::{ArrowTable, Source, fields},
    rows::{Partition, batches},
};
use crate::{
    EngineError,
    forecast::SampleSeen,
    input::InputFile,
    ipc::{Asking, Head, Index, Known, PieceQueue, QueueOptions, Sampled},
    table::{ScanContext, USUAL_RATIO},
};
use datafusion::{
    arrow::datatypes::{FieldRef, Schema, SchemaRef},
    common::{DataFusionError, Result, Statistics, stats::Precision, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::TryStreamExt;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tidegate_memory::ByteCount;

/// Scans Arrow IPC data: every partition takes the next piece as it is done with the last.
#[derive(Debug)]
pub(crate) struct ArrowScan {
    inputs: Arc<[InputFile]>,
    /// The files' columns that are read, in the order of the table.
    columns: Vec<FieldRef>,
    sources: Vec<Source>,
    indexes: Option<Arc<[Index]>>,
    head: Arc<Mutex<Option<Head>>>,
    context: ScanContext,
    properties: Arc<PlanProperties>,
    run: Mutex<Run>,
    /// What a sample of the files showed, where one is read in their place.
    seen: Arc<SampleSeen>,
}

/// One execution: a queue, and which partitions have taken their part in it.
#[derive(Debug, Default)]
struct Run {
    queue: Option<Arc<PieceQueue>>,
    started: Vec<usize>,
}

impl ArrowScan {
    pub(super) fn new(table: &ArrowTable, sources: Vec<Source>, threads: usize) -> Self {
        let schema = Arc::new(Schema::new(fields(&table.columns, &sources)));
        let own = sources.iter().filter_map(|source| match source {
            Source::Own(at) => table.columns.get(*at).cloned(),
            Source::Virtual(_) => None,
        });
        let columns: Vec<FieldRef> = own.collect();
        let indexes = table.indexes.clone();
        let mut scan = Self {
            inputs: Arc::clone(&table.inputs),
            columns,
            sources,
            indexes,
            head: Arc::clone(&table.head),
            context: table.context.clone(),
            properties: Arc::new(properties(&schema, 1)),
            run: Mutex::default(),
            seen: Arc::default(),
        };
        scan.properties = Arc::new(properties(&schema, scan.partitions(threads)));
        scan
    }

    /// Returns what a sample of the files showed.
    pub(crate) fn seen(&self) -> &SampleSeen {
        &self.seen
    }

    /// Returns the rows of all files, if that is known.
    fn rows(&self) -> Option<u64> {
        let indexes = self.indexes.as_ref()?;
        Some(indexes.iter().map(Index::rows).fold(0, u64::saturating_add))
    }

    /// Returns what will be read of all files.
    fn bytes(&self) -> u64 {
        match self.known() {
            Some(known) => known.iter().map(|file| file.bytes).fold(0, u64::saturating_add),
            None => size(&self.inputs).bytes(),
        }
    }

    fn known(&self) -> Option<Vec<Known<'_>>> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name().as_str()).collect();
        let indexes = self.indexes.as_ref()?;
        Some(indexes.iter().map(|index| Known { index, bytes: index.bytes_of(&names) }).collect())
    }

    /// Returns how many partitions are worth having: a piece for each, at least.
    fn partitions(&self, threads: usize) -> usize {
        let profile = &self.context.profile;
        let Some(indexes) = &self.indexes else {
            let packed = size(&self.inputs).bytes() * USUAL_RATIO;
            let is_stream = self.inputs.iter().any(|input| input.size.is_none());
            let pieces = usize::try_from(packed / profile.batch_bytes as u64).unwrap_or(threads);
            return if is_stream { threads } else { pieces.clamp(1, threads) };
        };
        let pieces = |index: &Index| {
            let messages = index.batches.len() as u64;
            if index.is_compressed { messages } else { messages.max(index.rows() / profile.read_rows as u64) }
        };
        let pieces = indexes.iter().map(pieces).fold(0, u64::saturating_add);
        usize::try_from(pieces).unwrap_or(threads).clamp(1, threads)
    }

    /// Returns the queue for a partition: that of the running execution, or a new one if the partition is executed again.
    ///
    /// # Errors
    /// If the input is a stream that another execution or another scan has read.
    fn queue(&self, partition: usize, context: &TaskContext) -> Result<Arc<PieceQueue>> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.started.contains(&partition) {
            *run = Run::default();
        }
        run.started.push(partition);
        let queue = match &run.queue {
            Some(queue) => Arc::clone(queue),
            None => Arc::clone(run.queue.insert(Arc::new(self.new_queue(context)?))),
        };
        if run.started.len() == self.properties.partitioning.partition_count() {
            // Everybody has it; the next execution starts anew, and this one's file is closed with its last stream.
            *run = Run::default();
        }
        Ok(queue)
    }

    fn new_queue(&self, context: &TaskContext) -> Result<PieceQueue> {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stream) = self.inputs.iter().find(|input| input.size.is_none())
            && head.is_none()
        {
            return Err(DataFusionError::External(Box::new(EngineError::read_twice(&stream.name))));
        }
        let profile = &self.context.profile;
        let options = QueueOptions { rows: profile.read_rows, bytes: profile.batch_bytes };
        let asking = Asking::new(context.memory_pool(), profile.batch_bytes.saturating_mul(4));
        let queue = PieceQueue::new(Arc::clone(&self.inputs), self.columns.clone(), options, asking).with_head(head);
        let Some(most) = self.context.sample else {
            self.context.progress.expect(ByteCount::new(self.bytes()));
            return Ok(queue.counting(Arc::clone(&self.context.progress)));
        };
        let sampled = match self.known() {
            Some(known) => Sampled::of(&known, most),
            None => Some(Sampled::beginning(most)),
        };
        let all = self.bytes();
        let planned = sampled.as_ref().map_or(Some(all), |sampled| Some(sampled.planned).filter(|bytes| *bytes > 0));
        let progress = self.seen.begin(ByteCount::new(all), planned);
        Ok(queue.counting(progress).sampling(sampled))
    }
}

fn properties(schema: &SchemaRef, partitions: usize) -> PlanProperties {
    PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
}

fn size(inputs: &[InputFile]) -> ByteCount {
    inputs.iter().filter_map(|input| input.size).sum()
}

impl DisplayAs for ArrowScan {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArrowScan: files={}, bytes={}", self.inputs.len(), size(&self.inputs))?;
        if let Some(rows) = self.rows() {
            write!(f, ", {} of them read, rows={rows}", ByteCount::new(self.bytes()))?;
        }
        if let [input] = self.inputs.as_ref() {
            write!(f, ", file={}", input.name)?;
        }
        let names: Vec<_> = self.schema().fields().iter().map(|field| field.name().clone()).collect();
        write!(f, ", columns=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for ArrowScan {
    fn name(&self) -> &'static str {
        "ArrowScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let queue = self.queue(partition, &context)?;
        let seen = self.context.sample.map(|_| Arc::clone(&self.seen));
        let batches = batches(Partition {
            progress: queue.progress(),
            queue,
            schema: self.schema(),
            sources: self.sources.clone(),
            bytes: self.context.profile.batch_bytes,
        });
        let batches = batches.inspect_ok(move |batch| seen.iter().for_each(|seen| seen.add(batch)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn statistics_from_inputs(&self, _inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        let share = if args.partition().is_some() { self.properties.partitioning.partition_count() as u64 } else { 1 };
        if let Some(rows) = self.rows() {
            let number = |number: u64| Precision::Inexact(usize::try_from(number / share).unwrap_or(usize::MAX));
            (statistics.num_rows, statistics.total_byte_size) = (number(rows), number(self.bytes()));
        }
        Ok(Arc::new(statistics))
    }
}
