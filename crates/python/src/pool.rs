//! Workers: started when a query needs one, kept warm for the next, ended with this process.

use crate::{
    batches::Batches,
    faults::{Fault, json},
    feed::Feed,
    rows::RowSource,
    sockets::Noted,
};
use pyo3::{Bound, Py, PyAny, PyResult, Python, intern, pyclass, pyfunction, pymethods, types::PyAnyMethods};
use std::{
    collections::BTreeMap,
    mem,
    path::PathBuf,
    process,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, Thread},
    time::{Duration, Instant},
};
use tidegate_memory::{ByteCount, Limit, Meter, Resident};
use tidegate_worker::{
    Running, Worker, WorkerOptions,
    protocol::{Freed, Progress, Task, TaskTable},
};

/// How many workers wait for a query at most. Each shows the kernel some 30 MB.
const MOST_WAITING: usize = 2;

/// The longest time that anybody is waited for; more cannot be added to a time.
const LONGEST: Duration = Duration::from_hours(24);

/// The workers of this process.
#[pyclass(frozen, module = "tidegate._native")]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    program: PathBuf,
    /// How long a worker keeps what a task has freed, for the next one.
    keeps: Duration,
    /// How long a worker waits before it is ended.
    waits: Duration,
    owner: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    /// At work, with the limit that each was started with.
    working: Vec<(u32, Limit)>,
    /// Who looks after those that wait, and when it does so next.
    watcher: Option<(Thread, Instant)>,
    closed: bool,
}

#[derive(Debug)]
struct Waiting {
    worker: Worker,
    limit: Limit,
    since: Instant,
    /// It has memory that a task has freed.
    keeps: bool,
    /// For whoever asks what workers there are; never asked itself.
    _noted: Noted,
}

#[pymethods]
impl Pool {
    /// A worker that waits gives back what it keeps after so many seconds, and is ended after so many.
    #[new]
    #[pyo3(signature = (program, *, keeps = 0.05, waits = 120.0))]
    fn new(py: Python<'_>, program: PathBuf, keeps: f64, waits: f64) -> PyResult<Self> {
        let seconds = |name: &str, seconds: f64| {
            let failed = |error| Fault::Usage(format!("{name}: {error}")).raised(py);
            Duration::try_from_secs_f64(seconds).map(|time| time.min(LONGEST)).map_err(failed)
        };
        let (keeps, waits) = (seconds("keeps", keeps)?, seconds("waits", waits)?);
        Ok(Self(Arc::new(Shared { program, keeps, waits, owner: process::id(), state: Mutex::default() })))
    }

    /// Starts a query. The task is in the words of the protocol; its limit is the worker's.
    #[pyo3(signature = (task, *, limit, files, streams, on_progress))]
    fn start(
        &self,
        py: Python<'_>,
        task: &str,
        limit: Option<u64>,
        files: BTreeMap<String, PathBuf>,
        streams: BTreeMap<String, Py<Batches>>,
        on_progress: Option<Py<PyAny>>,
    ) -> PyResult<Batches> {
        let limit = limit.map_or(Limit::Unlimited, |bytes| Limit::Bytes(ByteCount::new(bytes)));
        let read = serde_json::from_str(task).map_err(|error| Fault::Usage(error.to_string()).raised(py));
        let mut task: Task = read?;
        // The next query finds it, if that comes at once; else it is given back.
        task.freed = Freed::Kept;
        task.tables.extend(files.into_iter().map(|(name, path)| (name, TaskTable { path })));
        let pool = &self.0;
        let started = py.detach(|| start(pool, task, limit, streams, on_progress));
        started.map_err(|fault| fault.raised(py))
    }

    /// Returns the processes of all workers.
    fn pids(&self) -> Vec<u32> {
        let state = self.0.lock();
        let waiting = state.waiting.iter().map(|waiting| waiting.worker.pid());
        waiting.chain(state.working.iter().map(|(pid, _)| *pid)).collect()
    }

    /// Ends the workers that wait, and returns what they showed the kernel, in bytes.
    fn release(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.release())
    }

    /// Ends the workers that wait; those at work end when they are done, or with this process.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            self.0.lock().closed = true;
            self.0.release();
        });
    }
}

