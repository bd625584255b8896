//! What may happen to a guard and its program: signals, kills, no rights, programs that are no Python. The test starts itself as
//! the guard.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by a panic"
)]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

#[path = "support/pythons.rs"]
mod pythons;

use libtest_mimic::{Arguments, Failed, Trial};
use rustix_process::process::{Pid, Signal, geteuid, kill_process};
use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
};
use tidegate_guard::{Options, Silent, run};
use tidegate_report::{json, record::RunRecord};

/// What turns this test into a guard, as a process of its own: the file for its record.
const GUARD: &str = "TIDEGATE_TEST_GUARD";
const LIMIT: &str = "TIDEGATE_TEST_LIMIT";

/// Somebody who may make no groups.
const NOBODY: u32 = 65534;

fn main() -> ExitCode {
    if let Some(record) = env::var_os(GUARD) {
        let mut options = Options::of(env::args_os().skip(1).collect());
        options.limit = env::var(LIMIT).unwrap().parse().unwrap();
        let outcome = run(&options, &mut Silent).unwrap();
        fs::write(record, json::write(&outcome.record).unwrap()).unwrap();
        return ExitCode::from(outcome.exit_code);
    }
    let trial = |name: &str, test: fn() -> Result<(), Failed>| Trial::test(name, test);
    let mut trials = vec![
        trial("a_signal_is_passed_on_once", || signalled(Signal::Int)),
        trial("a_signal_that_ends_is_passed_on", || signalled(Signal::Term)),
        trial("a_program_outlives_its_guard_under_its_limit", || killed(None)),
        trial("standard_streams_are_not_touched", streams),
        trial("a_program_linked_statically_is_seen_from_outside", statically_linked),
        trial("a_folder_that_the_loader_cannot_name", odd_home),
        trial("another_preloaded_library", other_preload),
    ];
    // Who is nobody already makes no groups anyway.
    let python = Path::new("/usr/bin/python3");
    let can_change = geteuid().is_root() && python.exists() && may_start(NOBODY);
    let alone = Trial::test("a_program_of_nobody_outlives_its_guard_under_its_limit", || killed(Some(NOBODY)));
    trials.push(alone.with_ignored_flag(!can_change));
    trials.push(Trial::test("who_may_make_no_group_is_guarded", no_rights).with_ignored_flag(!can_change));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Returns whether somebody else can start this test, which may lie in a folder that is not theirs to see.
fn may_start(user: u32) -> bool {
    let Ok(program) = env::current_exe() else { return false };
    let mut list = Command::new(program);
    list.arg("--list").uid(user).gid(user).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    list.status().is_ok_and(|status| status.success())
}

/// A guard around a job of Python that says and hears lines.
struct Guarded {
    guard: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
}

/// What a job is started with.
struct Start<'a> {
    limit: &'a str,
    user: Option<u32>,
    command: &'a [&'a OsStr],
}

impl Guarded {
    fn start(start: &Start<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Others write there as well.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(start.command).env(GUARD, folder.path().join("record.json")).env(LIMIT, start.limit);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/");
        if let Some(user) = start.user {
            command.uid(user).gid(user).env("HOME", "/nonexistent");
        }
        let mut guard = command.spawn().unwrap();
        let output = BufReader::new(guard.stdout.take().unwrap());
        Self { input: guard.stdin.take(), output, guard, folder }
    }

    fn python(limit: &str, user: Option<u32>, code: &str) -> Self {
        let python = match user {
            Some(_) => PathBuf::from("/usr/bin/python3"),
            None => pythons::all().remove(0).path,
        };
        Self::start(&Start { limit, user, command: &[python.as_os_str(), "-c".as_ref(), code.as_ref()] })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn say(&mut self, text: &[u8]) {
        self.input.as_mut().unwrap().write_all(text).unwrap();
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.guard), signal).unwrap();
    }

    /// Returns all that is said from now on.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        rest
    }

    fn end(mut self) -> (Option<i32>, RunRecord) {
        drop(self.input.take());
        let status = self.guard.wait().unwrap();
        let record = fs::read_to_string(self.folder.path().join("record.json")).unwrap();
        (status.code(), json::read(&record).unwrap())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "both sides are made where they are compared")]
fn equal<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{found:?}, not {expected:?}").into()) }
}

/// The job counts what it gets until it is told to end.
fn signalled(signal: Signal) -> Result<(), Failed> {
    let code = "
import signal, sys
got = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: (got.append(number), print('got', flush=True)))
print('ready', flush=True)
sys.stdin.readline()
sys.exit(10 + len(got))
";
    let mut job = Guarded::python("none", None, code);
    equal(job.line(), "ready".to_owned())?;
    job.send(signal);
    equal(job.line(), "got".to_owned())?;
    job.say(b"end\n");
    equal(job.end().0, Some(11))
}

