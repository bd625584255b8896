//! One plan of a task: the sizes it works with, and what belongs to it alone.

use super::{Shared, spill};
use crate::{
    EngineError,
    input::{is_standard_input, once},
    rejects::RejectLog,
    sink::OutputFile,
    sql::{self, Known, Parsed, TableUse},
    table::{ArrowTable, Inferred, LogTable, ScanContext, infer},
};
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::TableProvider,
    common::{
        DataFusionError, TableReference,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    execution::{
        SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext, disk_manager::DiskManagerBuilder,
    },
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, execute_stream, joins::HashJoinExec},
    prelude::SessionContext,
};
use std::sync::Arc;
use tidegate_formats::VirtualColumn;
use tidegate_govern::{
    FirstRows, GovernedPool, OnAccount, Operators, Probe, Profile, RewriteOptions, SpillFiles, SpillingGroupBys,
    SpillingSorts, SpillingWindows, aggregates, utc_trunc, widest_state,
};
use tidegate_memory::ledger::Account;

/// What one plan of a task has for itself.
#[derive(Debug)]
pub(super) struct Attempt {
    pub shared: Arc<Shared>,
    pub profile: Profile,
    pub pool: Arc<GovernedPool>,
    pub rejects: Arc<RejectLog>,
    spill: Arc<SpillFiles>,
}

/// A plan that runs.
pub(super) struct Planned {
    pub plan: Arc<dyn ExecutionPlan>,
    pub stream: SendableRecordBatchStream,
    pub operators: Operators,
    /// Whether its inputs can be read again.
    pub repeatable: bool,
    /// Whether what it held is to be reported in place of its rows.
    pub explains_memory: bool,
}

impl Attempt {
    /// Prepares a plan as narrow as those that were given up demand.
    pub fn new(shared: &Arc<Shared>) -> Result<Self, EngineError> {
        let options = &shared.options;
        let profile = options.given_up.narrowed(options.first_profile());
        let rejects = options.rejects.as_deref().map(OutputFile::create).transpose()?;
        let pool = GovernedPool::new(options.budget, profile.sort_parts, Arc::clone(&options.watch));
        let pool = pool.counting(shared.live.counter());
        Ok(Self {
            shared: Arc::clone(shared),
            profile,
            pool: Arc::new(pool),
            rejects: Arc::new(RejectLog::new(rejects)),
            // What fails in an attempt that was given up says nothing about the next one.
            spill: Arc::new(shared.spill.renewed()),
        })
    }

    /// Plans the query and starts it, on a thread of the runtime: planning recurses, and they have the stack for it.
    pub async fn start(self: &Arc<Self>) -> Result<Planned, EngineError> {
        let attempt = Arc::clone(self);
        let planning = async move { attempt.plan().await };
        let planned = tokio::spawn(OnAccount::new(Account::open("planning"), planning)).await;
        planned.map_err(|error| EngineError::Run(format!("planning failed unexpectedly: {error}")))?
    }

    async fn plan(&self) -> Result<Planned, EngineError> {
        let context = self.session()?;
        let Parsed { mut statement, hidden, explains_memory } = sql::parse(&self.shared.options.sql)?;
        let given = &self.shared.options.tables;
        let tables = sql::take_paths(&mut statement, &hidden, given)?;
        let Registered { schemas, repeatable } = self.register(&context, &tables, &hidden)?;
        let tables = tables.into_iter().map(|table| table.name).collect();
        let known = Known { tables, given: given.iter().map(|table| table.name.clone()).collect(), schemas };
        let failed = |error: DataFusionError| self.plan_error(&error, &known);
        let state = context.state();
        let logical = state.statement_to_plan(statement).await.map_err(failed)?;
        let plan = self.physical(state, &logical).await.map_err(failed)?;
        drop(logical);
        let state = widest_state(&plan).map_err(failed)?;
        let watch = &self.shared.options.watch;
        let (plan, operators) = if self.shared.options.metered {
            Probe::wrap(plan, &self.pool, watch, self.profile.batch_bytes).map_err(failed)?
        } else {
            (plan, Operators::default())
        };
        let stream = execute_stream(Arc::clone(&plan), self.task_context(&context, state)).map_err(failed)?;
        Ok(Planned { plan, stream, operators, repeatable, explains_memory })
    }

    /// Sorted joins need two partitions to be planned at all.
    async fn physical(
        &self,
        mut state: SessionState,
        logical: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let plan = state.create_physical_plan(logical).await?;
        if self.profile.hash_joins || self.profile.threads > 1 || !has_hash_join(&plan)? {
            return Ok(plan);
        }
        drop(plan);
        state.config_mut().options_mut().execution.target_partitions = 2;
        state.create_physical_plan(logical).await
    }

