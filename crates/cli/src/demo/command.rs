//! The command: data written once, questions asked one after the other, each answer kept beside the data.

use super::{
    data::{self, BrokenLines, DataFormat, DataOptions, Written},
    questions::{QUESTIONS, Question},
    report::{self, Answer, Report},
};
use crate::{
    args::{DataForm, DemoArgs},
    printer::{Printer, grouped},
    run::{Ended, Run, nobody, run, signals, start_watch},
    settings::Settings,
};
use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tidegate_engine::{
    EngineError,
    sink::{OutputFile, OutputFormat, Target, open},
};
use tidegate_memory::{ByteCount, Watch, peak_resident, reset_peak};
use tidegate_worker::protocol::Freed;

/// Runs the command and returns its exit code.
///
/// # Errors
/// If the data cannot be written or a question fails.
pub fn run_command(arguments: &DemoArgs, printer: Printer) -> Result<u8, EngineError> {
    if let Some(folder) = &arguments.data {
        let path = folder.join(form(arguments.form).file_name());
        write_data(arguments, folder, &path, printer)?;
        return Ok(0);
    }
    let folder = cache_folder();
    let path = folder.join(format!("{}-{}-{}", arguments.lines, arguments.seed, form(arguments.form).file_name()));
    if path.exists() {
        printer.note(&format!("data: {} (written by an earlier run)", path.display()));
    } else {
        write_data(arguments, &folder, &path, printer)?;
    }
    ask(arguments, &folder, &path, printer)
}

fn form(form: DataForm) -> DataFormat {
    match form {
        DataForm::Log => DataFormat::Log,
        DataForm::Csv => DataFormat::Csv,
        DataForm::Ndjson => DataFormat::Ndjson,
    }
}

fn cache_folder() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir);
    base.join("tidegate").join("demo")
}

fn write_data(arguments: &DemoArgs, folder: &Path, path: &Path, printer: Printer) -> Result<(), EngineError> {
    fs::create_dir_all(folder).map_err(|error| EngineError::file("create", folder, error))?;
    printer.note(&format!("writing {} lines to {} ..", grouped(arguments.lines), path.display()));
    let start = Instant::now();
    let mut file = OutputFile::create(path)?;
    let DemoArgs { lines, seed, form: wanted, .. } = *arguments;
    let options = DataOptions { lines, seed, format: form(wanted), broken: BrokenLines::Some };
    let written = data::generate(&options, &mut file).and_then(|written| file.flush().map(|()| written));
    let written = written.map_err(|error| file.error(error))?;
    file.commit_unsynced()?;
    printer.note(&written_line(written, start.elapsed().as_secs_f64()));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a rate, shown with two decimals")]
fn written_line(written: Written, seconds: f64) -> String {
    format!(
        "wrote {} in {seconds:.1} s ({:.2} million lines/s), {} lines of it broken on purpose",
        ByteCount::new(written.bytes),
        written.lines as f64 / 1e6 / seconds.max(1e-6),
        grouped(written.broken)
    )
}

fn ask(arguments: &DemoArgs, folder: &Path, path: &Path, printer: Printer) -> Result<u8, EngineError> {
    let settings = Settings {
        spill_folder: folder.to_path_buf(),
        spill_limit: arguments.spill.spill_limit,
        ..Settings::usual(arguments.limit, arguments.threads)?
    };
    let watch = start_watch(&settings, printer, nobody())?;
    let before = watch_resident(&watch);
    let mut report = Report::new(arguments.limit, before);
    for question in &QUESTIONS {
        match answer(question, path, folder, &settings, &watch, printer)? {
            Ok(answer) => report.add(answer),
            Err(code) => return Ok(code),
        }
    }
    report.set_after(watch_resident(&watch));
    report.print(printer);
    Ok(0)
}

fn watch_resident(watch: &Arc<Watch>) -> ByteCount {
    tidegate_memory::release();
    let meter = tidegate_memory::Meter::open().and_then(|meter| meter.read());
    meter.map_or_else(|_| watch.report().resident.total(), tidegate_memory::Resident::total)
}

/// Asks one question; `Err` holds the exit code of an interruption.
fn answer(
    question: &'static Question,
    path: &Path,
    folder: &Path,
    settings: &Settings,
    watch: &Arc<Watch>,
    printer: Printer,
) -> Result<Result<Answer, u8>, EngineError> {
    printer.note(&format!("\n{}", question.title));
    let sql = question.sql(&path.to_string_lossy());
    printer.note(&format!("  {sql}"));
    watch.reset();
    // Where the kernel does not let its peak be reset, the peaks shown are of all questions so far.
    let _ = reset_peak();
    let output = folder.join(format!("answer-{}.{}", question.name, question.extension));
    let given = Run { settings, watch, printer, interrupted: signals(nobody())?, freed: Freed::GivenBack };
    let ran = run(&sql, given, &mut |running, _| {
        let format = OutputFormat::of_path(&output).unwrap_or(OutputFormat::Csv);
        open(format, Target::File(OutputFile::create(&output)?), running.schema(), running.profile())
    })?;
    let outcome = match ran.ended? {
        Ended::Done(outcome) => outcome,
        Ended::Interrupted(code) => return Ok(Err(code)),
    };
    let peak = peak_resident().unwrap_or(ran.traces.peak).max(ran.traces.peak);
    report::preview(&output, question.preview, printer);
    Ok(Ok(Answer { title: question.title, finished: outcome.finished, seconds: ran.traces.seconds, peak }))
}