fn start(
    pool: &Arc<Shared>,
    mut task: Task,
    limit: Limit,
    streams: BTreeMap<String, Py<Batches>>,
    on_progress: Option<Py<PyAny>>,
) -> Result<Batches, Fault> {
    let mut feeds = Vec::with_capacity(streams.len());
    for (name, batches) in streams {
        let (feed, path) = Feed::new(batches)?;
        task.tables.insert(name, TaskTable { path });
        feeds.push(feed);
    }
    let mut begun = pool.run(&task, limit)?;
    // What a pipe has given is gone, so that such a query cannot begin anew.
    begun.again = begun.again.filter(|_| feeds.is_empty());
    let mut source = RowSource::new(begun, Arc::clone(pool), on_progress);
    for feed in feeds {
        source.feed(feed)?;
    }
    Ok(Batches::of_query(source))
}

/// A task that was begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) running: Running,
    /// What its worker showed the kernel before.
    pub(crate) resident: Option<ByteCount>,
    /// What it takes to begin it once more, if the worker had waited for it and may have been killed meanwhile.
    pub(crate) again: Option<Again>,
}

/// What it takes to begin a task once more.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) task: Task,
    pub(crate) limit: Limit,
}

impl Shared {
    /// Begins a task in a worker that waits, or in a new one.
    fn run(&self, task: &Task, limit: Limit) -> Result<Begun, Fault> {
        if self.owner != process::id() {
            return Err(Fault::Usage("these workers belong to the process that this one was forked from".into()));
        }
        let failed = |error| Fault::Worker(Box::new(error), None);
        while let Some(worker) = self.take(limit) {
            worker.check(task).map_err(failed)?;
            let resident = worker.resident();
            // One that was killed while it waited is not noticed before; mostly not before it answers nothing.
            if let Ok(running) = worker.run(task) {
                let again = Some(Again { task: task.clone(), limit });
                return Ok(self.begun(Begun { running, resident, again }, limit));
            }
        }
        self.run_anew(task, limit)
    }

    /// Begins a task in a new worker.
    pub(crate) fn run_anew(&self, task: &Task, limit: Limit) -> Result<Begun, Fault> {
        let failed = |error| Fault::Worker(Box::new(error), None);
        let worker = Worker::start(&WorkerOptions::new(&self.program, &["worker"], limit)).map_err(failed)?;
        let resident = worker.hello().baseline;
        let lost = |error| Fault::Worker(Box::new(error), Some(Progress { resident, ..Progress::default() }));
        let running = worker.run(task).map_err(lost)?;
        let resident = Some(resident);
        Ok(self.begun(Begun { running, resident, again: None }, limit))
    }

    fn begun(&self, begun: Begun, limit: Limit) -> Begun {
        self.lock().working.push((begun.running.pid(), limit));
        begun
    }

    fn take(&self, limit: Limit) -> Option<Worker> {
        let mut state = self.lock();
        // One that ended shows the kernel nothing, before anybody has waited for it.
        let lives = |worker: &Worker| worker.is_alive() && worker.resident().is_some_and(|held| held > ByteCount::ZERO);
        state.waiting.retain(|waiting| lives(&waiting.worker));
        // The newest, so that those that are not needed grow old.
        let at = state.waiting.iter().rposition(|waiting| waiting.limit == limit)?;
        Some(state.waiting.remove(at).worker)
    }

    /// Takes back the worker of a task that is over.
    pub(crate) fn give_back(self: &Arc<Self>, running: Running) {
        let pid = running.pid();
        let worker = running.end().ok();
        let mut state = self.lock();
        let at = state.working.iter().position(|(working, _)| *working == pid);
        let limit = at.map(|at| state.working.swap_remove(at).1);
        let (Some(worker), Some(limit), false) = (worker, limit, state.closed) else { return };
        let noted = Noted::new(&worker);
        state.waiting.push(Waiting { worker, limit, since: Instant::now(), keeps: true, _noted: noted });
        let too_many = state.waiting.len().saturating_sub(MOST_WAITING);
        let ended: Vec<_> = state.waiting.drain(..too_many).collect();
        self.watch(&mut state);
        drop(state);
        if !ended.is_empty() {
            // Their ends are waited for elsewhere.
            let _ = thread::Builder::new().name("tidegate-end".into()).spawn(move || drop(ended));
        }
    }

