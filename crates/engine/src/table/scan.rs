//! The table of a log and the plan node that scans it.

use super::{
    dynamic::{Dynamic, is_dynamic},
    filters::Fields,
    inference::{InferredLog, USUAL_RATIO},
    stream,
};
use crate::{
    EngineError,
    forecast::{SampleSeen, sampled},
    input::{BlockQueue, Head, InputFile, QueueOptions},
    progress::Progress,
    rejects::RejectLog,
    zones::{ZonePlan, ZoneStore},
};
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::{
        DataFusionError, Result, Statistics, config::ConfigOptions, stats::Precision, tree_node::TreeNodeRecursion,
    },
    datasource::TableType,
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
        execution_plan::{Boundedness, EmissionType},
        filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::TryStreamExt;
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tidegate_formats::{Batch, ColumnType, Format, Prefilter, VirtualColumn};
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
    /// Where the zones of large files are remembered.
    pub zones: Option<ZoneStore>,
    /// The bytes of a table that are read in its place, for a forecast.
    pub sample: Option<u64>,
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
    pub fn new(inferred: InferredLog, hidden: &[VirtualColumn], context: ScanContext) -> Self {
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

    /// Returns how a scan passes over lines that cannot pass its filters. A file of unknown zones of which some time is wanted is
    /// read whole, once, so that the next query needs not.
    fn passing(&self, projection: &[usize], filters: &[Expr]) -> Passing {
        let filters = if self.context.every_line { &[] } else { filters };
        let wanted = self.fields().time_wanted(filters);
        let prefilter = self.fields().prefilter(filters);
        let zones = self.zones(projection, wanted);
        match zones {
            Some(zones) if zones.learns() && wanted.is_some() => Passing { prefilter: None, zones: Some(zones) },
            Some(zones) if zones.learns() && prefilter.is_some() => Passing { prefilter, zones: None },
            zones => Passing { prefilter, zones },
        }
    }

    /// Returns the zones by the time that is wanted, or else by the first that is read.
    fn zones(&self, projection: &[usize], wanted: Option<(usize, i64, i64)>) -> Option<ZonePlan> {
        let store = self.context.zones.as_ref()?;
        let own = self.format.columns();
        let is_time = |place: &usize| own.get(*place).is_some_and(|column| column.kind == ColumnType::Timestamp);
        let place = wanted.map(|(place, ..)| place).or_else(|| projection.iter().copied().find(is_time))?;
        let column = projection.iter().position(|projected| *projected == place)?;
        let name = format!("{} of {:?}", own.get(place)?.name, self.format);
        Some(ZonePlan::new(store, &self.inputs, &name, column, wanted.map(|(_, low, high)| (low, high))))
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
        let passing = self.passing(&projection, filters);
        Ok(Arc::new(LogScan::new(self, projection, passing, state.config().target_partitions())))
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

/// How lines that cannot pass the filters are passed over.
#[derive(Debug)]
struct Passing {
    prefilter: Option<Prefilter>,
    zones: Option<ZonePlan>,
}

/// Scans a log: every partition takes the next block as it is done with the last.
#[derive(Debug)]
pub(crate) struct LogScan {
    inputs: Arc<[InputFile]>,
    format: Format,
    projection: Vec<usize>,
    prefilter: Option<Arc<Prefilter>>,
    zones: Option<ZonePlan>,
    /// Filters that become known while the query runs.
    dynamic: Vec<Arc<dyn PhysicalExpr>>,
    record_bytes: Option<u64>,
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
    queue: Option<Arc<BlockQueue>>,
    started: Vec<usize>,
}

impl LogScan {
    fn new(table: &LogTable, projection: Vec<usize>, passing: Passing, threads: usize) -> Self {
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
            prefilter: passing.prefilter.map(Arc::new),
            zones: passing.zones,
            dynamic: Vec::new(),
            record_bytes: table.record_bytes,
            head: Arc::clone(&table.head),
            context: table.context.clone(),
            properties: Arc::new(properties),
            run: Mutex::default(),
            seen: Arc::default(),
        }
    }

    fn with_dynamic(&self, dynamic: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self {
            inputs: Arc::clone(&self.inputs),
            format: self.format.clone(),
            projection: self.projection.clone(),
            prefilter: self.prefilter.clone(),
            zones: self.zones.clone(),
            dynamic,
            record_bytes: self.record_bytes,
            head: Arc::clone(&self.head),
            context: self.context.clone(),
            properties: Arc::clone(&self.properties),
            run: Mutex::default(),
            seen: Arc::default(),
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
        let sample = self.context.sample.filter(|_| head.is_none());
        let sample = sample.map(|most| sampled(&self.inputs, most)).transpose();
        let sample = sample.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let options = QueueOptions {
            block_bytes: self.context.profile.block_bytes,
            numbered: self.context.rejects.writes() || self.wants(VirtualColumn::Line),
            threads: self.properties.partitioning.partition_count(),
            ahead_bytes: self.context.profile.ahead_bytes,
        };
        if let Some(sample) = sample {
            let progress = self.seen.begin(size(&self.inputs), sample.bytes);
            let queue = BlockQueue::new(sample.inputs, self.format.clone(), options, None, progress);
            return Ok(Arc::new(queue.with_gaps(sample.gaps)));
        }
        let passed_over = self.zones.as_ref().map_or(ByteCount::ZERO, ZonePlan::passed_over);
        self.context.progress.expect(size(&self.inputs) - passed_over);
        let progress = Arc::clone(&self.context.progress);
        let queue = BlockQueue::new(Arc::clone(&self.inputs), self.format.clone(), options, head, progress);
        Ok(Arc::new(match &self.zones {
            Some(zones) => queue.with_zones(zones.execution()),
            None => queue,
        }))
    }

    /// Returns what a sample of the files showed.
    pub(crate) fn seen(&self) -> &SampleSeen {
        &self.seen
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
        if let Some(prefilter) = &self.prefilter {
            write!(f, ", lines with {}", shown(prefilter))?;
        }
        if let Some(bytes) = self.zones.as_ref().map(ZonePlan::passed_over).filter(|bytes| *bytes > ByteCount::ZERO) {
            write!(f, ", {bytes} of other times passed over")?;
        }
        if self.dynamic.is_empty() {
            return Ok(());
        }
        let dynamic: Vec<_> = self.dynamic.iter().map(ToString::to_string).collect();
        write!(f, ", filters=[{}]", dynamic.join(", "))
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
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for filter in &self.dynamic {
            if f(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    /// Takes the filters that become known while the query runs. Rows that do not pass may still come.
    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters = child_pushdown_result.parent_filters.iter().map(|parent| &parent.filter);
        let dynamic: Vec<_> = filters.filter(|filter| is_dynamic(filter)).map(Arc::clone).collect();
        let propagation = FilterPushdownPropagation::all_unsupported(child_pushdown_result);
        let learns = self.zones.as_ref().is_some_and(ZonePlan::learns);
        if dynamic.is_empty() || self.context.every_line || learns {
            return Ok(propagation);
        }
        Ok(propagation.with_updated_node(Arc::new(self.with_dynamic(dynamic)) as _))
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let queue = self.queue(partition)?;
        let passing = stream::Passing {
            schema: self.schema(),
            places: self.projection.clone(),
            prefilter: self.prefilter.clone(),
            dynamic: Dynamic::new(&self.dynamic),
        };
        let seen = self.context.sample.map(|_| Arc::clone(&self.seen));
        let batches = stream::batches(queue, &self.format, passing, &self.context);
        let batches = batches.inspect_ok(move |batch| seen.iter().for_each(|seen| seen.add(batch)));
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
