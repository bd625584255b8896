//! Runs the queries of a loop in worker processes.
//!
//! *Concurrency.* A thread for each unit that runs reads what its worker answers. Workers that are done wait in a list, behind a
//! mutex, for the next unit.

use super::observer::LoopObserver;
use serde_json::Value;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};
use tidegate_memory::{ByteCount, Limit, MINIMUM_LIMIT};
use tidegate_report::record;
use tidegate_tasks::{
    Forecast,
    plan::Unit,
    release::Release,
    state::Marker,
    turn::{Done, Ended, Failure, Order, Retry, Runner, RunnerMemory, Running, UnitMemory},
};
use tidegate_worker::{
    Canceller, Event, Stream, Worker, WorkerError, WorkerOptions,
    protocol::{FailureKind, Output, Task},
};

/// Input below it needs no forecast: the smallest limit suffices for most of what can be asked of it.
const SMALL: ByteCount = ByteCount::mib(16);

/// Runs queries in worker processes.
pub(super) struct QueryRunner {
    program: PathBuf,
    /// What every task has in common.
    common: Task,
    limit: ByteCount,
    warm: Arc<Mutex<Vec<Warm>>>,
    /// The limits of the units that run, together.
    running: Arc<Mutex<ByteCount>>,
    /// The history that forecasts learn of; `None` is the usual one.
    history: Option<PathBuf>,
    observer: LoopObserver,
    /// The first forecast of each task, and the input that it was of: its other units are forecast in proportion.
    known: HashMap<String, (record::Forecast, ByteCount)>,
}

/// What a runner is given.
pub(super) struct Given {
    /// This program.
    pub(super) program: PathBuf,
    /// What every task has in common.
    pub(super) common: Task,
    /// The history that forecasts learn of; `None` is the usual one.
    pub(super) history: Option<PathBuf>,
    /// Who is told what happens.
    pub(super) observer: LoopObserver,
}

/// A worker that waits for the next unit.
struct Warm {
    worker: Worker,
    /// What it held when it had given back all that it could.
    floor: Option<ByteCount>,
}

impl QueryRunner {
    /// Returns one whose workers may have `limit` together.
    pub(super) fn new(limit: ByteCount, given: Given) -> Self {
        let Given { program, common, history, observer } = given;
        let (warm, running, known) = Default::default();
        Self { program, common, limit, warm, running, history, observer, known }
    }

    /// Ends workers that wait, until what they hold fits beside what runs and what is to run.
    fn make_room(&self, wanted: ByteCount) {
        let mut warm = lock(&self.warm);
        let taken = *lock(&self.running) + wanted;
        // One of them runs the next unit.
        while warm.len() > 1 {
            let idle: ByteCount = warm.iter().skip(1).filter_map(|warm| warm.worker.resident()).sum();
            if taken + idle <= self.limit {
                break;
            }
            warm.pop();
        }
    }

    /// Asks this program in a process of its own, so that the loop stays small.
    fn ask(&self, unit: &Unit) -> Option<record::Forecast> {
        let mut command = Command::new(&self.program);
        command.args(["forecast", "--quiet", "--format", "json", "--limit", &self.limit.bytes().to_string()]);
        if let Some(history) = &self.history {
            command.arg("--history").arg(history);
        }
        let output = command.arg("--").arg(unit.sql()?).current_dir(&unit.folder).output().ok()?;
        read(&serde_json::from_slice(&output.stdout).ok()?)
    }

    /// Returns what is expected of a unit; nothing of one that is small, or has a limit of its own.
    fn expected(&mut self, unit: &Unit) -> Option<record::Forecast> {
        let input = unit.input_bytes();
        let (known, of) = if let Some(known) = self.known.get(&unit.task) {
            known.clone()
        } else {
            let forecast = self.ask(unit)?;
            self.known.insert(unit.task.clone(), (forecast.clone(), input));
            (forecast, input)
        };
        Some(if input == of { known } else { in_proportion(known, input, of) })
    }

