//! A task that runs, and is planned again where its plan was too wide.

use super::{
    Finished, MemoryReport, Shared, Unfinished,
    attempt::{Attempt, Planned},
};
use crate::{EngineError, Progress, RejectReport, Snapshot, sql::plain};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::DataFusionError,
    execution::SendableRecordBatchStream,
    physical_plan::ExecutionPlan,
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tidegate_govern::{OnAccount, Operators, Profile, SpillFiles};
use tidegate_memory::{
    Budget, ByteCount,
    ledger::{self, Account},
    release,
};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

/// How long a narrower plan waits for the memory of the one before it, at a time and in all.
const STEP: Duration = Duration::from_millis(2);
const STEPS: u32 = 250;

/// A task that runs. Its rows come by [`Running::next`].
pub struct Running {
    shared: Arc<Shared>,
    attempt: Arc<Attempt>,
    schema: SchemaRef,
    current: Current,
    /// Whether a row was given out; a plan is not changed after that.
    delivered: bool,
    explains_memory: bool,
}

/// The plan that runs now.
struct Current {
    plan: Arc<dyn ExecutionPlan>,
    operators: Operators,
    repeatable: bool,
    batches: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    producer: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(shared: Arc<Shared>, first: Attempt) -> Result<Self, EngineError> {
        let attempt = Arc::new(first);
        let planned = attempt.start().await?;
        let explains_memory = planned.explains_memory;
        let schema = if explains_memory { MemoryReport::schema() } else { planned.stream.schema() };
        let current = Current::new(planned, &shared);
        let running = Self { shared, attempt, schema, current, delivered: false, explains_memory };
        running.shared.options.watch.set_replannable(running.is_replannable());
        Ok(running)
    }

    /// Returns the columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the sizes that the task works with.
    pub fn profile(&self) -> Profile {
        self.attempt.profile
    }

    /// Returns whether the query is `EXPLAIN MEMORY`: its rows are not asked for, but [`Finished::memory`].
    pub fn explains_memory(&self) -> bool {
        self.explains_memory
    }

    /// Returns the plan that runs now.
    pub(crate) fn plan(&self) -> Arc<dyn ExecutionPlan> {
        Arc::clone(&self.current.plan)
    }

