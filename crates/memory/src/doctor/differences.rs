//! The differences of two machines, and which of them change a job's fate.

use super::{
    Severity, Topic,
    fate::{Cause, Fate, Job, Outlook, outlook},
};
use crate::{
    ByteCount,
    machine::{Folder, Machine, OvercommitMode, Transparent, Ulimit},
};
use serde::Serialize;

/// A difference of two machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs.
    pub topic: Topic,
    /// How much it matters: [`Severity::Harm`] where a job ends here that passes there.
    pub severity: Severity,
    /// The job whose fate it changes; none if it changes none.
    pub job: Option<String>,
    /// What is here, what is there, and what follows.
    pub sentence: String,
}

/// Returns the differences of this machine and another one, those that change a job's fate first.
pub fn differences(here: &Machine, other: &Machine, jobs: &[Job]) -> Vec<Difference> {
    let mut found: Vec<Difference> = jobs.iter().filter_map(|job| of_fate(here, other, job)).collect();
    found.sort_by_key(|difference| std::cmp::Reverse(difference.severity));
    let told: Vec<Topic> = found.iter().map(|difference| difference.topic).collect();
    let plain = plain_differences(here, other).into_iter().filter(|difference| !told.contains(&difference.topic));
    found.extend(plain);
    found
}

/// Returns how a job's fate differs.
fn of_fate(here: &Machine, other: &Machine, job: &Job) -> Option<Difference> {
    let (ours, theirs) = (outlook(here, job)?, outlook(other, job)?);
    if ours.fate == theirs.fate {
        return None;
    }
    let worse = ours.fate > theirs.fate;
    // The cause is what stands in the way where it goes worse.
    let (cause, fate) = if worse { (ours.cause, ours.fate) } else { (theirs.cause, theirs.fate) };
    let facts = facts(cause, &Pair { here, other, ours, theirs });
    let forecast = if job.expected == job.bound {
        job.expected.to_string()
    } else {
        format!("{} (up to {})", job.expected, job.bound)
    };
    let need = match (cause, job.spill) {
        (Cause::Disk | Cause::NoDisk, Some(spill)) => format!("forecasts {forecast}, of which {spill} are spilled,"),
        _ => format!("forecasts {forecast}"),
    };
    let end = if worse {
        will(fate).to_owned()
    } else {
        format!("{} here, where on the other it {}", does(ours.fate), will(fate))
    };
    Some(Difference {
        topic: topic(cause),
        severity: match fate {
            _ if !worse => Severity::Note,
            Fate::Fails | Fate::MayFail => Severity::Harm,
            _ => Severity::Caution,
        },
        job: Some(job.name.clone()),
        sentence: format!("{facts}: task `{}` {need} and {end}", job.name),
    })
}

/// Two machines, and what becomes of a job on each.
struct Pair<'a> {
    here: &'a Machine,
    other: &'a Machine,
    ours: Outlook,
    theirs: Outlook,
}

/// Says what each of two machines has of what decides.
fn facts(cause: Cause, pair: &Pair<'_>) -> String {
    let noun = pair.here.noun();
    match cause {
        Cause::Disk => {
            format!("this {noun} has {} free for spilling, the other {}", disk(pair.here), disk(pair.other))
        }
        Cause::NoDisk => {
            format!("temporary folders: this {noun} has {}, the other {}", disk(pair.here), disk(pair.other))
        }
        Cause::Memory | Cause::Cgroup => {
            format!("this {noun} has {}, the other {}", size(pair.ours, pair.here), size(pair.theirs, pair.other))
        }
        Cause::AddressSpace | Cause::Data | Cause::Commit => {
            format!("this {noun} allows {}, the other {}", limit(pair.ours), limit(pair.theirs))
        }
    }
}

/// Returns the memory of a machine where it decides, or what else does.
fn size(outlook: Outlook, machine: &Machine) -> String {
    match outlook.cause {
        Cause::Memory | Cause::Cgroup => outlook.there.as_limit(),
        Cause::Disk | Cause::NoDisk => machine.allowed().unwrap_or_default().as_limit(),
        Cause::AddressSpace | Cause::Data | Cause::Commit => limit(outlook),
    }
}

fn limit(outlook: Outlook) -> String {
    let there = outlook.there.as_limit();
    match outlook.cause {
        Cause::AddressSpace => format!("{there} of address space (`ulimit -v`)"),
        Cause::Data => format!("{there} of private memory (`ulimit -d`)"),
        Cause::Commit => format!("{there} of promises (vm.overcommit_memory is 2)"),
        _ => format!("{there} of memory"),
    }
}