/// What is asked for is still refused, and what is only taken ends the job: by the kernel, or, without a group, by itself.
fn killed(user: Option<u32>) -> Result<(), Failed> {
    let code = "
import ctypes, sys
print('ready', flush=True)
sys.stdin.readline()
try:
    print(len(bytes(400_000_000)), flush=True)
except MemoryError:
    print('refused', flush=True)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
ctypes.memset(libc.malloc(300_000_000), 1, 300_000_000)
kept = []
for number in range(40):
    try:
        kept.append(b'k' * 900_000)
    except MemoryError:
        pass
print('not reached', flush=True)
";
    let mut job = Guarded::python("200MB", user, code);
    equal(job.line(), "ready".to_owned())?;
    job.send(Signal::Kill);
    job.guard.wait()?;
    job.say(b"go on\n");
    equal(job.line(), "refused".to_owned())?;
    equal(String::from_utf8_lossy(&job.rest()).into_owned(), String::new())
}

/// Without a group, the guard is the wall.
fn no_rights() -> Result<(), Failed> {
    let code = "
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
kept = [libc.malloc(20_000_000) for _ in range(200)]
for block in kept:
    ctypes.memset(block, 1, 20_000_000)
print('not reached')
";
    let mut job = Guarded::python("200MB", Some(NOBODY), code);
    equal(job.rest(), Vec::new())?;
    let (code, record) = job.end();
    equal(code, Some(3))?;
    let guarded = record.guard.unwrap();
    equal(guarded.wall, "a watchdog".to_owned())?;
    // Its library lies in a folder of its own, as there is no home.
    equal(guarded.processes, 1)
}

fn streams() -> Result<(), Failed> {
    let code = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)";
    let mut job = Guarded::python("300MB", None, code);
    let sent: Vec<u8> = (0..3_000_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut input = job.input.take().unwrap();
    let copy = sent.clone();
    let writer = std::thread::spawn(move || input.write_all(&copy));
    let got = job.rest();
    writer.join().unwrap()?;
    equal(got == sent, true)?;
    equal(job.end().0, Some(0))
}

/// A program of one instruction after the other, without any library.
#[cfg(target_arch = "x86_64")]
const EXIT_7: &[u8] = &[0xBF, 7, 0, 0, 0, 0xB8, 60, 0, 0, 0, 0x0F, 0x05];
#[cfg(target_arch = "aarch64")]
const EXIT_7: &[u8] = &[0xE0, 0x00, 0x80, 0xD2, 0xA8, 0x0B, 0x80, 0xD2, 0x01, 0x00, 0x00, 0xD4];

fn statically_linked() -> Result<(), Failed> {
    const BASE: u64 = 0x40_0000;
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let mut program = b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    program.extend(2_u16.to_le_bytes());
    program.extend(machine.to_le_bytes());
    program.extend(1_u32.to_le_bytes());
    for word in [BASE + 120, 64, 0] {
        program.extend(u64::to_le_bytes(word));
    }
    program.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 0, 0] {
        program.extend(half.to_le_bytes());
    }
    let size = 120 + EXIT_7.len() as u64;
    program.extend(1_u32.to_le_bytes());
    program.extend(5_u32.to_le_bytes());
    for word in [0, BASE, BASE, size, size, 4096] {
        program.extend(u64::to_le_bytes(word));
    }
    program.extend(EXIT_7);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("seven");
    fs::write(&path, program)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let job = Guarded::start(&Start { limit: "100MB", user: None, command: &[path.as_os_str()] });
    let (code, record) = job.end();
    equal(code, Some(7))?;
    let notes = record.guard.unwrap().notes;
    equal(notes.iter().any(|note| note.contains("linked statically")), true)
}

/// The cache lies in a folder whose name has a space.
fn odd_home() -> Result<(), Failed> {
    let home = tempfile::Builder::new().prefix("two words").tempdir()?;
    let python = pythons::all().remove(0).path;
    let code = "block = b'x' * 50_000_000; print(sum(hash((n, 1)) for n in range(300_000)) and len(block))";
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("record.json");
    let mut command = Command::new(env::current_exe()?);
    command.arg(python).args(["-c", code]).env(GUARD, &file).env(LIMIT, "none");
    let output = command.env("HOME", home.path()).env_remove("XDG_CACHE_HOME").output()?;
    equal(String::from_utf8_lossy(&output.stdout).trim(), "50000000")?;
    equal(String::from_utf8_lossy(&output.stderr).into_owned(), String::new())?;
    let record = json::read(&fs::read_to_string(file)?)?;
    equal(record.guard.unwrap().lines[0].file.as_str(), "<string>")
}

/// A library that the person preloads stays, and goes first.
fn other_preload() -> Result<(), Failed> {
    let python = pythons::all().remove(0).path;
    let code = "import os; print(os.environ['LD_PRELOAD'].split(':')[0], len(b'x' * 50_000_000))";
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(env::current_exe()?);
    command.arg(python).args(["-c", code]).env(GUARD, folder.path().join("record.json")).env(LIMIT, "none");
    let output = command.env("LD_PRELOAD", "libdl.so.2").output()?;
    equal(String::from_utf8_lossy(&output.stdout).trim(), "libdl.so.2 50000000")
}
