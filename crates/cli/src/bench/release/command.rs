//! The command: data written, answers compared, then all ways measured in turns.

use super::{
    answers,
    load::Load,
    measured::{Contender, Measured},
    ours::Service,
    pandas::{MODES, Pandas, PandasService},
    table::Report,
    verdict::claims,
};
use crate::{
    args::{ReleaseBenchArgs, TextForm},
    interrupt,
    printer::Printer,
};
use std::{
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tidegate_engine::EngineError;
use tidegate_memory::{ByteCount, Limit, release_policy::ReleasePolicy};

/// The order in which policies are measured.
const POLICIES: [ReleasePolicy; 3] = [ReleasePolicy::Never, ReleasePolicy::Always, ReleasePolicy::Auto];

/// The time of each row is divided into so many turns.
const TURNS: u32 = 5;

/// Runs the command and returns its exit code: 1 if answers differ, or `auto` did not hold the limit.
///
/// # Errors
/// If the logs cannot be written, or workers or Python cannot be run.
pub fn release_command(arguments: &ReleaseBenchArgs, printer: Printer) -> Result<u8, EngineError> {
    let limit = match arguments.limit {
        Limit::Bytes(limit) => limit,
        Limit::Unlimited => return Err(EngineError::Usage("a release without a limit shows nothing".into())),
    };
    let bench = Bench::new(arguments, limit, printer)?;
    let pandas = find(arguments);
    let pandas = match pandas {
        Ok(pandas) => bench.compared(&pandas)?.map(|()| pandas),
        Err(why) => Err(Why::Missing(why)),
    };
    if let Err(Why::Different(difference)) = &pandas {
        return Ok(printer.problem(difference, Some("neither is measured while one of them is wrong"), 1));
    }
    let rows = bench.measure(pandas.as_ref().ok())?;
    if let Some(code) = bench.stopped() {
        return Ok(code);
    }
    let claims = claims(&rows);
    let held = PandasService::held_by(limit);
    let report = Report {
        load: &bench.load,
        limit,
        concurrency: arguments.concurrency,
        time: arguments.seconds,
        pandas: match pandas {
            Ok(pandas) => Ok(format!("{}, held by {held}; its answers are ours", pandas.version)),
            Err(Why::Missing(why) | Why::Different(why)) => Err(why),
        },
        rows: &rows,
        claims: &claims,
    };
    match arguments.format {
        TextForm::Text => report.print()?,
        TextForm::Json => report.print_json()?,
    }
    Ok(u8::from(claims.first().is_some_and(|claim| !claim.holds)))
}

/// Why pandas is not measured.
enum Why {
    /// There is none.
    Missing(String),
    /// It says something else than we do.
    Different(String),
}

fn find(arguments: &ReleaseBenchArgs) -> Result<Pandas, String> {
    if arguments.python == Path::new("none") {
        return Err("--python none".to_owned());
    }
    Pandas::find(&arguments.python)
}

/// What all parts of it need.
struct Bench {
    load: Load,
    service: Service,
    /// How long each row is measured.
    time: Duration,
    folder: TempDir,
    stop: Arc<AtomicBool>,
    code: Arc<AtomicU8>,
    printer: Printer,
}

impl Bench {
    fn new(arguments: &ReleaseBenchArgs, limit: ByteCount, printer: Printer) -> Result<Self, EngineError> {
        let (stop, code) = stop_on_signals()?;
        let parent = crate::settings::spill_folder(None);
        let folder = tempfile::Builder::new().prefix("tidegate-bench-").tempdir_in(&parent);
        let folder = folder.map_err(|error| EngineError::file("create a folder in", &parent, error))?;
        let data = arguments.data.clone().unwrap_or_else(|| folder.path().join("data"));
        printer.note("writing logs ..");
        let load = Load::prepare(&data, arguments.lines, arguments.seed)?;
        let program = env::current_exe().map_err(|error| EngineError::Run(format!("find this program: {error}")))?;
        let concurrency = NonZeroUsize::new(usize::from(arguments.concurrency)).unwrap_or(NonZeroUsize::MIN);
        let service = Service { program, limit, concurrency };
        Ok(Self { load, service, time: arguments.seconds, folder, stop, code, printer })
    }

    /// Returns the exit code of whoever ended it.
    fn stopped(&self) -> Option<u8> {
        self.stop.load(Relaxed).then(|| self.code.load(Relaxed))
    }

    /// Compares all answers of pandas with ours.
    fn compared(&self, pandas: &Pandas) -> Result<Result<(), Why>, EngineError> {
        self.printer.note("comparing answers with pandas ..");
        let folder = |name: &str| -> Result<PathBuf, EngineError> {
            let folder = self.folder.path().join(name);
            fs::create_dir(&folder).map_err(|error| EngineError::file("create", &folder, error))?;
            Ok(folder)
        };
        let (ours, theirs) = (folder("ours")?, folder("pandas")?);
        let requests = self.load.all();
        self.service.write_answers(&self.load, &requests, &ours)?;
        pandas.write_answers(&self.load, &requests, &theirs)?;
        for (at, request) in requests.iter().enumerate() {
            let name = format!("{at}.csv");
            if let Err(difference) = answers::compare(&ours.join(&name), &theirs.join(&name)) {
                let path = self.load.file(*request).map(|file| file.path.display().to_string()).unwrap_or_default();
                return Ok(Err(Why::Different(format!(
                    "{} of {path}, ours and pandas': {difference}",
                    request.question.name
                ))));
            }
        }
        Ok(Ok(()))
    }

    /// Measures all rows, in turns.
    fn measure(&self, pandas: Option<&Pandas>) -> Result<Vec<Measured>, EngineError> {
        let mut rows: Vec<Box<dyn Contender + '_>> = Vec::new();
        for policy in POLICIES {
            rows.push(Box::new(self.service.serve(&self.load, policy, &self.stop)?));
        }
        if let Some(pandas) = pandas {
            let Service { limit, concurrency, .. } = self.service;
            for mode in MODES {
                let service = PandasService { pandas, mode, limit, concurrency };
                rows.push(Box::new(service.serve(&self.load, &self.stop)?));
            }
        }
        for turn in 1..=TURNS {
            self.printer.note(&format!("measuring, turn {turn} of {TURNS} ({} ways to answer) ..", rows.len()));
            for row in &mut rows {
                if self.stopped().is_none() && !row.over() {
                    row.turn(self.time / TURNS)?;
                }
            }
        }
        rows.into_iter().map(Contender::end).collect()
    }
}

/// Returns what is set when somebody ends this process by a signal, and the exit code for it. What is in temporary folders goes
/// with the end of the command.
fn stop_on_signals() -> Result<(Arc<AtomicBool>, Arc<AtomicU8>), EngineError> {
    let failed = |error| EngineError::Run(format!("no thread for signals: {error}"));
    let received = interrupt::told().map_err(failed)?;
    let (stop, code) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU8::new(0)));
    let (stopping, with) = (Arc::clone(&stop), Arc::clone(&code));
    let wait = move || {
        if let Ok(received) = received.recv() {
            with.store(received, Relaxed);
            stopping.store(true, Relaxed);
        }
    };
    thread::Builder::new().name("tidegate-stop".into()).spawn(wait).map_err(failed)?;
    Ok((stop, code))
}
