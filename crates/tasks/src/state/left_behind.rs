//! Commands that outlived a loop that was killed: they would write beside their successors.

use super::Marker;
use rustix_process::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long a killed process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends all processes that a loop over the same outputs has started and that are still there. Such a loop has ended: the
/// claim on the outputs is ours.
pub(super) fn end(marker: &Marker) {
    let beginning = format!("{}={}.", Marker::VARIABLE, marker.folder);
    let until = Instant::now() + PATIENCE;
    loop {
        let found = marked(&beginning);
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

fn marked(beginning: &str) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let own = i32::try_from(std::process::id()).ok();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let others = pids.filter(|pid| Some(*pid) != own);
    others.filter(|pid| is_marked(*pid, beginning)).filter_map(Pid::from_raw).collect()
}

/// Returns whether a process carries the marker and is still in the session that the marker names.
fn is_marked(pid: i32, beginning: &str) -> bool {
    let folder = Path::new("/proc").join(pid.to_string());
    // Those of other people cannot be read, and are none of ours.
    let Ok(environment) = fs::read(folder.join("environ")) else { return false };
    let mut variables = environment.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
    let Some(session) = variables.find_map(|variable| variable.strip_prefix(beginning)) else { return false };
    session_of(&folder).is_some_and(|found| found.to_string() == session)
}

/// Returns the session of a process, by its folder in `/proc`; 0 if its leader is not to be seen from here, as in a container.
pub(super) fn session_of(process: &Path) -> Option<i32> {
    let status = fs::read_to_string(process.join("stat")).ok()?;
    // The name of the program, in brackets, may hold anything; behind it are state, parent, group and session.
    let (_, fields) = status.rsplit_once(')')?;
    fields.split_whitespace().nth(3)?.parse().ok()
}
