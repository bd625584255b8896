//! One input, read once, for several readers at the same time.
//!
//! *Model.* A [`Tee`] has a number of readers, each of which gets every batch of the input. The first reader holds the input as
//! its child, the others are leaves. Each reader has as many partitions as the task has threads; a batch goes to one partition
//! of each reader, as the same arrays.
//!
//! *Concurrency.* One task for each partition of the input sends batches through channels of a few batches, so the slowest
//! reader sets the pace and nothing is kept for it. Therefore all readers must be polled concurrently: a plan may put readers
//! only below a union whose consumer runs every partition in a task of its own, as the exchanges below a final aggregate do.
//! A reader that goes away early is skipped.

use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{
        DataFusionError, Result, exec_datafusion_err, internal_err, runtime::SpawnedTask, tree_node::TreeNodeRecursion,
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
        ReplaceChildrenOptions,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, stream};
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{
            AtomicUsize,
            Ordering::{Acquire, Release},
        },
    },
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Batches on their way to one partition of one reader. They are shared between readers, so this costs memory once.
const BATCHES_AHEAD: usize = 2;

/// For each reader, for each of its partitions: where batches go.
type Senders = Vec<Vec<Sender<Result<RecordBatch>>>>;

/// What the readers of one input share.
#[derive(Debug)]
pub(super) struct Tee {
    /// Tells the tees of one plan apart, for people.
    pub id: usize,
    pub readers: usize,
    run: Mutex<Option<Run>>,
}

/// One execution.
#[derive(Debug)]
struct Run {
    /// Taken when the input is started.
    senders: Option<Senders>,
    /// Taken by readers as they are executed.
    receivers: Vec<Vec<Option<Receiver<Result<RecordBatch>>>>>,
    /// Partitions of readers that were not executed yet.
    waiting: usize,
    progress: Arc<Progress>,
}

/// How far the input is. Whoever reads holds it; with the last holder the tasks end.
#[derive(Debug, Default)]
struct Progress {
    tasks: Mutex<Vec<SpawnedTask<()>>>,
    /// Partitions of the input, known when it is started.
    inputs: OnceLock<usize>,
    /// Partitions of the input that were read to their end.
    finished: AtomicUsize,
}

impl Progress {
    /// Returns whether all of the input was sent. To be asked when the channel is closed.
    fn is_complete(&self) -> bool {
        self.inputs.get().is_some_and(|inputs| self.finished.load(Acquire) == *inputs)
    }
}

/// What a reader's partition gets when it is executed.
struct Joined {
    receiver: Receiver<Result<RecordBatch>>,
    progress: Arc<Progress>,
    /// For the first partition of the reader that holds the input: it starts it.
    senders: Option<Senders>,
}

impl Tee {
    pub fn new(id: usize, readers: usize) -> Self {
        Self { id, readers, run: Mutex::default() }
    }

    /// Gives a reader's partition its part of the running execution, or of a new one if it was executed before.
    fn join(&self, reader: usize, partition: usize, partitions: usize) -> Result<Joined> {
        let mut running = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let has_part =
            |run: &Run| run.receivers.get(reader).and_then(|lanes| lanes.get(partition)).is_some_and(Option::is_some);
        let mut run = match running.take() {
            Some(run) if has_part(&run) => run,
            _ => Run::new(self.readers, partitions),
        };
        let receiver = run.receivers.get_mut(reader).and_then(|lanes| lanes.get_mut(partition)).and_then(Option::take);
        let Some(receiver) = receiver else {
            return internal_err!("no partition {partition} of reader {reader} in a tee of {} readers", self.readers);
        };
        let senders = if reader == 0 { run.senders.take() } else { None };
        run.waiting -= 1;
        let joined = Joined { receiver, progress: Arc::clone(&run.progress), senders };
        // With the last one executed, the readers alone hold the execution.
        *running = (run.waiting > 0).then_some(run);
        Ok(joined)
    }
}

impl Run {
    fn new(readers: usize, partitions: usize) -> Self {
        let lanes = || (0..partitions).map(|_| channel(BATCHES_AHEAD)).unzip();
        let (senders, receivers): (Vec<Vec<_>>, Vec<Vec<_>>) = (0..readers).map(|_| lanes()).unzip();
        let receivers = receivers.into_iter().map(|lanes| lanes.into_iter().map(Some).collect()).collect();
        Self { senders: Some(senders), receivers, waiting: readers * partitions, progress: Arc::default() }
    }
}

