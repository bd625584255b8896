//! The command.

use super::{
    observer::LoopObserver,
    runner::{Given, QueryRunner},
    witness::Teller,
};
use crate::{args::RunArgs, interrupt, printer::Printer, run::with_deep_stack};
use std::{
    env,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tidegate_engine::EngineError;
use tidegate_tasks::{
    TasksError,
    file::{TaskFile, WrongQuery},
    plan::{Missing, plan},
    release::ReleasePolicy,
    state::State,
    turn::{CommandRunner, Mail, Split, Summary, Turn, TurnOptions},
};
use tidegate_worker::protocol::{Cache, Freed, Task};

/// Runs the command and returns its exit code.
///
/// # Errors
/// If the program does not find itself, or no thread can be started.
pub fn run_command(arguments: &RunArgs, printer: Printer) -> Result<u8, EngineError> {
    match run(arguments, printer)? {
        Ok(summary) => Ok(told(&summary, printer)),
        Err(TasksError::File { path, problems }) => {
            for problem in &problems {
                let message = format!("{}:{}: {}", path.display(), problem.line, problem.message);
                printer.problem(&message, problem.help.as_deref(), 2);
            }
            Ok(2)
        }
        Err(error) => Ok(printer.problem(&error.to_string(), error.help().as_deref(), error.exit_code())),
    }
}

fn run(arguments: &RunArgs, printer: Printer) -> Result<Result<Summary, TasksError>, EngineError> {
    let program = env::current_exe().map_err(|error| EngineError::Run(format!("find this program: {error}")))?;
    let missing = if arguments.watch.is_some() { Missing::Awaited } else { Missing::Refused };
    let prepared = TaskFile::read(&arguments.file).and_then(|file| {
        file.check_queries(wrong_with)?;
        let units = plan(&file, missing)?;
        let state = State::open(&file.output)?;
        Ok((file, units, state))
    });
    let (file, units, mut state) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(error)),
    };
    state.take_notes().iter().for_each(|note| printer.warning("state", note));
    let observer = LoopObserver::open(arguments, file.limit, printer)?;
    let beside = observer.beside(arguments)?;
    let mut options = TurnOptions::of(&file);
    options.watch = arguments.watch.map(Duration::from_secs);
    let (mail, stop) = Mail::new();
    let interrupted = interrupt::told().map_err(|error| EngineError::Run(format!("no thread for signals: {error}")))?;
    let waiting = move || {
        if interrupted.recv().is_ok() {
            stop.stop();
        }
    };
    let waiter = thread::Builder::new().name("tidegate-stop".into()).spawn(waiting);
    waiter.map_err(|error| EngineError::Run(format!("no thread for signals: {error}")))?;
    // What units are forecast by runs in their own folders.
    let history = arguments.history.history.as_deref().map(absolute);
    let common = common(arguments, file.release);
    let given = Given { program, common, history, observer: observer.clone() };
    let mut queries = QueryRunner::new(file.limit, given);
    let mut runner = Split { queries: &mut queries, commands: CommandRunner };
    let mut witness = Teller::new(printer, &arguments.history, observer.clone());
    let turn = Turn { file: &file, options, state: &mut state, runner: &mut runner, witness: &mut witness };
    let summary = turn.run(units, mail);
    drop(beside);
    observer.ended(&summary);
    Ok(Ok(summary))
}

/// Returns what is wrong with the text of a query, and what to do about it.
fn wrong_with(sql: &str) -> Option<WrongQuery> {
    let error = with_deep_stack(|| tidegate_engine::check(sql).err()).flatten()?;
    let line = match &error {
        EngineError::Query { place, .. } => place.map(|place| place.line),
        _ => None,
    };
    Some(WrongQuery { message: error.to_string(), help: error.help(), line })
}

/// Returns a path that means the same in any folder; `none` is no path.
fn absolute(path: &Path) -> PathBuf {
    let whole = if path == Path::new("none") { None } else { std::path::absolute(path).ok() };
    whole.unwrap_or_else(|| path.to_path_buf())
}

/// Returns what all queries have in common. What they freed is kept unless it is always given back: later it may be.
fn common(arguments: &RunArgs, release: ReleasePolicy) -> Task {
    Task {
        spill_folder: arguments.spill_dir.as_deref().map(absolute),
        spill_limit: arguments.spill.spill_limit,
        max_rejects: arguments.max_rejects.clone(),
        cache: match &arguments.cache {
            None => Cache::Usual,
            Some(none) if none == Path::new("none") => Cache::Nowhere,
            Some(folder) => Cache::Folder(absolute(folder)),
        },
        freed: if release == ReleasePolicy::Always { Freed::GivenBack } else { Freed::Kept },
        ..Task::of_sql("")
    }
}

/// Says what became of all units, and returns the exit code.
fn told(summary: &Summary, printer: Printer) -> u8 {
    let Summary { done, already_done, failed, skipped, left, .. } = summary;
    let some = |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    printer.note(&format!(
        "{done} done{}{}{}{}",
        some(*already_done, "done before"),
        some(failed.len(), "failed"),
        some(skipped.len(), "left out"),
        some(*left, "not done")
    ));
    for (name, failure) in failed {
        printer.problem(&format!("{name}: {}", failure.message), failure.help.as_deref(), 1);
    }
    for (name, because) in skipped {
        printer.warning("left out", &format!("{name}, because `{because}` failed"));
    }
    summary.exit_code()
}