    /// Returns the task's counters.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.shared.progress)
    }

    /// Returns the task's spill files, which know what was spilled.
    pub fn spill(&self) -> Arc<SpillFiles> {
        Arc::clone(&self.shared.spill)
    }

    /// Returns the account for what is done with the rows.
    pub fn output(&self) -> &Account {
        &self.shared.output
    }

    /// Returns the next rows, or `None` after the last.
    ///
    /// # Errors
    /// Any [`EngineError`] of a running task.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        loop {
            match self.current.batches.recv().await {
                Some(Ok(batch)) => {
                    if !self.delivered {
                        self.delivered = true;
                        self.shared.options.watch.set_replannable(false);
                    }
                    self.shared.progress.delivered(batch.num_rows());
                    return Ok(Some(batch));
                }
                Some(Err(error)) => self.replan(self.error(&error)).await?,
                None => {
                    self.current.ended().await?;
                    return self.attempt.spill_error().map_or(Ok(None), Err);
                }
            }
        }
    }

    /// Turns an error of the plan into ours. What a narrower plan is not able to do was not asked for by the query: then the
    /// memory is the reason.
    fn error(&self, error: &DataFusionError) -> EngineError {
        match (error.find_root(), self.shared.options.given_up.last()) {
            (DataFusionError::NotImplemented(_), Some(reason)) => EngineError::MemoryLimit(reason),
            _ => match self.attempt.run_error(error) {
                EngineError::Run(message) => EngineError::Run(plain(&message)),
                other => other,
            },
        }
    }

    /// Starts a narrower plan in place of one that was refused memory, if no row of it was given out yet.
    async fn replan(&mut self, error: EngineError) -> Result<(), EngineError> {
        let mut error = error;
        while let EngineError::MemoryLimit(reason) = &error
            && self.is_replannable()
        {
            self.shared.options.given_up.add(reason.clone());
            self.attempt = Arc::new(Attempt::new(&self.shared)?);
            drop(self.shared.live.end());
            self.current.clear().await;
            make_room(&self.shared).await;
            match self.attempt.start().await {
                Ok(planned) => {
                    self.current = Current::new(planned, &self.shared);
                    self.shared.options.watch.set_replannable(self.is_replannable());
                    return Ok(());
                }
                Err(again) => error = again,
            }
        }
        Err(error)
    }

    fn is_replannable(&self) -> bool {
        let options = &self.shared.options;
        !self.delivered && self.current.repeatable && options.budget.is_some() && options.given_up.leaves_a_plan()
    }

    /// Ends the task, after its last row or where nobody wants more of them: drops the plan and everything it holds, and makes
    /// the file of rejects appear.
    ///
    /// # Errors
    /// If the file of rejects cannot be written to the end.
    pub fn finish(self) -> Result<Finished, EngineError> {
        let Self { shared, attempt, current, .. } = self;
        let memory = MemoryReport::new(&current.operators, &shared.output, &shared.options);
        // Operators keep state in the plan as well as in streams; both must go before memory is given back.
        let Current { plan, operators, batches, producer, .. } = current;
        producer.abort();
        drop((plan, operators, batches, shared.live.end()));
        let replans = shared.options.given_up.replans(shared.options.first_profile());
        let _ = shared.over.set(Unfinished { replans: replans.clone(), memory: memory.clone() });
        attempt.rejects.commit()?;
        let counts: Snapshot = shared.progress.snapshot();
        let rejects: RejectReport = attempt.rejects.report();
        Ok(Finished {
            too_many_rejects: rejects.exceeds(shared.options.max_rejects.unwrap_or_default(), counts.lines()),
            counts,
            rejects,
            spill: shared.spill.report(),
            reserved_peak: attempt.pool.peak(),
            replans,
            notes: shared.progress.notes(),
            memory,
        })
    }
}

impl Current {
    /// The rows are produced by a task of the runtime, so that a panic in an operator is an error here, and that deep
    /// expressions run on the runtime's large stacks.
    fn new(planned: Planned, shared: &Shared) -> Self {
        let Planned { plan, stream, operators, repeatable, .. } = planned;
        shared.live.begin(&operators);
        let (sender, batches) = mpsc::channel(1);
        let producer = tokio::spawn(OnAccount::new(shared.output.clone(), produce(stream, sender)));
        Self { plan, operators, repeatable, batches, producer }
    }

    /// Drops the streams and what the plan holds, as far as others do not hold it still.
    async fn clear(&mut self) {
        self.producer.abort();
        let _ = (&mut self.producer).await;
        self.batches.close();
        while self.batches.try_recv().is_ok() {}
        self.operators = Operators::default();
        self.plan = Arc::new(datafusion::physical_plan::empty::EmptyExec::new(self.plan.schema()));
    }

    async fn ended(&mut self) -> Result<(), EngineError> {
        match (&mut self.producer).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_panic() => Err(EngineError::Run("an operator failed unexpectedly (panic)".into())),
            Err(error) => Err(EngineError::Run(error.to_string())),
        }
    }
}

async fn produce(mut stream: SendableRecordBatchStream, sender: mpsc::Sender<Result<RecordBatch, DataFusionError>>) {
    while let Some(batch) = stream.next().await {
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            break;
        }
    }
}

/// Waits until the memory of a plan that was dropped is free, for a bounded time: what it spawned ends at its next await.
async fn make_room(shared: &Shared) {
    let heap = shared.options.budget.map_or(ByteCount::ZERO, Budget::heap);
    for _ in 0..STEPS {
        if ledger::live() < heap.percent(10) {
            break;
        }
        sleep(STEP).await;
    }
    release();
    shared.progress.restart();
    shared.options.watch.resume();
}