    fn options(&self, marker: &Marker) -> WorkerOptions {
        let mut options = WorkerOptions::new(&self.program, &["worker"], Limit::Bytes(self.limit));
        options.env.push((Marker::VARIABLE.into(), marker.to_string().into()));
        options.stderr = Stream::Kept;
        options
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runner for QueryRunner {
    fn forecast(&mut self, unit: &Unit) -> Option<Forecast> {
        let input = unit.input_bytes();
        let reads_else = !unit.after.is_empty() || unit.inputs.iter().any(|input| is_compressed(&input.path));
        if unit.limit.is_some() || input < SMALL && !reads_else {
            return Some(Forecast { expected: MINIMUM_LIMIT, bound: MINIMUM_LIMIT });
        }
        let expected = self.expected(unit)?;
        let bound = expected.bound.unwrap_or(expected.expected);
        let forecast = Forecast { expected: expected.expected.max(MINIMUM_LIMIT), bound: bound.max(MINIMUM_LIMIT) };
        self.observer.forecast(unit, forecast);
        Some(forecast)
    }

    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure> {
        let Some(task) = task(&order, &self.common) else { return Err(Failure::for_good("it is no query")) };
        let task = Task { events: self.observer.events(&order.unit.name), ..task };
        let query = Query::of(&order, self.observer.clone());
        // What was asked for before, or nothing.
        let forecast = self.known.contains_key(&order.unit.task).then(|| self.expected(&order.unit)).flatten();
        let (warm, options) = (Arc::clone(&self.warm), self.options(&order.marker));
        self.make_room(order.limit);
        *lock(&self.running) += order.limit;
        let (asked, limits, limit) = (query.clone(), Arc::clone(&self.running), order.limit);
        let work = move || {
            let waiting = lock(&warm).pop();
            let (mut ended, worker) = run(waiting, &options, &task, &asked);
            ended.record = ended.record.map(|record| with_forecast(record, forecast.as_ref()));
            if let Some(worker) = worker {
                lock(&warm).push(worker);
            }
            let mut limits = lock(&limits);
            *limits = *limits - limit;
            drop(limits);
            done.ended(ended);
        };
        let started = thread::Builder::new().name("tidegate-unit".into()).spawn(work);
        started.map_err(|error| Failure::for_good(format!("no thread for a unit: {error}")))?;
        Ok(Box::new(query))
    }

    fn memory(&self) -> Option<RunnerMemory> {
        let warm = lock(&self.warm);
        let known = |warm: &Warm| {
            let used = warm.worker.resident()?;
            Some(RunnerMemory { used, baseline: warm.worker.hello().baseline, floor: warm.floor })
        };
        warm.iter().filter_map(known).max_by_key(|memory| memory.used)
    }

    fn release(&mut self, release: Release) {
        let mut warm = lock(&self.warm);
        match release {
            Release::Keep => {}
            Release::Release => warm.retain_mut(|warm| {
                let released = warm.worker.release();
                warm.floor = released.as_ref().ok().map(|released| released.after);
                released.is_ok()
            }),
            Release::Recycle => warm.clear(),
        }
    }
}

/// Reads what `tidegate forecast` says.
fn read(forecast: &Value) -> Option<record::Forecast> {
    let bytes = |value: &Value| value.as_u64().map(ByteCount::new);
    let peak = |name: &str| bytes(forecast.get("peak")?.get(name)?);
    Some(record::Forecast {
        expected: peak("expected")?,
        bound: peak("most"),
        least: peak("least").unwrap_or_default(),
        mode: mode(forecast.get("mode").and_then(Value::as_str).unwrap_or_default()),
        reason: forecast.get("reason").and_then(Value::as_str).map(str::to_owned),
        spill_bytes: forecast.get("spill").and_then(|spill| bytes(spill.get("expected")?)).unwrap_or_default(),
        seconds: forecast.get("seconds").and_then(|seconds| seconds.get("expected")?.as_f64()),
        first_sight: forecast.get("first_sight").and_then(bytes),
        runs: forecast.get("runs").and_then(Value::as_u64).unwrap_or_default(),
        ..record::Forecast::default()
    })
}

fn mode(name: &str) -> record::Mode {
    serde_json::from_value(Value::from(name.replace(' ', "_"))).unwrap_or_default()
}

/// Returns the forecast of a unit from that of another unit of its task. Nobody looked at its data, so that there is no first
/// sight that others could learn of.
fn in_proportion(known: record::Forecast, input: ByteCount, of: ByteCount) -> record::Forecast {
    let scaled = |bytes: ByteCount| {
        let all = u128::from(bytes.bytes()) * u128::from(input.bytes()) / u128::from(of.bytes().max(1));
        ByteCount::new(u64::try_from(all).unwrap_or(u64::MAX))
    };
    record::Forecast {
        expected: scaled(known.expected),
        bound: known.bound.map(scaled),
        least: scaled(known.least),
        spill_bytes: scaled(known.spill_bytes),
        seconds: None,
        first_sight: None,
        ..known
    }
}

/// Returns the record of a unit with what was expected of it.
fn with_forecast(record: String, forecast: Option<&record::Forecast>) -> String {
    match (forecast, serde_json::from_str::<Value>(&record)) {
        (Some(forecast), Ok(Value::Object(mut all))) => {
            all.insert("forecast".into(), serde_json::to_value(forecast).unwrap_or_default());
            Value::Object(all).to_string()
        }
        _ => record,
    }
}

/// A query that runs, to be cancelled also while its worker is being started.
#[derive(Clone)]
struct Query {
    state: Arc<Mutex<State>>,
    unit: Arc<Unit>,
    limit: ByteCount,
    observer: LoopObserver,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    canceller: Option<Canceller>,
}

impl Query {
    fn of(order: &Order, observer: LoopObserver) -> Self {
        Self { state: Arc::default(), unit: Arc::clone(&order.unit), limit: order.limit, observer }
    }
}

impl Running for Query {
    fn cancel(&mut self) {
        let mut state = lock(&self.state);
        state.cancelled = true;
        if let Some(canceller) = &state.canceller {
            canceller.cancel();
        }
    }
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["gz", "zst", "bz2", "xz"].iter().any(|known| extension == *known))
}

fn task(order: &Order, common: &Task) -> Option<Task> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let output = match (&order.part, order.unit.format) {
        (Some(path), format) => {
            Output::File { path: path.clone(), format: format.map(|format| format.name().to_owned()) }
        }
        (None, _) => Output::Stream,
    };
    Some(Task {
        folder: Some(order.unit.folder.clone()),
        limit: Some(order.limit),
        threads: u16::try_from(order.threads(cores)).ok(),
        output,
        sql: order.unit.sql()?,
        ..common.clone()
    })
}

