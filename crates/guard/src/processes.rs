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

/// The processes of a tree.
#[derive(Debug)]
pub(crate) struct Processes {
    root: u32,
    pub(crate) members: BTreeMap<u32, Member>,
    next_look: Instant,
    next_shares: Instant,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Member {
    meter: Meter,
    /// Resident now, program pages included.
    pub(crate) resident: ByteCount,
    /// What of it is pages of files and shared memory.
    pub(crate) file: ByteCount,
    /// What of the resident is its own, in thousandths: pages that `n` processes share count one `n`th each.
    pub(crate) share: u64,
    /// The kernel's own peak.
    pub(crate) peak: ByteCount,
}

impl Member {
    fn of(process: u32) -> Option<Self> {
        let meter = Meter::of(process).ok()?;
        Some(Self { meter, resident: ByteCount::ZERO, file: ByteCount::ZERO, share: 1000, peak: ByteCount::ZERO })
    }

    /// Returns what it holds, with its part of what is shared.
    pub(crate) fn proportional(&self) -> ByteCount {
        ByteCount::new(self.resident.bytes() / 1000 * self.share)
    }
}

impl Processes {
    pub(crate) fn of(root: u32) -> Self {
        let now = Instant::now();
        Self { root, members: BTreeMap::new(), next_look: now, next_shares: now }
    }

    /// Looks at all of them. `others` are processes that are known to belong to the tree and may not descend from its root.
    pub(crate) fn look(&mut self, others: &[u32]) {
        let now = Instant::now();
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
                    // What it shares with its parent may be much.
                    self.next_shares = now;
                }
            }
        }
        self.members.retain(|process, member| {
            let Ok(resident) = member.meter.read() else { return false };
            member.resident = resident.total();
            member.file = resident.file;
            // It costs more than the rest. Of the first process it is worth it, as it sees what is between two looks.
            if member.resident > member.peak || *process == self.root {
                member.peak = peak_resident_of(*process).unwrap_or(member.resident);
            }
            true
        });
        if self.members.len() > 1 && now >= self.next_shares {
            for (process, member) in &mut self.members {
                if let Some(proportional) = proportional(*process) {
                    let thousandths = proportional.bytes().saturating_mul(1000) / member.resident.bytes().max(1);
                    member.share = thousandths.min(1000);
                }
            }
            self.next_shares = now + SHARES.max(now.elapsed() * SELDOM);
        }
    }

    /// Returns what all hold together: what they share counts once.
    pub(crate) fn together(&self) -> ByteCount {
        match self.members.len() {
            1 => self.members.values().map(|member| member.resident).sum(),
            _ => self.members.values().map(Member::proportional).sum(),
        }
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