    /// Sees to it that somebody looks after the workers that wait, and soon enough for one that waits now.
    fn watch(self: &Arc<Self>, state: &mut State) {
        let now = Instant::now();
        match &state.watcher {
            Some((thread, next)) if *next > now + self.keeps => thread.unpark(),
            Some(_) => {}
            None => {
                let pool = Arc::downgrade(self);
                let look = move || look_after_idle(&pool);
                // Without a thread, the next one is asked to.
                let thread = thread::Builder::new().name("tidegate-idle".into()).spawn(look).ok();
                state.watcher = thread.map(|handle| (handle.thread().clone(), now));
            }
        }
    }

    /// Has workers give back what they have kept for long enough, ends those that have waited for too long, and returns when
    /// there is more to do; nothing if none waits.
    fn look_after_idle(&self) -> Option<Duration> {
        let mut state = self.lock();
        let over = |waiting: &mut Waiting| {
            let waited = waiting.since.elapsed();
            if waiting.keeps && waited >= self.keeps {
                waiting.keeps = false;
                return waiting.worker.begin_release().is_err() || waited >= self.waits;
            }
            waited >= self.waits
        };
        let ended: Vec<_> = state.waiting.extract_if(.., over).collect();
        let due = |waiting: &Waiting| if waiting.keeps { self.keeps.min(self.waits) } else { self.waits };
        let next = state.waiting.iter().map(|waiting| due(waiting).saturating_sub(waiting.since.elapsed())).min();
        state.watcher = next.map(|next| (thread::current(), Instant::now() + next));
        drop(state);
        drop(ended);
        next
    }

    /// Ends a task that nobody reads any more, and keeps its worker.
    pub(crate) fn retire(self: &Arc<Self>, running: Running) {
        let pool = Arc::clone(self);
        let end = move || pool.give_back(running);
        // Without a thread, the worker is ended with its task.
        let _ = thread::Builder::new().name("tidegate-retire".into()).spawn(end);
    }

    fn release(&self) -> u64 {
        let waiting = mem::take(&mut self.lock().waiting);
        let held = waiting.iter().filter_map(|waiting| waiting.worker.resident()).map(ByteCount::bytes).sum();
        for waiting in waiting {
            waiting.worker.end();
        }
        held
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after workers that wait, until none waits or the pool is gone.
fn look_after_idle(pool: &Weak<Shared>) {
    while let Some(next) = pool.upgrade().and_then(|pool| pool.look_after_idle()) {
        thread::park_timeout(next);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.owner != process::id() {
            // A forked child: the workers are its parent's.
            // Without the lock, which a thread of the parent may have held.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            mem::forget(mem::take(&mut state.waiting));
        }
    }
}

/// Returns how many bytes a limit is: `512MB`, `75%`; `None` for `none`.
///
/// # Errors
/// `UsageError` if it is no limit.
#[pyfunction]
pub(crate) fn limit_bytes(py: Python<'_>, text: &str) -> PyResult<Option<u64>> {
    let limit = Limit::from_str(text).map_err(|error| Fault::Usage(error.to_string()).raised(py))?;
    Ok(limit.bytes().map(ByteCount::bytes))
}

/// Returns what a process shows the kernel, in bytes; nothing of one that is gone.
#[pyfunction]
pub(crate) fn process_resident(pid: u32) -> Option<u64> {
    Meter::of(pid).and_then(|meter| meter.read()).map(Resident::total).ok().map(ByteCount::bytes)
}

/// Returns a `Progress` of the package.
pub(crate) fn progress_object<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyAny>> {
    let fields = serde_json::to_value(progress).map_err(|error| Fault::Usage(error.to_string()).raised(py))?;
    let class = py.import(intern!(py, "tidegate._result"))?.getattr(intern!(py, "Progress"))?;
    class.call_method1(intern!(py, "_of"), (json(py, &fields)?,))
}