/// Runs a task to its end, and returns how it ended, and the worker for the next one.
fn run(warm: Option<Warm>, options: &WorkerOptions, task: &Task, query: &Query) -> (Ended, Option<Warm>) {
    let (worker, floor) = match warm {
        Some(Warm { worker, floor }) => (Ok(worker), floor),
        None => (Worker::start(options), None),
    };
    match worker.and_then(|worker| answered(worker, task, query)) {
        Ok((ended, worker)) => (ended, Some(Warm { worker, floor })),
        Err(error) => (Ended { failure: Some(lost(&error)), ..Ended::default() }, None),
    }
}

fn answered(worker: Worker, task: &Task, query: &Query) -> Result<(Ended, Worker), WorkerError> {
    let mut running = worker.run(task)?;
    let canceller = running.canceller();
    let mut state = lock(&query.state);
    if state.cancelled {
        canceller.cancel();
    }
    state.canceller = Some(canceller);
    drop(state);
    let mut ended = Ended::default();
    for event in &mut running {
        match event? {
            Event::Finished(finished) => ended = of_record(Some(&finished.record), None),
            Event::Failed(failure) => ended = of_record(failure.record.as_ref(), Some(failed(&failure))),
            // Of a query without an output nobody wants the rows.
            Event::Schema(_) | Event::Rows(_) => {}
            Event::Progress(progress) => query.observer.progress(&query.unit, query.limit, progress),
        }
    }
    lock(&query.state).canceller = None;
    Ok((ended, running.end()?))
}

fn of_record(record: Option<&serde_json::Value>, failure: Option<Failure>) -> Ended {
    let bytes = |name: &str| record?.get(name)?.as_u64().map(ByteCount::new);
    let memory = UnitMemory { before: bytes("resident_before"), peak: bytes("peak"), after: bytes("resident_after") };
    Ended { failure, memory, record: record.map(ToString::to_string) }
}

fn failed(failure: &tidegate_worker::protocol::Failure) -> Failure {
    let retry = if failure.kind == FailureKind::MemoryLimit { Retry::Can } else { Retry::Cannot };
    Failure { message: failure.message.clone(), help: failure.help.clone(), exit_code: failure.exit_code, retry }
}

/// Returns the failure of a unit whose worker is of no more use.
fn lost(error: &WorkerError) -> Failure {
    Failure { message: error.to_string(), help: error.help(), exit_code: error.exit_code(), retry: Retry::Can }
}
