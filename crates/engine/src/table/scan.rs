//! The table of a log and the plan node that scans it.

use super::{
    filters::Fields,
    inference::{Inferred, USUAL_RATIO},
    stream,
};
use crate::{
    EngineError,
    input::{BlockQueue, Head, InputFile, QueueOptions},
    progress::Progress,
    rejects::RejectLog,
};
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::{DataFusionError, Result, Statistics, stats::Precision, tree_node::TreeNodeRecursion},
    datasource::TableType,
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tidegate_formats::{Batch, Format, Prefilter, VirtualColumn};
use tidegate_govern::Profile;
use tidegate_memory::ByteCount;

/// What all scans of a task share.
#[derive(Clone, Debug)]
pub struct ScanContext {
    /// Sizes of blocks and batches.
    pub profile: Profile,
    /// Counters.
    pub progress: Arc<Progress>,
    /// Where rejects go.
    pub rejects: Arc<RejectLog>,
    /// Whether every line is read, also those that no row can come of.
    pub every_line: bool,
}

/// A log as a table.
#[derive(Debug)]
pub struct LogTable {
    inputs: Arc<[InputFile]>,
    format: Format,
    schema: SchemaRef,
    /// For each column of the table, its place in [`Batch::schema`].
    places: Vec<usize>,
    record_bytes: Option<u64>,
    /// What was read of a stream already; the first scan takes it.
    head: Arc<Mutex<Option<Head>>>,
    context: ScanContext,
}

impl LogTable {
    /// Returns the table of what was inferred: the format's columns, and of the virtual ones those in `hidden`, which are
    /// the ones that the query names. A column of the files goes before a virtual one of the same name.
    pub fn new(inferred: Inferred, hidden: &[VirtualColumn], context: ScanContext) -> Self {
        if let Format::Json(layout) = &inferred.format
            && layout.left_out() > 0
        {
            let first = inferred.inputs.first().map_or("-", |input| input.name.as_ref());
            context.progress.note(format!(
                "`{first}` has too many keys: {} of those in the samples are no columns; json('..', types => 'key text') adds one",
                layout.left_out()
            ));
        }
        let full = Batch::schema(&inferred.format);
        let own = inferred.format.columns().len();
        let is_own = |name: &str| inferred.format.columns().iter().any(|column| column.name.as_ref() == name);
        let named = VirtualColumn::ALL
            .iter()
            .enumerate()
            .filter(|(_, column)| hidden.contains(column) && !is_own(column.name()));
        let places: Vec<usize> = (0..own).chain(named.map(|(at, _)| own + at)).collect();
        let fields: Vec<_> = places.iter().filter_map(|&place| full.fields().get(place).cloned()).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            places,
            inputs: inferred.inputs,
            format: inferred.format,
            record_bytes: inferred.record_bytes,
            head: Arc::new(Mutex::new(inferred.head)),
            context,
        }
    }

    fn fields(&self) -> Fields<'_> {
        Fields { format: &self.format, schema: &self.schema, places: &self.places }
    }
}

fn size(inputs: &[InputFile]) -> ByteCount {
    inputs.iter().filter_map(|input| input.size).sum()
}

#[async_trait]
impl TableProvider for LogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(columns) => columns.iter().filter_map(|&column| self.places.get(column).copied()).collect(),
            None => self.places.clone(),
        };
        let prefilter = if self.context.every_line { None } else { self.fields().prefilter(filters) };
        Ok(Arc::new(LogScan::new(self, projection, prefilter.map(Arc::new), state.config().target_partitions())))
    }

    /// The scan passes over lines that cannot pass. What is read is filtered again.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushdown = |filter: &&Expr| {
            let known = self.fields().knows(filter);
            if known { TableProviderFilterPushDown::Inexact } else { TableProviderFilterPushDown::Unsupported }
        };
        Ok(filters.iter().map(pushdown).collect())
    }
}

/// Scans a log: every partition takes the next block as it is done with the last.
#[derive(Debug)]
pub(crate) struct LogScan {
    inputs: Arc<[InputFile]>,
    format: Format,
    projection: Vec<usize>,
    prefilter: Option<Arc<Prefilter>>,
    record_bytes: Option<u64>,
    head: Arc<Mutex<Option<Head>>>,
    context: ScanContext,
    properties: Arc<PlanProperties>,
    run: Mutex<Run>,
}

/// One execution: a queue, and which partitions have taken their part in it.
#[derive(Debug, Default)]
struct Run {
    queue: Option<Arc<BlockQueue>>,
    started: Vec<usize>,
}

