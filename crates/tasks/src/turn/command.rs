//! Runs commands under guard, in the folder of the task file.

use super::{
    Done, Ended, Failure, Order, Retry, Runner, Running, UnitMemory,
    process::{Group, Outcome},
};
use crate::state::Marker;
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
};
use tidegate_guard::{GuardError, Options, Outcome as Guarded, Session, Signals, Watcher};
use tidegate_memory::{ByteCount, Limit};

/// The most of what a command said last that is repeated when it fails.
const LAST_WORDS: u64 = 4096;

/// Runs commands: a program and its arguments, without a shell.
///
/// What a command writes to its standard output and error goes to files of its unit, or, if the task has an `output` and no
/// `{output}` in its arguments, the standard output is the output. The command and all that it starts are a process group,
/// which ends with it, as do groups that they make. All of it is under guard (`tidegate_guard`): it holds the limit together, and
/// the record tells which lines and variables held the memory. In its environment are `TIDEGATE_LIMIT`, in bytes, and `TIDEGATE_OUTPUT`, the file to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandRunner;

impl Runner for CommandRunner {
    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure> {
        let arguments = order.unit.arguments(order.part.as_deref());
        let Some((program, rest)) = arguments.as_deref().and_then(<[OsString]>::split_first) else {
            return Err(Failure::for_good("it is no command"));
        };
        let log = Log::of(&order.log);
        let output = order.part.as_ref().filter(|_| !order.unit.names_output());
        let streams = File::create(output.unwrap_or(&log.out)).and_then(|out| Ok((out, File::create(&log.err)?)));
        let (out, err) =
            streams.map_err(|error| Failure::for_good(format!("write `{}`: {error}", log.err.display())))?;
        let mut command = Command::new(program);
        command.args(rest).current_dir(&order.unit.folder);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        command.env(Marker::VARIABLE, order.marker.to_string()).env("TIDEGATE_LIMIT", order.limit.bytes().to_string());
        if let Some(part) = &order.part {
            command.env("TIDEGATE_OUTPUT", part);
        }
        let session = guarded(&order, &arguments.clone().unwrap_or_default(), &mut command)
            .map_err(|error| not_guarded(&error))?;
        let group = Group::start(&mut command, &order.marker).map_err(|error| not_started(program, &error))?;
        let name = program.to_string_lossy().into_owned();
        let watch = {
            let group = Arc::clone(&group);
            move || {
                // Without a thread to watch it, the wall alone holds the limit.
                let watcher = group.process().and_then(|process| session.watch(process).ok());
                group.wait_for_end();
                let stopped = watcher.map(Watcher::stop);
                let (failure, guarded) = match group.kill() {
                    Ok(Outcome::Ended(status)) => {
                        let guarded = stopped.and_then(|stopped| stopped.told(Ok(status)));
                        let at_limit = guarded.as_ref().and_then(|guarded| at_limit(&name, guarded));
                        (at_limit.or_else(|| failure(&name, status, &log)), guarded)
                    }
                    Ok(Outcome::Cancelled) => (Some(Failure::for_good(format!("`{name}` was cancelled"))), None),
                    Err(error) => (Some(Failure::for_good(format!("wait for `{name}`: {error}"))), None),
                };
                let peak = guarded.as_ref().and_then(|guarded| guarded.record.peak);
                let peak = peak.filter(|peak| *peak > ByteCount::ZERO);
                let record = guarded.as_ref().map(Guarded::json);
                done.ended(Ended { failure, memory: UnitMemory { peak, ..UnitMemory::default() }, record });
            }
        };
        if let Err(error) = thread::Builder::new().name("tidegate-command".into()).spawn(watch) {
            // Nobody would see it end.
            let _ = group.kill();
            return Err(Failure::for_good(format!("no thread for a command: {error}")));
        }
        Ok(Box::new(RunningCommand(group)))
    }
}

struct RunningCommand(Arc<Group>);

impl Running for RunningCommand {
    fn cancel(&mut self) {
        self.0.cancel();
    }
}

/// The files that a command says something to.
struct Log {
    out: PathBuf,
    err: PathBuf,
}

impl Log {
    fn of(path: &Path) -> Self {
        let with = |extension: &str| {
            let mut path = path.as_os_str().to_owned();
            path.push(extension);
            PathBuf::from(path)
        };
        Self { out: with(".out"), err: with(".err") }
    }

    /// Returns the last line that is not blank.
    fn last_line(&self) -> Option<String> {
        let tail = |path: &Path| -> io::Result<String> {
            let mut file = File::open(path)?;
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(size.saturating_sub(LAST_WORDS)))?;
            let mut bytes = Vec::new();
            file.take(LAST_WORDS).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = tail(&self.err).ok()?;
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        // What a program says may hold anything, such as codes that move the cursor.
        Some(line.chars().filter(|c| !c.is_control()).collect())
    }
}

/// Prepares the guard of a command that is about to be started.
fn guarded(order: &Order, arguments: &[OsString], command: &mut Command) -> Result<Session, GuardError> {
    let mut options = Options::of(arguments.to_vec());
    options.limit = Limit::Bytes(order.limit);
    options.folder = Some(order.unit.folder.clone());
    // The loop asks commands to end by itself.
    options.signals = Signals::NotTaken;
    let mut session = Session::prepare(&options)?;
    session.dress(command);
    Ok(session)
}

fn not_guarded(error: &GuardError) -> Failure {
    Failure { help: error.help(), exit_code: error.exit_code(), ..Failure::for_good(error.to_string()) }
}

/// Returns the failure of a command that its limit ended.
fn at_limit(name: &str, guarded: &Guarded) -> Option<Failure> {
    let ended = &guarded.record.ended;
    let message = ended.message.as_deref().filter(|_| guarded.limit_ended_it())?;
    let failure = Failure::for_good(format!("`{name}`: {message}"));
    Some(Failure { help: ended.help.clone(), exit_code: 3, retry: Retry::Can, ..failure })
}

fn not_started(program: &OsString, error: &io::Error) -> Failure {
    let program = program.to_string_lossy();
    let help = match error.kind() {
        io::ErrorKind::NotFound => Some("is it installed? a path is relative to the task file".to_owned()),
        io::ErrorKind::PermissionDenied => Some(format!("make it a program: chmod +x {program}")),
        _ => None,
    };
    Failure { help, exit_code: 2, ..Failure::for_good(format!("start `{program}`: {error}")) }
}

fn failure(name: &str, status: ExitStatus, log: &Log) -> Option<Failure> {
    let how = match (status.code(), status.signal()) {
        (Some(0), _) => {
            // Nobody reads the logs of what went well and said nothing.
            for path in [&log.out, &log.err] {
                if fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
                    let _ = fs::remove_file(path);
                }
            }
            return None;
        }
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended without saying how".to_owned(),
    };
    let words = log.last_line().map(|line| format!(": {line}")).unwrap_or_default();
    let help = format!("what it said is in `{}`", log.err.display());
    Some(Failure { help: Some(help), retry: Retry::Can, ..Failure::for_good(format!("`{name}` {how}{words}")) })
}
