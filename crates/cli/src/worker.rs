//! `tidegate worker`: runs tasks for the process that started it, one at a time, over the socket that is its standard input.
//!
//! *Concurrency.* One thread reads requests, so that a cancel is heard while a task runs; the main thread runs tasks; one sends
//! how far a task is. When the requests end, the client is gone, and the process ends at once, whatever it is doing.

use crate::{
    args::{OutputArgs, WorkerArgs},
    events::Observer,
    printer::Printer,
    record::{self, Given},
    run::{Ended, Ran, Run, nobody, run, start_watch},
    settings::{Settings, baseline, budget_above, cache_folder, spill_folder},
};
use std::{
    env,
    io::Write,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tidegate_engine::{
    EngineError, GivenTable, MaxRejects, Progress as Counters, Running,
    sink::{self, OutputFile, OutputFormat, Sink, Target},
};
use tidegate_govern::SpillFiles;
use tidegate_memory::{ByteCount, Limit, Meter, Resident, Watch, ledger, release, reset_peak};
use tidegate_worker::{
    WorkerError,
    protocol::{
        Cache, Failure, FailureKind, Finished, Hello, Output, Place, Progress, Released, Request, Task, TaskId,
    },
    serving::{Replies, Requests, open, standard_input},
};
use tokio::sync::oneshot;

/// Between two messages of how far a task is.
const PROGRESS: Duration = Duration::from_millis(200);

/// What ends the task that was begun last, and which that is.
type Current = Mutex<Option<(TaskId, oneshot::Sender<u8>)>>;

/// What the main thread has to do.
enum Work {
    Run(TaskId, Box<Task>, oneshot::Receiver<u8>),
    Release,
    Exit,
}

/// Runs the command until its client has gone or says that it is enough.
///
/// # Errors
/// If no client started it.
pub fn run_command(arguments: &WorkerArgs, printer: Printer) -> Result<u8, EngineError> {
    let failed = |error: &WorkerError| EngineError::Usage(format!("a worker is started by a client: {error}"));
    let stream = standard_input().map_err(|error| failed(&error))?;
    let hello = Hello { version: env!("CARGO_PKG_VERSION").into(), pid: process::id(), baseline: resident() };
    let (requests, replies) = open(stream, &hello).map_err(|error| failed(&error))?;
    let (sender, receiver) = mpsc::channel();
    let listen = move || listen(requests, &sender, &Current::default());
    let started = thread::Builder::new().name("tidegate-requests".into()).spawn(listen);
    started.map_err(|error| EngineError::Run(format!("no thread for requests: {error}")))?;
    let worker = Worker { limit: arguments.limit, baseline: baseline(), printer, replies };
    worker.serve(&receiver).map_err(|error| EngineError::Run(error.to_string()))?;
    Ok(0)
}

fn resident() -> ByteCount {
    Meter::open().and_then(|meter| meter.read()).map(Resident::total).unwrap_or_default()
}

/// Hands requests on, and cancels what is to be cancelled.
fn listen(requests: Requests, sender: &Sender<Work>, current: &Current) {
    for request in requests {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        let work = match request {
            Ok(Request::Start(id, task)) => {
                let (end, interrupted) = oneshot::channel();
                *current = Some((id, end));
                Work::Run(id, task, interrupted)
            }
            Ok(Request::Cancel(task)) => {
                if current.as_ref().is_some_and(|(begun, _)| *begun == task)
                    && let Some((_, end)) = current.take()
                {
                    // A task that has ended in the meantime needs no ending.
                    let _ = end.send(130);
                }
                continue;
            }
            Ok(Request::Release) => Work::Release,
            Ok(Request::Exit) => Work::Exit,
            Err(_) => break,
        };
        if sender.send(work).is_err() {
            break;
        }
    }
    process::exit(0);
}

struct Worker {
    limit: Limit,
    /// What a task finds, without what those before it left behind and it may use.
    baseline: ByteCount,
    printer: Printer,
    replies: Replies,
}

impl Worker {
    fn serve(&self, work: &Receiver<Work>) -> Result<(), WorkerError> {
        while let Ok(work) = work.recv() {
            match work {
                Work::Run(id, task, interrupted) => self.run(id, &task, interrupted)?,
                Work::Release => {
                    let before = resident();
                    release();
                    self.replies.released(Released { before, after: resident() })?;
                }
                Work::Exit => break,
            }
        }
        Ok(())
    }

    fn run(&self, id: TaskId, task: &Task, interrupted: oneshot::Receiver<u8>) -> Result<(), WorkerError> {
        match self.answer(id, task, interrupted) {
            Ok(Answer::Finished(record)) => match self.replies.finished(id, Finished { record }) {
                Err(WorkerError::TooLarge { .. }) => {
                    self.replies.failed(id, failure(&EngineError::Run("the record of the run is too long".into())))
                }
                sent => sent,
            },
            Ok(Answer::Failed(failure)) => self.replies.failed(id, *failure),
            Err(error) => self.replies.failed(id, failure(&error)),
        }
    }

    fn answer(&self, id: TaskId, task: &Task, interrupted: oneshot::Receiver<u8>) -> Result<Answer, EngineError> {
        if let Some(folder) = &task.folder {
            env::set_current_dir(folder).map_err(|error| EngineError::file("open", folder, error))?;
        }
        let settings = self.settings(task)?;
        // The peak is that of this task alone, where the kernel lets it be reset.
        let _ = reset_peak();
        let watch = start_watch(&settings, self.printer, nobody())?;
        let telling = Telling::start(self.replies.clone(), id, &watch);
        let given = Run { settings: &settings, watch: &watch, printer: self.printer, interrupted, freed: task.freed };
        let ran = run(&task.sql, given, &mut |running, _| {
            telling.of(Sources { counters: running.progress(), spill: running.spill() });
            self.sink(id, task, running)
        });
        drop(telling);
        // Whatever still holds it, of a task that failed, the next one has a watch of its own.
        watch.stop();
        let ran = ran?;
        let record = record::of(&Given { sql: &task.sql, settings: &settings, forecast: None }, &ran);
        let record = serde_json::to_value(&record).unwrap_or_default();
        Ok(answer_of(&ran, record))
    }

    fn settings(&self, task: &Task) -> Result<Settings, EngineError> {
        let limit = match (task.limit, self.limit) {
            (Some(limit), Limit::Bytes(most)) => Limit::Bytes(limit.min(most)),
            (Some(limit), Limit::Unlimited) => Limit::Bytes(limit),
            (None, limit) => limit,
        };
        let max_rejects = task.max_rejects.as_deref().map(str::parse::<MaxRejects>).transpose();
        let observer = Observer::of_unit(task.events.as_ref(), limit.bytes(), self.printer);
        Ok(Settings {
            budget: budget_above(limit, self.baseline.min(baseline()))?,
            spill_folder: spill_folder(task.spill_folder.as_deref()),
            spill_limit: task.spill_limit,
            cache: match &task.cache {
                Cache::Usual => cache_folder(None),
                Cache::Folder(folder) => Some(folder.clone()),
                Cache::Nowhere => None,
            },
            rejects: task.rejects.clone(),
            max_rejects: max_rejects.map_err(EngineError::Usage)?,
            tables: tables(task)?,
            has_standard_input: false,
            observer,
            ..Settings::usual(limit, task.threads)?
        })
    }

    fn sink(&self, id: TaskId, task: &Task, running: &Running) -> Result<Box<dyn Sink + Send>, EngineError> {
        let (format, target) = match &task.output {
            Output::Stream => {
                (OutputFormat::Arrow, Target::Stream(Box::new(self.replies.rows(id)) as Box<dyn Write + Send>))
            }
            Output::File { path, format } => {
                let format = match format {
                    Some(name) => name.parse().map_err(|_| EngineError::Usage(format!("`{name}` is no format")))?,
                    None => OutputFormat::of_path(path).ok_or_else(|| {
                        EngineError::Usage(format!("the extension of `{}` names no format", path.display()))
                    })?,
                };
                (format, Target::File(OutputFile::create(path)?))
            }
        };
        sink::open(format, target, running.schema(), running.profile())
    }
}

/// Returns the tables that a task names beside the paths of its query.
fn tables(task: &Task) -> Result<Vec<GivenTable>, EngineError> {
    let given = task.tables.iter().map(|(name, table)| {
        let path =
            table.path.to_str().ok_or_else(|| EngineError::Usage(format!("the path of `{name}` is no UTF-8")))?;
        if name.is_empty() || path.is_empty() {
            return Err(EngineError::Usage("a table needs a name and a path".into()));
        }
        Ok(GivenTable { name: name.clone(), path: path.to_owned() })
    });
    given.collect()
}

enum Answer {
    Finished(serde_json::Value),
    Failed(Box<Failure>),
}

fn answer_of(ran: &Ran, record: serde_json::Value) -> Answer {
    let failed = |failure: Failure| Answer::Failed(Box::new(Failure { record: Some(record.clone()), ..failure }));
    match &ran.ended {
        Ok(Ended::Done(outcome)) if outcome.finished.too_many_rejects => failed(Failure {
            exit_code: 4,
            kind: FailureKind::Rejects,
            message: "more rejects than are allowed".into(),
            help: Some("look at them with `rejects`, or raise `max_rejects`".into()),
            place: None,
            record: None,
        }),
        Ok(Ended::Done(_)) => Answer::Finished(record),
        Ok(Ended::Interrupted(_)) => failed(Failure::cancelled()),
        Err(error) => failed(failure(error)),
    }
}

fn failure(error: &EngineError) -> Failure {
    let kind = match error {
        EngineError::Query { .. } => FailureKind::Query,
        EngineError::Usage(_) | EngineError::LimitTooSmall { .. } => FailureKind::Usage,
        EngineError::NoInput { .. } | EngineError::File { .. } | EngineError::Format { .. } => FailureKind::Input,
        EngineError::MemoryLimit(_) => FailureKind::MemoryLimit,
        EngineError::DiskFull { .. } | EngineError::SpillLimit { .. } | EngineError::Spill(_) => FailureKind::Disk,
        _ => FailureKind::Run,
    };
    let place = match error {
        EngineError::Query { place: Some(place), .. } => Some(Place { line: place.line, column: place.column }),
        _ => None,
    };
    let (message, help) = (error.to_string(), error.help());
    Failure { exit_code: error.exit_code(), kind, message, help, place, record: None }
}

/// Tells how far a task is, until it is dropped.
struct Telling {
    over: Arc<AtomicBool>,
    sources: Arc<Mutex<Option<Sources>>>,
    thread: Option<JoinHandle<()>>,
}

/// What is told of a task that runs.
#[derive(Clone)]
struct Sources {
    counters: Arc<Counters>,
    spill: Arc<SpillFiles>,
}

impl Telling {
    fn start(replies: Replies, id: TaskId, watch: &Arc<Watch>) -> Self {
        let mut telling = Self { over: Arc::default(), sources: Arc::default(), thread: None };
        let (over, sources, watch) = (Arc::clone(&telling.over), Arc::clone(&telling.sources), Arc::clone(watch));
        let tell = move || {
            while !over.load(Relaxed) {
                let sources = sources.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let counts = sources.as_ref().map(|sources| sources.counters.snapshot()).unwrap_or_default();
                let resident = watch.report().resident;
                let progress = Progress {
                    rows: counts.rows,
                    bytes: counts.bytes,
                    total_bytes: counts.total_bytes,
                    rows_out: counts.rows_out,
                    rejects: 0,
                    resident: resident.total(),
                    anonymous: resident.anonymous,
                    live: ledger::live(),
                    spilled: sources.map(|sources| sources.spill.report().written).unwrap_or_default(),
                    pressure: watch.pressure(),
                };
                if over.load(Relaxed) || replies.progress(id, &progress).is_err() {
                    break;
                }
                thread::park_timeout(PROGRESS);
            }
        };
        // Without a thread nothing is told, and the task runs all the same.
        telling.thread = thread::Builder::new().name("tidegate-progress".into()).spawn(tell).ok();
        telling
    }

    fn of(&self, sources: Sources) {
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = Some(sources);
    }
}

impl Drop for Telling {
    /// Nothing is told of the task after that.
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // One that panicked tells nothing either.
            let _ = thread.join();
        }
    }
}

/// Returns the printer of a worker: nobody reads it but in an error.
pub fn printer(color: crate::args::Color) -> Printer {
    Printer::new(OutputArgs { quiet: true, no_progress: true, color })
}