impl LogScan {
    fn new(table: &LogTable, projection: Vec<usize>, prefilter: Option<Arc<Prefilter>>, threads: usize) -> Self {
        let full = Batch::schema(&table.format);
        let fields: Vec<_> = projection.iter().filter_map(|&at| full.fields().get(at).cloned()).collect();
        let schema = Arc::new(Schema::new(fields));
        let partitions = partitions(&table.inputs, threads, table.context.profile.block_bytes);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            inputs: Arc::clone(&table.inputs),
            format: table.format.clone(),
            projection,
            prefilter,
            record_bytes: table.record_bytes,
            head: Arc::clone(&table.head),
            context: table.context.clone(),
            properties: Arc::new(properties),
            run: Mutex::default(),
        }
    }

    /// Returns the queue for a partition: that of the running execution, or a new one if the partition is executed again.
    ///
    /// # Errors
    /// If the input is a stream that another execution or another scan has read.
    fn queue(&self, partition: usize) -> Result<Arc<BlockQueue>> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.started.contains(&partition) {
            *run = Run::default();
        }
        run.started.push(partition);
        let queue = match &run.queue {
            Some(queue) => Arc::clone(queue),
            None => Arc::clone(run.queue.insert(self.new_queue()?)),
        };
        if run.started.len() == self.properties.partitioning.partition_count() {
            // Everybody has it; the next execution starts anew, and this one's file is closed with its last stream.
            *run = Run::default();
        }
        Ok(queue)
    }

    fn new_queue(&self) -> Result<Arc<BlockQueue>> {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stream) = self.inputs.iter().find(|input| input.size.is_none())
            && head.is_none()
        {
            // Such as of a subquery in WITH that is used twice: the statement names the stream once.
            return Err(DataFusionError::External(Box::new(EngineError::read_twice(&stream.name))));
        }
        let options = QueueOptions {
            block_bytes: self.context.profile.block_bytes,
            numbered: self.context.rejects.writes() || self.wants(VirtualColumn::Line),
        };
        self.context.progress.expect(size(&self.inputs));
        let progress = Arc::clone(&self.context.progress);
        Ok(Arc::new(BlockQueue::new(Arc::clone(&self.inputs), self.format.clone(), options, head, progress)))
    }

    fn wants(&self, column: VirtualColumn) -> bool {
        let first = self.format.columns().len();
        let place = VirtualColumn::ALL.iter().position(|known| *known == column).map(|at| first + at);
        place.is_some_and(|place| self.projection.contains(&place))
    }
}

/// Returns the first needles as text.
fn shown(prefilter: &Prefilter) -> String {
    const MOST: usize = 5;
    let needles = prefilter.needles();
    let first = needles.iter().take(MOST).map(|needle| format!("{:?}", String::from_utf8_lossy(needle)));
    let rest = needles.len().saturating_sub(MOST);
    let rest = (rest > 0).then(|| format!("{rest} more"));
    first.chain(rest).collect::<Vec<_>>().join(" or ")
}

/// Returns how many partitions are worth having: a block for each, at least.
fn partitions(inputs: &[InputFile], threads: usize, block_bytes: usize) -> usize {
    if inputs.iter().any(|input| input.size.is_none()) {
        return threads;
    }
    let packed = if inputs.iter().any(|input| input.compression.is_some()) { USUAL_RATIO } else { 1 };
    let blocks = (size(inputs).bytes() * packed).div_ceil(block_bytes as u64).max(1);
    usize::try_from(blocks).unwrap_or(threads).min(threads)
}

impl DisplayAs for LogScan {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogScan: format={}, files={}, bytes={}", self.format.name(), self.inputs.len(), size(&self.inputs))?;
        if let [input] = self.inputs.as_ref() {
            write!(f, ", file={}", input.name)?;
        }
        let names: Vec<_> = self.schema().fields().iter().map(|field| field.name().clone()).collect();
        write!(f, ", columns=[{}]", names.join(", "))?;
        match &self.prefilter {
            Some(prefilter) => write!(f, ", lines with {}", shown(prefilter)),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for LogScan {
    fn name(&self) -> &'static str {
        "LogScan"
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

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let queue = self.queue(partition)?;
        let batches = stream::batches(queue, &self.format, &self.projection, self.prefilter.as_ref(), &self.context);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn statistics_from_inputs(&self, _inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        let share = if args.partition().is_some() { self.properties.partitioning.partition_count() as u64 } else { 1 };
        let bytes = size(&self.inputs).bytes() / share;
        if let Some(rows) = self.record_bytes.and_then(|each| bytes.checked_div(each)) {
            statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX));
            statistics.total_byte_size = Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Ok(Arc::new(statistics))
    }
}
