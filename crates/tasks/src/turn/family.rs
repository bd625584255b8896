//! How much memory a process and its descendants show the kernel, looked at again and again.

use std::{
    collections::HashMap,
    fs,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};
use tidegate_memory::{ByteCount, Meter, Resident, peak_resident_of};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A thread that looks until it is ended.
#[derive(Debug)]
pub(super) struct FamilyWatch {
    /// Dropped to end the thread.
    running: Sender<()>,
    thread: JoinHandle<Option<ByteCount>>,
}

impl FamilyWatch {
    /// Starts to look at a process and all that descend from it; `None` if there is no thread to be had.
    pub(super) fn start(process: u32) -> Option<Self> {
        let (running, ended) = channel::<()>();
        let look = move || {
            let mut family = Family::of(process);
            loop {
                family.look();
                if ended.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                    return family.peak;
                }
            }
        };
        let thread = thread::Builder::new().name("tidegate-family".into()).spawn(look).ok()?;
        Some(Self { running, thread })
    }

    /// Ends it, and returns the most that was seen; nothing of a process that had ended before the first look.
    pub(super) fn end(self) -> Option<ByteCount> {
        drop(self.running);
        self.thread.join().ok().flatten()
    }
}

/// A process and its descendants.
struct Family {
    process: u32,
    meters: HashMap<u32, Meter>,
    peak: Option<ByteCount>,
}

impl Family {
    fn of(process: u32) -> Self {
        Self { process, meters: HashMap::new(), peak: None }
    }

    /// Sees what all hold now, and the most that the first ever held, which may have been between two looks.
    fn look(&mut self) {
        let members = members(self.process);
        self.meters.retain(|member, _| members.contains(member));
        let mut together = ByteCount::ZERO;
        for member in members {
            let known = self.meters.contains_key(&member);
            if !known && let Ok(meter) = Meter::of(member) {
                self.meters.insert(member, meter);
            }
            let resident = self.meters.get(&member).and_then(|meter| meter.read().ok());
            together += resident.map(Resident::total).unwrap_or_default();
        }
        let seen = together.max(peak_resident_of(self.process).unwrap_or_default());
        if seen > ByteCount::ZERO {
            self.peak = self.peak.max(Some(seen));
        }
    }
}

/// Returns a process and its descendants, as far as the kernel tells.
fn members(process: u32) -> Vec<u32> {
    let mut members = vec![process];
    let mut next = 0;
    while let Some(member) = members.get(next).copied() {
        next += 1;
        let threads = fs::read_dir(format!("/proc/{member}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            members.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{self, Command, Stdio};

    #[test]
    fn children_are_counted_with_their_parent() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        assert!(members(process::id()).contains(&child.id()));
        let mut family = Family::of(process::id());
        family.look();
        assert!(family.peak.unwrap() >= peak_resident_of(child.id()).unwrap());
        assert!(family.meters.contains_key(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
        family.look();
        assert!(!family.meters.contains_key(&child.id()));
    }

    #[test]
    fn of_a_process_that_has_ended_nothing_is_known() {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(FamilyWatch::start(child.id()).unwrap().end(), None);
        assert!(FamilyWatch::start(process::id()).unwrap().end().is_some());
    }
}
