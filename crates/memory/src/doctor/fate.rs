//! What becomes of a job on a machine.
//!
//! A job needs `expected` bytes, and `bound` with a certainty of 95 %. What it can have is the least of the host's memory,
//! the cgroup's limit, and what `ulimit` or a kernel that does not overcommit allow. Beyond the first two it spills, if it
//! can; beyond the others an allocation fails while memory is free, which spilling does not prevent.

use crate::{
    ByteCount,
    machine::{Machine, OvercommitMode},
};
use serde::Serialize;

/// A job, by its forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it is called.
    pub name: String,
    /// The expected peak of memory.
    pub expected: ByteCount,
    /// The peak that it stays below in 95 of 100 cases.
    pub bound: ByteCount,
    /// What it writes to disk where memory does not hold it; none if it cannot spill, like a Python program.
    pub spill: Option<ByteCount>,
}

/// What becomes of a job; each is worse than those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays in memory.
    InMemory,
    /// It is expected to stay in memory, but may spill.
    MaySpill,
    /// It spills.
    Spills,
    /// It is expected to fit, but may not.
    MayFail,
    /// It ends without a result.
    Fails,
}

/// What decides a job's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The memory of the host.
    Memory,
    /// The cgroup's limit.
    Cgroup,
    /// `ulimit -v`.
    AddressSpace,
    /// `ulimit -d`.
    Data,
    /// The commit limit of a kernel that does not overcommit.
    Commit,
    /// Too little room on the disk for what is spilled.
    Disk,
    /// All temporary folders are held in memory.
    NoDisk,
}

/// A job's fate, and what decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// What becomes of the job.
    pub fate: Fate,
    /// What decides it.
    pub cause: Cause,
    /// What there is of it: memory, or room on the disk.
    pub there: ByteCount,
}

/// Returns what becomes of a job on a machine, or nothing if it is not known how much memory that has.
pub fn outlook(machine: &Machine, job: &Job) -> Option<Outlook> {
    let (cause, there) = capacity(machine)?;
    let outlook = |fate| Outlook { fate, cause, there };
    let spill = job.spill.filter(|_| matches!(cause, Cause::Memory | Cause::Cgroup));
    let (fits_surely, fits) = (job.bound <= there, job.expected <= there);
    Some(match spill {
        _ if fits_surely => outlook(Fate::InMemory),
        None if fits => outlook(Fate::MayFail),
        None => outlook(Fate::Fails),
        Some(spill) => match no_place(machine, spill) {
            Some(mut lack) => {
                lack.fate = if fits { Fate::MayFail } else { Fate::Fails };
                lack
            }
            None if fits => outlook(Fate::MaySpill),
            None => outlook(Fate::Spills),
        },
    })
}

/// Returns what a job can have, and what limits it.
fn capacity(machine: &Machine) -> Option<(Cause, ByteCount)> {
    let soft = |limit: Option<crate::machine::Ulimit>| limit.and_then(crate::machine::Ulimit::soft).map(ByteCount::new);
    let commits = machine.overcommit.mode == Some(OvercommitMode::Never);
    let limits = [
        (Cause::Memory, machine.memory.total),
        (Cause::Cgroup, machine.group_limit()),
        (Cause::AddressSpace, soft(machine.ulimits.address_space)),
        (Cause::Data, soft(machine.ulimits.data)),
        (Cause::Commit, machine.overcommit.limit.filter(|_| commits)),
    ];
    let known = limits.into_iter().filter_map(|(cause, limit)| Some((cause, limit?)));
    known.min_by_key(|(_, limit)| *limit)
}

/// Returns what is lacking to spill so much, or nothing if there is room, or it is not known how much.
fn no_place(machine: &Machine, spill: ByteCount) -> Option<Outlook> {
    let lack = |cause, there| Some(Outlook { fate: Fate::Fails, cause, there });
    if machine.temp.is_empty() {
        return None;
    }
    let mut most = None;
    for folder in machine.temp.iter().filter(|folder| !folder.in_memory) {
        let free = folder.free?;
        most = most.max(Some(free));
    }
    match most {
        None => lack(Cause::NoDisk, ByteCount::ZERO),
        Some(free) if free < spill => lack(Cause::Disk, free),
        Some(_) => None,
    }
}
