//! One task: a query under a limit, from its text to its rows.

use crate::{
    EngineError, MaxRejects, Progress, RejectReport, Snapshot,
    rejects::RejectLog,
    sink::OutputFile,
    sql::{self, Known, Parsed, TableUse},
    table::{LogTable, ScanContext, infer},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    catalog::TableProvider,
    common::DataFusionError,
    execution::{SendableRecordBatchStream, SessionStateBuilder, disk_manager::DiskManagerBuilder},
    physical_plan::{ExecutionPlan, execute_stream},
    prelude::SessionContext,
};
use futures::StreamExt;
use std::{path::PathBuf, sync::Arc};
use tidegate_formats::VirtualColumn;
use tidegate_govern::{GovernedPool, Probe, Profile, RewriteOptions, SpillFiles, SpillReport};
use tidegate_memory::{Budget, ByteCount, Watch};
use tokio::{sync::mpsc, task::JoinHandle};

/// What a task is given.
#[derive(Clone, Debug)]
pub struct TaskOptions {
    /// The query.
    pub sql: String,
    /// How the limit is divided; `None` for no limit.
    pub budget: Option<Budget>,
    /// Threads wished for; the budget may carry fewer.
    pub threads: usize,
    /// The folder for spilled state.
    pub spill_folder: PathBuf,
    /// The file for rejects.
    pub rejects: Option<PathBuf>,
    /// The share of lines that may be rejects.
    pub max_rejects: MaxRejects,
    /// The process's watch.
    pub watch: Arc<Watch>,
}

/// A task that was not started yet.
pub struct Task {
    options: TaskOptions,
    profile: Profile,
    progress: Arc<Progress>,
    rejects: Arc<RejectLog>,
    pool: Arc<GovernedPool>,
    spill: Arc<SpillFiles>,
}

/// Returns the threads that a task will use of those wished for.
pub fn threads_of(budget: Option<Budget>, threads: usize) -> usize {
    Profile::of(budget, threads).threads
}

impl Task {
    /// Prepares a task.
    ///
    /// # Errors
    /// If the file for rejects cannot be created.
    pub fn new(options: TaskOptions) -> Result<Self, EngineError> {
        let rejects = options.rejects.as_deref().map(OutputFile::create).transpose()?;
        Ok(Self {
            profile: Profile::of(options.budget, options.threads),
            progress: Arc::default(),
            rejects: Arc::new(RejectLog::new(rejects)),
            pool: Arc::new(GovernedPool::new(options.budget, Arc::clone(&options.watch))),
            spill: Arc::new(SpillFiles::new(options.spill_folder.clone())),
            options,
        })
    }

    /// Returns the task's counters, which outlive it.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Returns the task's spill files, which know what was spilled.
    pub fn spill(&self) -> Arc<SpillFiles> {
        Arc::clone(&self.spill)
    }

    /// Plans the query and starts it. Must run inside a tokio runtime whose threads have a large stack: planning recurses.
    ///
    /// # Errors
    /// Any [`EngineError`] of files, formats and the query's text.
    pub async fn start(self) -> Result<Running, EngineError> {
        let context = self.session()?;
        let Parsed { mut statement, hidden } = sql::parse(&self.options.sql)?;
        let tables = sql::take_paths(&mut statement, &hidden)?;
        let schemas = self.register(&context, &tables, &hidden)?;
        let known = Known { tables: tables.into_iter().map(|table| table.name).collect(), schemas };
        let failed = |error: DataFusionError| self.plan_error(&error, &known);
        let state = context.state();
        let logical = state.statement_to_plan(statement).await.map_err(failed)?;
        let plan = state.create_physical_plan(&logical).await.map_err(failed)?;
        drop(logical);
        let plan = Probe::wrap(plan, &self.pool, &self.options.watch).map_err(failed)?;
        let stream = execute_stream(Arc::clone(&plan), context.task_ctx()).map_err(failed)?;
        Ok(Running::new(self, plan, stream))
    }

    fn session(&self) -> Result<SessionContext, EngineError> {
        let factory = Arc::clone(&self.spill);
        let disk = DiskManagerBuilder::default()
            .with_temp_file_factory(factory)
            .with_max_spill_merge_fan_in(self.profile.merge_fan_in);
        let pool = Arc::clone(&self.pool);
        let runtime = self.profile.runtime().with_memory_pool(pool).with_disk_manager_builder(disk).build_arc();
        let runtime = runtime.map_err(|error| EngineError::Run(error.strip_backtrace()))?;
        let builder = SessionStateBuilder::new()
            .with_config(self.profile.session_config())
            .with_runtime_env(runtime)
            .with_default_features();
        let rewrites = RewriteOptions { guard_nested_loops: self.options.budget.is_some(), ..RewriteOptions::first() };
        let state = rewrites.install(builder).build();
        Ok(SessionContext::new_with_state(state))
    }

