//! Rules about limits of a process, and about cores.

use crate::{
    ByteCount,
    doctor::{Finding, Severity, Topic},
    machine::{Bound, Machine},
};

/// A joining or sorting job has this many files open at a time.
const FEW_FILES: u64 = 4096;

/// Threads of a runtime, of BLAS, and of a few child processes.
const FEW_PROCESSES: u64 = 512;

pub(crate) fn address_space(machine: &Machine) -> Option<Finding> {
    let limit = ByteCount::new(machine.ulimits.address_space?.soft()?);
    let allowed = machine.allowed();
    // Arrow reserves address space it never touches: measured were 1.68 GB of it for 0.69 GB resident, and 1 GiB is
    // reserved by its allocator at once.
    let low = allowed.is_none_or(|allowed| limit < allowed + allowed);
    low.then(|| Finding {
        topic: Topic::AddressSpace,
        severity: Severity::Harm,
        sentence: format!(
            "`ulimit -v` is {}, and counts address space, not memory: pandas with Arrow takes two to three times of it, \
             and fails while memory is free",
            limit.as_limit()
        ),
        fix: "`ulimit -v unlimited`, and limit memory by `--limit` or a cgroup".to_owned(),
    })
}

pub(crate) fn data(machine: &Machine) -> Option<Finding> {
    let limit = ByteCount::new(machine.ulimits.data?.soft()?);
    let low = machine.allowed().is_none_or(|allowed| limit < allowed + allowed);
    low.then(|| Finding {
        topic: Topic::Data,
        severity: Severity::Caution,
        sentence: format!(
            "`ulimit -d` is {}, and counts memory that is mapped, also where it was never touched",
            limit.as_limit()
        ),
        fix: "`ulimit -d unlimited`, and limit memory by `--limit` or a cgroup".to_owned(),
    })
}

pub(crate) fn stack(machine: &Machine) -> Option<Finding> {
    let limit = ByteCount::new(machine.ulimits.stack?.soft()?);
    (limit < ByteCount::mib(2)).then(|| Finding {
        topic: Topic::Stack,
        severity: Severity::Caution,
        sentence: format!("the stack is {}: deep expressions end a program without a message", limit.as_limit()),
        fix: "`ulimit -s 8192`".to_owned(),
    })
}

/// The soft limit is no obstacle to Tidegate, which raises it, but to others; the hard one is to all.
pub(crate) fn open_files(machine: &Machine) -> Option<Finding> {
    let limit = machine.ulimits.open_files?;
    let (severity, which, value) = match (limit.soft(), limit.hard()) {
        (_, Some(hard)) if hard < FEW_FILES => (Severity::Caution, "hard", hard),
        (Some(soft), _) if soft < 1024 => (Severity::Note, "soft", soft),
        _ => return None,
    };
    Some(Finding {
        topic: Topic::OpenFiles,
        severity,
        sentence: format!(
            "the {which} limit of open files is {value}: a job that spills, or reads many files, has more"
        ),
        fix: format!("raise the {which} limit of `nofile` to 65536"),
    })
}

pub(crate) fn processes(machine: &Machine) -> Option<Finding> {
    let limit = machine.ulimits.processes?.soft()?;
    (limit < FEW_PROCESSES).then(|| Finding {
        topic: Topic::Processes,
        severity: Severity::Caution,
        sentence: format!("{limit} processes and threads are allowed: libraries that start one for each core fail"),
        fix: "raise `nproc`, or set OMP_NUM_THREADS".to_owned(),
    })
}

pub(crate) fn core_file(machine: &Machine) -> Option<Finding> {
    (machine.ulimits.core?.soft == Bound::Unlimited).then(|| Finding {
        topic: Topic::CoreFile,
        severity: Severity::Note,
        sentence: "core files have no limit: a crash writes all memory of the job to disk".to_owned(),
        fix: "`ulimit -c 0`".to_owned(),
    })
}

pub(crate) fn fewer_cores(machine: &Machine) -> Option<Finding> {
    let (usable, online) = (machine.usable_cores()?, machine.cores.online?);
    (usable < online).then(|| Finding {
        topic: Topic::Cores,
        severity: Severity::Note,
        sentence: format!(
            "{usable} of {online} cores may be used: libraries that count all start {online} threads, each with buffers"
        ),
        fix: format!("set OMP_NUM_THREADS={usable}, and threads of other libraries likewise"),
    })
}
