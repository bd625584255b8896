//! Processes that outlived their command, or their loop when it was killed: they would write beside their successors.
//!
//! They are told by what they carry in their environment, which a process inherits whatever group it makes for itself.

use super::Marker;
use rustix_process::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long a killed process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends all processes that a loop over the same outputs has started and that are still there. Such a loop has ended: the
/// claim on the outputs is ours.
pub(super) fn end(marker: &Marker) {
    let beginning = format!("{}={}.", Marker::VARIABLE, marker.folder);
    end_all(|| {
        let is_marked = |process: &Process| {
            let session = process.variable(|variable| variable.strip_prefix(&beginning).map(str::to_owned));
            session.is_some_and(|session| session == process.session.to_string())
        };
        others().filter(is_marked).map(|process| process.pid).collect()
    });
}

/// Ends all processes that carry a variable, as `NAME=value`, and are in our session.
pub(crate) fn end_carriers(variable: &str) {
    end_all(|| carriers(variable).map(|process| process.pid).collect());
}

/// Asks all processes that carry a variable, and are in our session, to end; but for those of a group that was asked already.
pub(crate) fn ask_carriers(variable: &str, but: Pid) {
    for process in carriers(variable).filter(|process| process.group != but.as_raw_nonzero().get()) {
        // It may have ended by itself.
        let _ = kill_process(process.pid, Signal::Term);
    }
}

fn end_all(find: impl Fn() -> Vec<Pid>) {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = find();
        if found.is_empty() || Instant::now() > until {
            return;
        }
        for pid in found {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::Kill);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A process, by what `/proc` says of it.
struct Process {
    pid: Pid,
    folder: PathBuf,
    group: i32,
    session: i32,
}

fn carriers(variable: &str) -> impl Iterator<Item = Process> {
    let session = session();
    others().filter(move |process| {
        process.session == session && process.variable(|found| (found == variable).then_some(())).is_some()
    })
}

/// Returns all processes but this one.
fn others() -> impl Iterator<Item = Process> {
    let own = i32::try_from(std::process::id()).ok();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| Some(*pid) != own).filter_map(|pid| {
        let folder = Path::new("/proc").join(pid.to_string());
        let (group, session) = group_and_session(&folder)?;
        Some(Process { pid: Pid::from_raw(pid)?, folder, group, session })
    })
}

impl Process {
    /// Returns what `find` makes of the first variable that it makes something of.
    fn variable<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        // Those of other people cannot be read, and are none of ours.
        let environment = fs::read(self.folder.join("environ")).ok()?;
        let variables = environment.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
        variables.into_iter().find_map(find)
    }
}

/// Returns the session of this process; 0 if its leader is not to be seen from here, as in a container.
pub(super) fn session() -> i32 {
    // Not by `getsid`, whose 0 is no valid number for those who read it.
    group_and_session(Path::new("/proc/self")).map_or(0, |(_, session)| session)
}

fn group_and_session(process: &Path) -> Option<(i32, i32)> {
    let status = fs::read_to_string(process.join("stat")).ok()?;
    // The name of the program, in brackets, may hold anything; behind it are state, parent, group and session.
    let (_, fields) = status.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(2).map(str::parse);
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}