    fn register(
        &self,
        context: &SessionContext,
        tables: &[TableUse],
        hidden: &[VirtualColumn],
    ) -> Result<Vec<SchemaRef>, EngineError> {
        let scan = ScanContext {
            profile: self.profile,
            progress: Arc::clone(&self.progress),
            rejects: Arc::clone(&self.rejects),
        };
        let mut schemas = Vec::new();
        for table in tables {
            let provider = Arc::new(LogTable::new(infer(&table.request)?, hidden, scan.clone()));
            schemas.push(provider.schema());
            let name = datafusion::common::TableReference::bare(table.name.clone());
            context.register_table(name, provider).map_err(|error| EngineError::Run(error.strip_backtrace()))?;
        }
        Ok(schemas)
    }

    fn plan_error(&self, error: &DataFusionError, known: &Known) -> EngineError {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => self.memory_error(),
            _ => sql::from_datafusion(error, known),
        }
    }

    fn memory_error(&self) -> EngineError {
        let refusal = self.pool.last_refusal().filter(|_| !self.options.watch.must_end());
        EngineError::MemoryLimit(refusal.unwrap_or_else(|| self.pool.exhausted()))
    }

    /// Turns an error of the running query into ours.
    fn run_error(&self, error: &DataFusionError) -> EngineError {
        if let Some(failure) = self.spill.failure() {
            return self.spill_error(&failure);
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => self.memory_error(),
            DataFusionError::External(inner) => match inner.downcast_ref::<EngineError>() {
                Some(inner) => inner.restated(),
                None => EngineError::Run(inner.to_string()),
            },
            other => EngineError::Run(other.strip_backtrace()),
        }
    }

    fn spill_error(&self, failure: &tidegate_govern::SpillFailure) -> EngineError {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        if !matches!(failure.kind, StorageFull | QuotaExceeded) {
            return EngineError::file(
                "spill to",
                &failure.folder,
                std::io::Error::new(failure.kind, failure.message.clone()),
            );
        }
        let Snapshot { bytes, total_bytes, .. } = self.progress.snapshot();
        let share = (bytes.percent_of(total_bytes) / 100.0).clamp(0.01, 1.0);
        let needed = scaled(failure.current, share);
        EngineError::DiskFull {
            path: failure.folder.clone(),
            spilling: true,
            needed: format!(
                "{} were spilled when {:.0} % of the input was read, so about {needed} are needed",
                failure.current,
                share * 100.0
            ),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate, shown with three digits; the share lies within 0.01 and 1"
)]
fn scaled(bytes: ByteCount, share: f64) -> ByteCount {
    ByteCount::new((bytes.bytes() as f64 / share) as u64)
}

/// A task that runs. Its rows come by [`Running::next`].
pub struct Running {
    task: Task,
    schema: SchemaRef,
    plan: Option<Arc<dyn ExecutionPlan>>,
    batches: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    producer: JoinHandle<()>,
}

/// What is known of a task after its last row.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The counters.
    pub counts: Snapshot,
    /// The rejects.
    pub rejects: RejectReport,
    /// Whether there were more of them than allowed.
    pub too_many_rejects: bool,
    /// What was spilled.
    pub spill: SpillReport,
    /// The most that operators reserved together.
    pub reserved_peak: ByteCount,
}

impl Running {
    /// The rows are produced by a task of the runtime, so that a panic in an operator is an error here, and that deep
    /// expressions run on the runtime's large stacks.
    fn new(task: Task, plan: Arc<dyn ExecutionPlan>, mut stream: SendableRecordBatchStream) -> Self {
        let schema = stream.schema();
        let (sender, batches) = mpsc::channel(1);
        let producer = tokio::spawn(async move {
            while let Some(batch) = stream.next().await {
                let failed = batch.is_err();
                if sender.send(batch).await.is_err() || failed {
                    break;
                }
            }
        });
        Self { task, schema, plan: Some(plan), batches, producer }
    }

    /// Returns the columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the sizes that the task works with.
    pub fn profile(&self) -> Profile {
        self.task.profile
    }

    /// Returns the next rows, or `None` after the last.
    ///
    /// # Errors
    /// Any [`EngineError`] of a running task.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        match self.batches.recv().await {
            Some(Ok(batch)) => {
                self.task.progress.delivered(batch.num_rows());
                Ok(Some(batch))
            }
            Some(Err(error)) => Err(self.task.run_error(&error)),
            None => match (&mut self.producer).await {
                Ok(()) => Ok(None),
                Err(error) if error.is_panic() => {
                    Err(EngineError::Run("an operator failed unexpectedly (panic)".into()))
                }
                Err(error) => Err(EngineError::Run(error.to_string())),
            },
        }
    }

    /// Ends the task after its last row: drops the plan and everything it holds, and makes the file of rejects appear.
    ///
    /// # Errors
    /// If the file of rejects cannot be written to the end.
    pub fn finish(mut self) -> Result<Finished, EngineError> {
        self.producer.abort();
        // Operators keep state in the plan as well as in streams; both must go before memory is given back.
        self.plan = None;
        drop(self.batches);
        let Task { progress, rejects, pool, spill, options, .. } = self.task;
        let counts = progress.snapshot();
        let report = rejects.report();
        let finished = Finished {
            too_many_rejects: report.exceeds(options.max_rejects, counts.rows),
            counts,
            rejects: report,
            spill: spill.report(),
            reserved_peak: pool.peak(),
        };
        if let Some(rejects) = Arc::into_inner(rejects) {
            rejects.commit()?;
        }
        Ok(finished)
    }
}