    /// Groups with large states take smaller batches than rows do.
    fn task_context(&self, context: &SessionContext, state: usize) -> Arc<TaskContext> {
        let config = context.copied_config().with_batch_size(self.profile.rows_with(state));
        Arc::new(TaskContext::from(context).with_session_config(config))
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
        let state = self
            .rewrites()
            .install(builder)
            .with_physical_optimizer_rule(Arc::new(SpillingGroupBys))
            .with_physical_optimizer_rule(Arc::new(SpillingWindows))
            .with_physical_optimizer_rule(Arc::new(SpillingSorts { first_rows: self.first_rows() }))
            .build();
        let context = SessionContext::new_with_state(state);
        for function in aggregates::order_free().into_iter().chain([aggregates::array_agg()]) {
            context.register_udaf(function);
        }
        context.register_udf(utc_trunc());
        Ok(context)
    }

    /// A plan that was refused memory has to do without what cannot spill.
    fn rewrites(&self) -> RewriteOptions {
        let options = if self.profile.hash_joins { RewriteOptions::first() } else { RewriteOptions::all() };
        RewriteOptions { guard_nested_loops: self.shared.options.budget.is_some(), ..options }
    }

    fn first_rows(&self) -> FirstRows {
        if self.profile.hash_joins { FirstRows::Held } else { FirstRows::Sorted }
    }

    fn register(
        &self,
        context: &SessionContext,
        tables: &[TableUse],
        hidden: &[VirtualColumn],
    ) -> Result<Registered, EngineError> {
        let options = &self.shared.options;
        let scan = ScanContext {
            every_line: options.rejects.is_some() || options.max_rejects.is_some(),
            profile: self.profile,
            progress: Arc::clone(&self.shared.progress),
            rejects: Arc::clone(&self.rejects),
            zones: options.zones.clone().filter(|_| options.sample.is_none()),
            sample: options.sample,
        };
        let mut registered = Registered { schemas: Vec::new(), repeatable: true };
        for table in tables {
            let patterns = &table.request.patterns;
            if !options.has_standard_input && patterns.iter().any(|name| is_standard_input(name)) {
                return Err(EngineError::no_standard_input());
            }
            if let Some(name) = patterns.iter().find(|name| options.sample.is_some() && once(name).is_some()) {
                return Err(EngineError::not_forecast(name));
            }
            let inferred = infer(&table.request)?;
            registered.repeatable &= inferred.is_repeatable();
            inferred.inputs().iter().for_each(|input| scan.progress.input(&input.name, input.size));
            let provider: Arc<dyn TableProvider> = match inferred {
                Inferred::Log(log) => Arc::new(LogTable::new(*log, hidden, scan.clone())),
                Inferred::Arrow(arrow) => Arc::new(ArrowTable::new(*arrow, hidden, scan.clone())),
            };
            registered.schemas.push(provider.schema());
            let name = TableReference::bare(table.name.clone());
            context.register_table(name, provider).map_err(|error| EngineError::Run(error.strip_backtrace()))?;
        }
        Ok(registered)
    }

    fn plan_error(&self, error: &DataFusionError, known: &Known) -> EngineError {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => self.memory_error(),
            _ => sql::from_datafusion(error, known),
        }
    }

    fn memory_error(&self) -> EngineError {
        let refusal = self.pool.last_refusal().filter(|_| !self.shared.options.watch.must_end());
        EngineError::MemoryLimit(refusal.unwrap_or_else(|| self.pool.exhausted()))
    }

    /// Returns what failed with the spill files, if anything did. An answer without them is none, also where an operator kept
    /// the failure to itself.
    pub fn spill_error(&self) -> Option<EngineError> {
        self.spill.failure().map(|failure| spill::error(failure, &self.shared.progress.snapshot()))
    }

    /// Turns an error of the running query into ours.
    pub fn run_error(&self, error: &DataFusionError) -> EngineError {
        if let Some(error) = self.spill_error() {
            return error;
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
}

/// The tables of a query.
struct Registered {
    schemas: Vec<SchemaRef>,
    repeatable: bool,
}

fn has_hash_join(plan: &Arc<dyn ExecutionPlan>) -> Result<bool, DataFusionError> {
    let mut found = false;
    plan.apply(|node| {
        found |= node.downcast_ref::<HashJoinExec>().is_some();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
