//! `tidegate guard`: the arguments become the guard's options, what it tells is printed, and the run is kept.

use crate::{args::GuardArgs, history, printer::Printer, record::new_run};
use std::{io::Write, path::Path, time::SystemTime};
use tidegate_engine::{EngineError, sink::OutputFile};
use tidegate_guard::{ArrowPool, Attach, GuardError, Observer, Options, Outcome, Progress, attach, run};
use tidegate_memory::Limit;
use tidegate_report::{
    html, json,
    record::{How, RunRecord},
    terminal::{self, Style},
};
use tidegate_tasks::history::{Input, NewRun, Outcome as Kept};

/// Columns of what is said at the end.
const WIDTH: usize = 100;

/// Runs the command and returns its exit code: that of the program, or 3 when its limit ended it.
///
/// # Errors
/// If a report cannot be written.
pub fn run_command(arguments: &GuardArgs, printer: Printer) -> Result<u8, EngineError> {
    // What cannot be written is told before anything runs.
    let files = arguments.output.iter().map(|path| OutputFile::create(path));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let mut teller = Teller(printer);
    let outcome = match guarded(arguments, &mut teller) {
        Ok(outcome) => outcome,
        Err(error) => return Ok(printer.problem(&error.to_string(), error.help().as_deref(), error.exit_code())),
    };
    for line in terminal::verdict(&outcome.record, Style { width: WIDTH, colored: false }).lines() {
        printer.note(line);
    }
    history::add(&arguments.history, &kept(&outcome.record), printer);
    let mut exit_code = outcome.exit_code;
    for (path, file) in arguments.output.iter().zip(files) {
        if let Err(error) = write(path, file, &outcome) {
            // How the program ended is what others wait for.
            let failed = printer.failure(&error);
            exit_code = if exit_code == 0 { failed } else { exit_code };
        }
    }
    Ok(exit_code)
}

fn guarded(arguments: &GuardArgs, observer: &mut dyn Observer) -> Result<Outcome, GuardError> {
    let GuardArgs { limit, fail_above, every, pid, .. } = *arguments;
    if let Some(process) = pid {
        return attach(&Attach { process, fail_above, every, during: None }, observer);
    }
    let arrow_pool = if arguments.keep_arrow_pool { ArrowPool::Kept } else { ArrowPool::System };
    run(&Options { limit, fail_above, every, arrow_pool, ..Options::of(arguments.command.clone()) }, observer)
}

/// Tells how it goes.
struct Teller(Printer);

impl Observer for Teller {
    fn progress(&mut self, progress: &Progress) {
        let Progress { elapsed, in_use, peak, limit, processes } = progress;
        let of = if *limit == Limit::Unlimited { String::new() } else { format!(" of {limit}") };
        let processes = if *processes == 1 { String::new() } else { format!(", {processes} processes") };
        self.0.note(&format!("{:.0} s: {in_use}{of} in use, {peak} at the peak{processes}", elapsed.as_secs_f64()));
    }
}

/// Writes a report in the form that its extension names; a page, where it names none.
fn write(path: &Path, mut file: OutputFile, outcome: &Outcome) -> Result<(), EngineError> {
    let name = path.to_string_lossy().to_lowercase();
    let has = |extension: &str| name.ends_with(extension);
    let text = if has(".speedscope.json") {
        outcome.stacks.speedscope(&outcome.record.text)
    } else if has(".json") {
        json::write(&outcome.record).unwrap_or_default()
    } else if has(".folded") {
        outcome.stacks.folded()
    } else if has(".svg") {
        outcome.stacks.flamegraph()
    } else {
        html::run_page(&outcome.record)
    };
    file.write_all(text.as_bytes()).map_err(|error| file.error(error))?;
    file.commit()?;
    Ok(())
}

/// Returns what the history keeps.
fn kept(record: &RunRecord) -> NewRun {
    let outcome = match record.ended.how {
        How::Answered => Kept::Done,
        How::MemoryLimit => Kept::MemoryLimit,
        How::Interrupted => Kept::Interrupted,
        How::Lost => Kept::Lost,
        _ => Kept::Failed,
    };
    let input = Input { fingerprint: None, bytes: record.bytes_in, rows: 0 };
    let run = new_run(record, input);
    NewRun { kind: "command".into(), shape: record.text.clone(), outcome, started: SystemTime::now(), ..run }
}
