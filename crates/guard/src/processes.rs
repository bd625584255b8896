//! The processes of a tree, and what the kernel says they hold.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};
use tidegate_memory::{ByteCount, Meter, peak_resident_of};

/// Where a look at all threads takes long, the next one comes so many times later.
const SELDOM: u32 = 30;

/// Between two looks at what processes share.
const SHARES: Duration = Duration::from_millis(100);

/// Where processes have come or gone, or so much more is of files and shared memory, a look follows so many times later.
const MORE_SHARED: ByteCount = ByteCount::mib(1);
const SHARES_SELDOM: u32 = 10;

/// The processes of a tree.
#[derive(Debug)]
pub(crate) struct Processes {
    root: u32,
    pub(crate) members: BTreeMap<u32, Member>,
    next_look: Instant,
    next_shares: Instant,
    soonest_shares: Instant,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Member {
    meter: Meter,
    /// Resident now, program pages included.
    pub(crate) resident: ByteCount,
    /// What of it is pages of files and shared memory.
    pub(crate) file: ByteCount,
    /// The kernel's own peak.
    pub(crate) peak: ByteCount,
    shared: Option<Shared>,
}

/// What was known of a process when the kernel was asked what it shares.
#[derive(Clone, Copy, Debug)]
struct Shared {
    /// Pages that `n` processes share count one `n`th each.
    proportional: ByteCount,
    anonymous: ByteCount,
    file: ByteCount,
}

impl Member {
    fn of(process: u32) -> Option<Self> {
        let (meter, zero) = (Meter::of(process).ok()?, ByteCount::ZERO);
        Some(Self { meter, resident: zero, file: zero, peak: zero, shared: None })
    }

    fn anonymous(&self) -> ByteCount {
        self.resident - self.file
    }

    /// Returns what it holds, with its part of what is shared. What was allocated since the kernel was asked is its own; what came
    /// to be of files and shared memory since then is likely to be another's, and counts when the kernel is asked again; so does all of
    /// a new process, which may be its parent's.
    pub(crate) fn proportional(&self) -> ByteCount {
        let all = |shared: Shared| (shared.proportional + self.anonymous() - shared.anonymous).min(self.resident);
        self.shared.map_or(ByteCount::ZERO, all)
    }

    /// Returns what of the resident is its own, in thousandths.
    pub(crate) fn share(&self) -> u64 {
        (self.proportional().bytes().saturating_mul(1000) / self.resident.bytes().max(1)).min(1000)
    }

    /// Returns whether it may share more than the kernel was asked for.
    fn has_more_shared(&self) -> bool {
        self.shared.is_none_or(|shared| self.file > shared.file + MORE_SHARED)
    }
}

impl Processes {
    pub(crate) fn of(root: u32) -> Self {
        let now = Instant::now();
        Self { root, members: BTreeMap::new(), next_look: now, next_shares: now, soonest_shares: now }
    }

    /// Looks at all of them. `others` are processes that are known to belong to the tree and may not descend from its root.
    pub(crate) fn look(&mut self, others: &[u32]) {
        let now = Instant::now();
        let before = self.members.len();
        if now >= self.next_look {
            let mut found = descendants(self.root);
            found.extend(others);
            self.next_look = now + now.elapsed() * SELDOM;
            self.members.retain(|process, _| found.contains(process));
            for process in found {
                if !self.members.contains_key(&process)
                    && let Some(member) = Member::of(process)
                {
                    self.members.insert(process, member);
                }
            }
        }
        self.members.retain(|process, member| {
            // One that has ended and was not waited for has nothing.
            let Some(resident) = member.meter.read().ok().filter(|resident| resident.total() > ByteCount::ZERO) else {
                return false;
            };
            member.resident = resident.total();
            member.file = resident.file;
            // It costs more than the rest. Of the first process it is worth it, as it sees what is between two looks.
            if member.resident > member.peak || *process == self.root {
                member.peak = peak_resident_of(*process).unwrap_or(member.resident);
            }
            true
        });
        if let (1, Some(mut member)) = (self.members.len(), self.members.first_entry()) {
            // It shares with nobody.
            let member = member.get_mut();
            member.shared =
                Some(Shared { proportional: member.resident, anonymous: member.anonymous(), file: member.file });
        }
        let is_other = self.members.len() < before || self.members.values().any(Member::has_more_shared);
        if self.members.len() > 1 && now >= (if is_other { self.soonest_shares } else { self.next_shares }) {
            for (process, member) in &mut self.members {
                let (anonymous, file) = (member.anonymous(), member.file);
                // One that has ended since then has nothing, and of one that is another person's nobody may know what it shares.
                let is_there = || member.meter.read().is_ok_and(|resident| resident.total() > ByteCount::ZERO);
                let without = || if is_there() { anonymous } else { ByteCount::ZERO };
                let proportional = proportional(*process).unwrap_or_else(without);
                member.shared = Some(Shared { proportional, anonymous, file });
            }
            self.next_shares = now + SHARES.max(now.elapsed() * SELDOM);
            self.soonest_shares = now + now.elapsed() * SHARES_SELDOM;
        }
    }

    /// Returns what all hold together: what they share counts once.
    pub(crate) fn together(&self) -> ByteCount {
        self.members.values().map(Member::proportional).sum()
    }
}

/// Returns a process and its descendants, as far as the kernel tells.
fn descendants(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(member) = found.get(next).copied() {
        next += 1;
        let threads = fs::read_dir(format!("/proc/{member}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
}

/// Returns what a process holds, of shared pages its part.
fn proportional(process: u32) -> Option<ByteCount> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount::new(kib * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{self, Command, Stdio};

    #[test]
    fn children_are_seen_with_their_parent_and_gone_when_they_end() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut processes = Processes::of(process::id());
        processes.look(&[]);
        assert!(processes.members.contains_key(&child.id()));
        assert!(processes.together() >= processes.members[&process::id()].proportional());
        drop(child.stdin.take());
        child.wait().unwrap();
        processes.next_look = Instant::now();
        processes.look(&[]);
        assert!(!processes.members.contains_key(&child.id()));
    }

    #[test]
    fn what_is_shared_counts_once() {
        let own = process::id();
        let proportional = proportional(own).unwrap();
        assert!(proportional > ByteCount::ZERO && proportional <= peak_resident_of(own).unwrap());
        assert_eq!(super::proportional(0), None);
    }
}
