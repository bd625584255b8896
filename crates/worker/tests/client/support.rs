//! What tests share: workers that are this program, and waiting for what has to come.

use crate::worker::files;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use tidegate_memory::{ByteCount, Limit};
use tidegate_worker::{Cgroup, Event, Running, Worker, WorkerError, WorkerOptions, protocol::Task};

/// Names what this program is to be.
pub const ROLE: &str = "TIDEGATE_TEST_ROLE";

/// Names a file that a worker makes when it ends because its client is gone.
pub const MARK: &str = "TIDEGATE_TEST_MARK";

/// Nothing here takes that long, unless it hangs.
pub const HANG: Duration = Duration::from_mins(1);

/// What a test is: its name, and itself.
pub type Test = (&'static str, fn());

/// What files this program was started with, but for its own streams.
static INHERITED: OnceLock<Vec<(String, String)>> = OnceLock::new();

/// Remembers what files this program was started with, before it opens any.
pub fn remember_inherited() {
    let mut files = files();
    files.retain(|(number, _)| !["0", "1", "2"].contains(&number.as_str()));
    INHERITED.set(files).unwrap();
}

/// Returns what files this program was started with.
pub fn inherited() -> &'static [(String, String)] {
    INHERITED.get().unwrap()
}

/// Returns options for a worker in this role.
pub fn options(role: &str) -> WorkerOptions {
    let mut options = WorkerOptions::new(env::current_exe().unwrap(), &[], Limit::Bytes(ByteCount::mib(64)));
    options.cgroup = Cgroup::Off;
    options.env.push((ROLE.into(), role.into()));
    options.patience.exit = HANG;
    options.patience.cancel = HANG;
    options
}

/// Starts a worker that keeps to the protocol.
pub fn start() -> Worker {
    Worker::start(&options("serve")).unwrap()
}

/// Begins a task on a fresh worker.
pub fn run(sql: &str) -> Running {
    start().run(&Task::of_sql(sql)).unwrap()
}

/// Reads a task to its end: its rows, its last event.
pub fn read(running: &mut Running) -> (Vec<u8>, Event) {
    let mut rows = Vec::new();
    for event in running {
        match event.unwrap() {
            Event::Schema(bytes) | Event::Rows(bytes) => rows.extend(bytes),
            Event::Progress(_) => {}
            last => return (rows, last),
        }
    }
    panic!("no last event");
}

/// Returns the record of a task that has to be done.
pub fn record(running: &mut Running) -> serde_json::Value {
    match read(running).1 {
        Event::Finished(finished) => finished.record,
        other => panic!("{other:?}"),
    }
}

/// Reads a task until its worker fails.
pub fn error(running: &mut Running) -> WorkerError {
    running.find_map(Result::err).unwrap()
}

/// Returns this program in a role, to be waited for.
pub fn command(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, role);
    command
}

/// Waits for what has to come.
pub fn wait_until(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < HANG, "it never happens: {what}");
        thread::yield_now();
    }
}

/// Returns whether a process is there, if only as a zombie.
pub fn exists(pid: u32) -> bool {
    process(pid).exists()
}

/// Returns whether a process has ended, reaped or not.
pub fn is_over(pid: u32) -> bool {
    let status = fs::read_to_string(process(pid).join("status"));
    status.map_or(true, |status| status.lines().any(|line| line.starts_with("State:\tZ")))
}

/// Returns whether the main thread of a process waits for something.
pub fn waits(pid: u32) -> bool {
    let status = fs::read_to_string(process(pid).join("status")).unwrap();
    status.lines().any(|line| line.starts_with("State:\tS"))
}

/// Sends a signal.
pub fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn process(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}
