//! Rules about folders, stalls and pages.

use crate::{
    ByteCount,
    doctor::{Finding, Severity, Topic},
    machine::{Machine, Stall, Transparent},
};

pub(crate) fn temp_in_memory(machine: &Machine) -> Option<Finding> {
    let first = machine.temp.first().filter(|folder| folder.in_memory)?;
    let disk = machine.temp.iter().find(|folder| !folder.in_memory);
    let fix = match disk {
        Some(folder) => format!("set TMPDIR={}, which is on a disk", folder.path),
        None => "set TMPDIR to a folder on a disk".to_owned(),
    };
    Some(Finding {
        topic: Topic::Temp,
        severity: if disk.is_none() { Severity::Harm } else { Severity::Caution },
        sentence: format!(
            "{} is held in memory ({}): what is spilled to it takes the memory that it should free",
            first.path,
            first.kind.as_deref().unwrap_or("tmpfs")
        ),
        fix,
    })
}

pub(crate) fn temp_small(machine: &Machine) -> Option<Finding> {
    let on_disk = machine.temp.iter().filter(|folder| !folder.in_memory);
    let folder = on_disk.max_by_key(|folder| folder.free)?;
    let (free, allowed) = (folder.free?, machine.allowed()?);
    (free < allowed).then(|| Finding {
        topic: Topic::Temp,
        severity: Severity::Caution,
        sentence: format!(
            "{} has {free} free: a job that spills writes as much as memory, {allowed}, or more",
            folder.path
        ),
        fix: "free the disk, or set TMPDIR to a larger one".to_owned(),
    })
}

pub(crate) fn shared_memory_small(machine: &Machine) -> Option<Finding> {
    let folder = machine.shared_memory.as_ref()?;
    let total = folder.total?;
    (total < ByteCount::mib(256)).then(|| Finding {
        topic: Topic::SharedMemory,
        severity: Severity::Caution,
        sentence: format!(
            "{} holds {}: Python processes that share arrays (multiprocessing, joblib) end with a bus error",
            folder.path,
            total.as_limit()
        ),
        fix: "start the container with a larger one (`--shm-size=1g`)".to_owned(),
    })
}

pub(crate) fn stalled(machine: &Machine) -> Option<Finding> {
    let stalls = machine.stalls;
    let some = |stall: Option<Stall>| stall.map_or(0, |stall| stall.some_hundredths);
    let full = |stall: Option<Stall>| stall.and_then(|stall| stall.full_hundredths).unwrap_or_default();
    let (severity, share, what, fix) = match stalls {
        _ if some(stalls.memory) >= 1000 || full(stalls.memory) >= 200 => {
            (Severity::Harm, some(stalls.memory), "memory", "the machine is short of memory now: start less at a time")
        }
        _ if some(stalls.io) >= 4000 => (
            Severity::Caution,
            some(stalls.io),
            "a disk",
            "jobs that spill will be slow now: find what reads or writes",
        ),
        _ if some(stalls.cpu) >= 6000 => {
            (Severity::Note, some(stalls.cpu), "a core", "jobs will be slow now; their memory is the same")
        }
        _ => return None,
    };
    Some(Finding {
        topic: Topic::Stalls,
        severity,
        sentence: format!("in {} % of the last 10 seconds some process waited for {what}", share / 100),
        fix: fix.to_owned(),
    })
}

pub(crate) fn huge_pages_always(machine: &Machine) -> Option<Finding> {
    (machine.huge_pages.transparent? == Transparent::Always).then(|| Finding {
        topic: Topic::HugePages,
        severity: Severity::Caution,
        sentence:
            "huge pages are used wherever possible: a touched byte may take 2 MiB, so that jobs hold more than they use"
                .to_owned(),
        fix: "write `madvise` into /sys/kernel/mm/transparent_hugepage/enabled".to_owned(),
    })
}

pub(crate) fn huge_pages_reserved(machine: &Machine) -> Option<Finding> {
    let (reserved, total) = (machine.huge_pages.reserved?, machine.memory.total?);
    (reserved >= total.percent(5)).then(|| Finding {
        topic: Topic::HugePages,
        severity: Severity::Caution,
        sentence: format!(
            "{reserved} of {total} are set aside as huge pages, which only programs that ask for them get"
        ),
        fix: "lower vm.nr_hugepages".to_owned(),
    })
}

pub(crate) fn large_base_pages(machine: &Machine) -> Option<Finding> {
    let page = machine.page?;
    (page > ByteCount::new(4096)).then(|| Finding {
        topic: Topic::PageSize,
        severity: Severity::Note,
        sentence: format!(
            "a page has {} bytes: small blocks that are spread hold more memory than with 4096",
            page.bytes()
        ),
        fix: "measure a job's peak on this kind of machine".to_owned(),
    })
}