fn disk(machine: &Machine) -> String {
    let on_disk = machine.temp.iter().filter(|folder| !folder.in_memory);
    match on_disk.filter_map(|folder| folder.free).max() {
        Some(free) => free.to_string(),
        None if machine.temp.is_empty() => "unknown".to_owned(),
        None => "only ones held in memory".to_owned(),
    }
}

fn topic(cause: Cause) -> Topic {
    match cause {
        Cause::Memory | Cause::Cgroup => Topic::Memory,
        Cause::AddressSpace => Topic::AddressSpace,
        Cause::Data => Topic::Data,
        Cause::Commit => Topic::Overcommit,
        Cause::Disk | Cause::NoDisk => Topic::Temp,
    }
}

fn will(fate: Fate) -> &'static str {
    match fate {
        Fate::InMemory => "will stay in memory",
        Fate::MaySpill => "may spill",
        Fate::Spills => "will spill",
        Fate::MayFail => "may fail",
        Fate::Fails => "will fail",
    }
}

fn does(fate: Fate) -> &'static str {
    match fate {
        Fate::InMemory => "stays in memory",
        Fate::MaySpill => "may spill",
        Fate::Spills => "spills",
        Fate::MayFail => "may fail",
        Fate::Fails => "fails",
    }
}

/// Returns what differs, whatever the jobs are.
fn plain_differences(here: &Machine, other: &Machine) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |topic, pair: Option<(String, String)>, follows: &str| {
        if let Some((ours, theirs)) = pair.filter(|(ours, theirs)| ours != theirs) {
            let sentence = format!("{ours} here, {theirs} there: {follows}");
            found.push(Difference { topic, severity: Severity::Note, job: None, sentence });
        }
    };
    let allowed = |machine: &Machine| machine.allowed().map(|size| format!("{} of memory", size.as_limit()));
    add(Topic::Memory, pair(allowed(here), allowed(other)), "no task's fate depends on it");
    let cores = |machine: &Machine| machine.usable_cores().map(|cores| format!("{cores} cores"));
    add(Topic::Cores, pair(cores(here), cores(other)), "other times, and more buffers with more cores");
    let mode = |machine: &Machine| machine.overcommit.mode.map(|mode| format!("overcommit mode {}", number(mode)));
    add(Topic::Overcommit, pair(mode(here), mode(other)), "a MemoryError on the one may be a kill on the other");
    let swap = |machine: &Machine| machine.memory.swap.map(|swap| format!("{swap} of swap"));
    add(
        Topic::Swap,
        pair(swap(here), swap(other)),
        "what is too large is killed where there is none, and crawls elsewhere",
    );
    let pages = |machine: &Machine| machine.huge_pages.transparent.map(|pages| format!("huge pages {}", word(pages)));
    add(Topic::HugePages, pair(pages(here), pages(other)), "peaks differ, `always` has the higher ones");
    let page = |machine: &Machine| machine.page.map(|page| format!("pages of {} bytes", page.bytes()));
    add(Topic::PageSize, pair(page(here), page(other)), "peaks differ, larger pages have the higher ones");
    let files = |machine: &Machine| machine.ulimits.open_files.map(|limit| format!("{} open files", hard(limit)));
    add(Topic::OpenFiles, pair(files(here), files(other)), "jobs over many files may end where there are fewer");
    let space = |machine: &Machine| machine.ulimits.address_space.map(|limit| format!("address space {}", soft(limit)));
    add(Topic::AddressSpace, pair(space(here), space(other)), "it counts what is mapped, not what is used");
    let temp = |machine: &Machine| machine.temp.first().map(kind);
    add(Topic::Temp, pair(temp(here), temp(other)), "what is spilled to memory frees none");
    found
}

fn pair(here: Option<String>, other: Option<String>) -> Option<(String, String)> {
    here.zip(other)
}

fn number(mode: OvercommitMode) -> u8 {
    match mode {
        OvercommitMode::Heuristic => 0,
        OvercommitMode::Always => 1,
        OvercommitMode::Never => 2,
    }
}

fn word(pages: Transparent) -> &'static str {
    match pages {
        Transparent::Always => "always",
        Transparent::Madvise => "on request",
        Transparent::Never => "never",
    }
}

fn soft(limit: Ulimit) -> String {
    limit.soft().map_or("unlimited".to_owned(), |bytes| ByteCount::new(bytes).as_limit())
}

fn hard(limit: Ulimit) -> String {
    limit.hard().map_or("any number of".to_owned(), |count| count.to_string())
}

fn kind(folder: &Folder) -> String {
    format!("temporary files {}", if folder.in_memory { "in memory" } else { "on a disk" })
}
