//! One task: a query under a limit, from its text to its rows.
//!
//! A task is planned, and if an operator is refused memory before the first row came out, planned again, narrower: fewer
//! partitions, smaller batches, joins that spill. What all its plans share is the task; what each has for itself, an attempt.

mod attempt;
mod given_up;
mod live;
mod report;
mod running;
mod spill;

pub use given_up::{GivenUp, Replan};
pub use live::Live;
pub use report::{Finished, MemoryReport, Unfinished};
pub use running::Running;

use crate::{EngineError, MaxRejects, Progress, zones::ZoneStore};
use attempt::Attempt;
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use tidegate_govern::{Profile, SpillFiles};
use tidegate_memory::{Budget, Limit, Watch, ledger::Account};

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
    /// The most spilled state on disk at a time.
    pub spill_limit: Limit,
    /// Where the zones of large files are remembered; `None` for nowhere.
    pub zones: Option<ZoneStore>,
    /// The file for rejects.
    pub rejects: Option<PathBuf>,
    /// The share of lines that may be rejects. If it is given, or the file, every line is read; `None` is 1 %, of what is read
    /// and what a filter passes over.
    pub max_rejects: Option<MaxRejects>,
    /// The plans that were given up before this task began; its own are added.
    pub given_up: GivenUp,
    /// Tables that the query may name beside its paths.
    pub tables: Vec<GivenTable>,
    /// The bytes of each table that are read in its place, for a forecast; `None` is all.
    pub sample: Option<u64>,
    /// Whether `-` is a table. Of a worker, the standard input is the socket.
    pub has_standard_input: bool,
    /// Whether operators are wrapped by probes. Without them no limit can be held.
    pub metered: bool,
    /// The process's watch.
    pub watch: Arc<Watch>,
}

/// A table by its name: a file or a pipe with Arrow IPC data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenTable {
    /// The name, as in double quotes; one in lower case is also meant without them.
    pub name: String,
    /// Where it is.
    pub path: String,
}

/// A task that was not started yet.
pub struct Task {
    shared: Arc<Shared>,
    first: Attempt,
}

/// Who tells of a task's plans if it does not come to its end.
#[derive(Debug)]
pub struct Plans(Arc<Shared>);

/// What all attempts of a task share.
#[derive(Debug)]
struct Shared {
    options: TaskOptions,
    progress: Arc<Progress>,
    spill: Arc<SpillFiles>,
    /// For rows on their way out of the plan.
    output: Account,
    /// The operators of the plan that runs.
    live: Live,
    /// What the plans were, from the last row on: what comes after it may still fail.
    over: OnceLock<Unfinished>,
}

impl TaskOptions {
    fn first_profile(&self) -> Profile {
        Profile::of(self.budget, self.threads)
    }
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
        let shared = Arc::new(Shared {
            progress: Arc::default(),
            spill: Arc::new(SpillFiles::new(spill::options(&options))),
            output: Account::open("output"),
            live: Live::default(),
            over: OnceLock::new(),
            options,
        });
        Ok(Self { first: Attempt::new(&shared)?, shared })
    }

    /// Returns the task's counters, which outlive it.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.shared.progress)
    }

    /// Returns the task's spill files, which know what was spilled.
    pub fn spill(&self) -> Arc<SpillFiles> {
        Arc::clone(&self.shared.spill)
    }

    /// Returns who tells what the operators of the running plan hold.
    pub fn live(&self) -> Live {
        self.shared.live.clone()
    }

    /// Returns who tells of its plans if it does not come to its end.
    pub fn plans(&self) -> Plans {
        Plans(Arc::clone(&self.shared))
    }

    /// Plans the query and starts it. Must be called inside a tokio runtime whose threads have a large stack: planning
    /// recurses, and runs on them.
    ///
    /// # Errors
    /// Any [`EngineError`] of files, formats and the query's text.
    pub async fn start(self) -> Result<Running, EngineError> {
        Running::start(self.shared, self.first).await
    }
}

impl Plans {
    /// Returns what is known of the plans, and lets the last of them go; `None` if the task was never planned.
    pub fn unfinished(self) -> Option<Unfinished> {
        let Shared { options, output, live, over, .. } = self.0.as_ref();
        if let Some(over) = over.get() {
            return Some(over.clone());
        }
        let operators = live.end();
        let replans = options.given_up.replans(options.first_profile());
        let memory = MemoryReport::new(&operators, output, options);
        let is_planned = !memory.operators.is_empty() || !replans.is_empty();
        is_planned.then_some(Unfinished { replans, memory })
    }
}