/// A reader of a [`Tee`].
#[derive(Debug)]
pub(super) struct TeeExec {
    tee: Arc<Tee>,
    reader: usize,
    /// For the first reader alone.
    input: Option<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
}

impl TeeExec {
    pub fn new(
        tee: Arc<Tee>,
        reader: usize,
        schema: SchemaRef,
        partitions: usize,
        input: Option<Arc<dyn ExecutionPlan>>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions.max(1)),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self { tee, reader, input, properties: Arc::new(properties) }
    }

    fn start(&self, senders: &Senders, progress: &Arc<Progress>, context: &Arc<TaskContext>) -> Result<()> {
        let Some(input) = &self.input else {
            return internal_err!("reader {} of a tee has no input to start", self.reader);
        };
        let inputs = input.output_partitioning().partition_count();
        let lanes = self.properties.partitioning.partition_count();
        let streams: Vec<_> =
            (0..inputs).map(|partition| input.execute(partition, Arc::clone(context))).collect::<Result<_>>()?;
        let mut tasks = progress.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Set before any task can finish.
        let _ = progress.inputs.set(inputs);
        for (partition, input) in streams.into_iter().enumerate() {
            // Fewer inputs than threads: each in turn feeds all of them.
            let stride = usize::from(inputs < lanes);
            let feed = Feed { senders: senders.clone(), lane: partition % lanes, lanes, stride };
            let progress = Arc::downgrade(progress);
            let schema = self.schema();
            tasks.push(SpawnedTask::spawn(async move {
                let complete = feed.run(input, &schema).await;
                if let Some(progress) = progress.upgrade().filter(|_| complete) {
                    progress.finished.fetch_add(1, Release);
                }
                // Readers look at the count when the last sender is gone, not before.
                drop(feed);
            }));
        }
        Ok(())
    }
}

/// One partition of the input on its way to the readers.
struct Feed {
    senders: Senders,
    /// Where the first batch goes.
    lane: usize,
    lanes: usize,
    /// How far the next batch goes from the last.
    stride: usize,
}

impl Feed {
    /// Sends everything. Returns whether it came to the end.
    async fn run(&self, mut input: SendableRecordBatchStream, schema: &SchemaRef) -> bool {
        let mut lane = self.lane;
        while let Some(batch) = input.next().await {
            // The plan below may know more of its columns than the schema says, such as that none is null.
            let batch = batch.and_then(|batch| Ok(RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?));
            match batch {
                Ok(batch) => self.send(lane, &batch).await,
                Err(error) => {
                    self.fail(error).await;
                    return false;
                }
            }
            if self.senders.iter().flatten().all(Sender::is_closed) {
                return false;
            }
            lane = (lane + self.stride) % self.lanes;
        }
        true
    }

    async fn send(&self, lane: usize, batch: &RecordBatch) {
        for sender in self.senders.iter().filter_map(|lanes| lanes.get(lane)) {
            // An error says that this reader has gone.
            let _ = sender.send(Ok(batch.clone())).await;
        }
    }

    async fn fail(&self, error: DataFusionError) {
        let error = Arc::new(error);
        for sender in self.senders.iter().flatten() {
            let _ = sender.send(Err(DataFusionError::from(&error))).await;
        }
    }
}

impl DisplayAs for TeeExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TeeExec: input={}, reader={} of {}", self.tee.id, self.reader + 1, self.tee.readers)
    }
}

impl ExecutionPlan for TeeExec {
    fn name(&self) -> &'static str {
        "TeeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.input.iter().collect()
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop();
        if !children.is_empty() || input.is_some() != self.input.is_some() {
            return internal_err!("reader {} of a tee with other children", self.reader);
        }
        let properties = Arc::clone(&self.properties);
        Ok(Arc::new(Self { tee: Arc::clone(&self.tee), reader: self.reader, input, properties }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let keep = datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Keep;
        self.replace_children(children, ReplaceChildrenOptions::new(keep))
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.properties.partitioning.partition_count();
        let Joined { receiver, progress, senders } = self.tee.join(self.reader, partition, partitions)?;
        if let Some(senders) = senders {
            self.start(&senders, &progress, &context)?;
        }
        let batches = stream::unfold(Some((receiver, progress)), async |state| {
            let (mut receiver, progress) = state?;
            match receiver.recv().await {
                Some(Ok(batch)) => Some((Ok(batch), Some((receiver, progress)))),
                Some(Err(error)) => Some((Err(error), None)),
                None if progress.is_complete() => None,
                None => Some((Err(exec_datafusion_err!("a shared input ended before its end")), None)),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}
