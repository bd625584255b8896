//! From arguments to what a task is given: the limit's budget, threads, folders.

use crate::{args::LimitArgs, events::Observer, restart::Restart};
use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};
use tidegate_engine::{EngineError, GivenTable, MaxRejects, TaskOptions, zones::ZoneStore};
use tidegate_govern::is_in_memory;
use tidegate_memory::{Budget, ByteCount, Limit, MINIMUM_LIMIT, Meter, Watch};

/// Returns the budget of a limit.
///
/// # Errors
/// [`EngineError::LimitTooSmall`] below the working minimum.
pub fn budget(limit: Limit) -> Result<Option<Budget>, EngineError> {
    budget_above(limit, baseline())
}

/// Returns the budget of a limit, for a process that holds so much before the task.
///
/// # Errors
/// [`EngineError::LimitTooSmall`] below the working minimum.
pub fn budget_above(limit: Limit, baseline: ByteCount) -> Result<Option<Budget>, EngineError> {
    let Some(limit) = limit.bytes() else { return Ok(None) };
    if limit < MINIMUM_LIMIT {
        return Err(EngineError::LimitTooSmall { limit, minimum: MINIMUM_LIMIT });
    }
    Ok(Some(Budget::of(limit, baseline)))
}

/// Anonymous memory before the task, and what the runtime and the session will add whatever the query.
pub fn baseline() -> ByteCount {
    let now = Meter::open().and_then(|meter| meter.read()).map_or(ByteCount::ZERO, |resident| resident.anonymous);
    now + ByteCount::mib(2)
}

/// Returns the threads to use: those asked for, or the machine's cores.
fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from)
}

/// Folders for what is temporary and large, in order.
const TEMPORARY: [&str; 2] = ["/var/tmp", "/tmp"];

/// Returns the folder for spilled state: the one that was asked for, or else the temporary folder, unless that is held in
/// memory and another is not.
pub fn spill_folder(asked: Option<&Path>) -> PathBuf {
    if let Some(asked) = asked {
        return asked.to_path_buf();
    }
    let usual = env::temp_dir();
    if !is_in_memory(&usual) {
        return usual;
    }
    let on_disk = TEMPORARY.iter().map(PathBuf::from).find(|folder| folder.is_dir() && !is_in_memory(folder));
    on_disk.unwrap_or(usual)
}

/// Returns the folder for what is remembered between queries: the one that was asked for, or the person's own.
pub fn cache_folder(asked: Option<&Path>) -> Option<PathBuf> {
    if let Some(asked) = asked {
        return (asked != Path::new("none")).then(|| asked.to_path_buf());
    }
    let folder = |variable: &str| env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("tidegate"))
}

/// Everything about a task but its query.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the limit is divided.
    pub budget: Option<Budget>,
    /// Threads.
    pub threads: usize,
    /// The folder for spilled state.
    pub spill_folder: PathBuf,
    /// The most spilled state on disk at a time.
    pub spill_limit: Limit,
    /// The folder for what is remembered of files.
    pub cache: Option<PathBuf>,
    /// The file for rejects.
    pub rejects: Option<PathBuf>,
    /// The share of lines that may be rejects; `None` is 1 %.
    pub max_rejects: Option<MaxRejects>,
    /// Whether operators are probed.
    pub metered: bool,
    /// Tables that the query may name beside its paths.
    pub tables: Vec<GivenTable>,
    /// Whether `-` is a table.
    pub has_standard_input: bool,
    /// What the process needs to start its only task anew; `None` where there is more than one, or where something was
    /// consumed that the new start would miss.
    pub restart: Option<Restart>,
    /// Who is told what happens.
    pub observer: Observer,
}

impl Settings {
    /// Returns the usual settings of a task within a limit: probed, spilling where there is room, remembering nothing.
    ///
    /// # Errors
    /// [`EngineError::LimitTooSmall`] below the working minimum.
    pub fn usual(limit: Limit, asked_threads: Option<u16>) -> Result<Self, EngineError> {
        Ok(Self {
            budget: budget(limit)?,
            threads: threads(asked_threads),
            spill_folder: spill_folder(None),
            spill_limit: Limit::Unlimited,
            cache: None,
            rejects: None,
            max_rejects: None,
            metered: true,
            tables: Vec::new(),
            has_standard_input: true,
            restart: None,
            observer: Observer::default(),
        })
    }

    /// Returns those that arguments ask for, else the usual ones.
    ///
    /// # Errors
    /// [`EngineError::LimitTooSmall`] below the working minimum.
    pub fn of(arguments: &LimitArgs) -> Result<Self, EngineError> {
        Ok(Self {
            spill_folder: spill_folder(arguments.spill_dir.as_deref()),
            spill_limit: arguments.spill.spill_limit,
            ..Self::usual(arguments.limit, arguments.threads)?
        })
    }

    /// Returns the task's options.
    pub fn options(&self, sql: &str, watch: &Arc<Watch>) -> TaskOptions {
        TaskOptions {
            sql: sql.to_owned(),
            budget: self.budget,
            threads: self.threads,
            spill_folder: self.spill_folder.clone(),
            spill_limit: self.spill_limit,
            zones: self.cache.as_ref().map(|cache| ZoneStore::new(cache.join("zones"))),
            rejects: self.rejects.clone(),
            max_rejects: self.max_rejects,
            given_up: self.restart.as_ref().map(|restart| restart.given_up.clone()).unwrap_or_default(),
            sample: None,
            tables: self.tables.clone(),
            has_standard_input: self.has_standard_input,
            metered: self.metered,
            watch: Arc::clone(watch),
        }
    }
}
