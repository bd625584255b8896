//! Rules about memory: the host's, the cgroup's, swap, and what the kernel promises.

use crate::{
    ByteCount,
    doctor::{Finding, Severity, Topic},
    machine::{Machine, OvercommitMode},
};

pub(crate) fn small_group(machine: &Machine) -> Option<Finding> {
    let (limit, total) = (machine.group_limit()?, machine.memory.total?);
    Some(Finding {
        topic: Topic::Cgroup,
        severity: Severity::Caution,
        sentence: format!(
            "the cgroup allows {} of the host's {total}: programs that ask the host for its memory plan too large, and are killed",
            limit.as_limit()
        ),
        fix: "give limits as a share (`--limit 75%` counts the cgroup), and tell other programs a size".to_owned(),
    })
}

pub(crate) fn group_nearly_full(machine: &Machine) -> Option<Finding> {
    let memory = machine.groups.memory.as_ref()?;
    let (limit, room) = (memory.limit?, memory.room?);
    (room < limit.percent(15)).then(|| Finding {
        topic: Topic::Cgroup,
        severity: Severity::Harm,
        sentence: format!("of the cgroup's {} only {room} are left: others in it use the rest", limit.as_limit()),
        fix: "end what else runs in it, or raise its limit".to_owned(),
    })
}

pub(crate) fn soft_line(machine: &Machine) -> Option<Finding> {
    let memory = machine.groups.memory.as_ref()?;
    let high = memory.high?;
    let below = memory.limit.or(machine.memory.total).is_none_or(|limit| high < limit);
    below.then(|| Finding {
        topic: Topic::Cgroup,
        severity: Severity::Caution,
        sentence: format!("above {} (memory.high) the kernel slows every process of the cgroup down", high.as_limit()),
        fix: format!("keep limits below {high}"),
    })
}

pub(crate) fn little_available(machine: &Machine) -> Option<Finding> {
    let (available, total) = (machine.memory.available?, machine.memory.total?);
    (available < total.percent(15)).then(|| Finding {
        topic: Topic::Memory,
        severity: Severity::Harm,
        sentence: format!("only {available} of the host's {total} are available"),
        fix: "end what else runs, or start the job when it has ended".to_owned(),
    })
}

pub(crate) fn refuses_to_promise(machine: &Machine) -> Option<Finding> {
    let overcommit = machine.overcommit;
    if overcommit.mode? != OvercommitMode::Never {
        return None;
    }
    let left = overcommit.limit? - overcommit.committed.unwrap_or_default();
    let available = machine.available().map(|available| format!(", though {available} are available"));
    Some(Finding {
        topic: Topic::Overcommit,
        severity: if Some(left) < machine.available() { Severity::Harm } else { Severity::Caution },
        sentence: format!(
            "vm.overcommit_memory is 2: the kernel refuses memory, used or not, beyond {left} more{}",
            available.filter(|_| Some(left) < machine.available()).unwrap_or_default()
        ),
        fix: "set vm.overcommit_memory to 0, or raise vm.overcommit_ratio".to_owned(),
    })
}

pub(crate) fn promises_all(machine: &Machine) -> Option<Finding> {
    (machine.overcommit.mode? == OvercommitMode::Always).then(|| Finding {
        topic: Topic::Overcommit,
        severity: Severity::Note,
        sentence: "vm.overcommit_memory is 1: no request is refused, so Python never sees a MemoryError and is killed"
            .to_owned(),
        fix: "run jobs under a limit of their own (`tidegate guard --limit`)".to_owned(),
    })
}

pub(crate) fn no_swap(machine: &Machine) -> Option<Finding> {
    (machine.memory.swap? == ByteCount::ZERO).then(|| Finding {
        topic: Topic::Swap,
        severity: Severity::Note,
        sentence: "there is no swap: what passes the memory is killed at once, not slowed down".to_owned(),
        fix: "give every job a limit; swap helps only what is touched seldom".to_owned(),
    })
}

pub(crate) fn swap_nearly_full(machine: &Machine) -> Option<Finding> {
    let (swap, free) = (machine.memory.swap?, machine.memory.swap_free?);
    (swap > ByteCount::ZERO && free < swap.percent(20)).then(|| Finding {
        topic: Topic::Swap,
        severity: Severity::Caution,
        sentence: format!("only {free} of {swap} swap are free: the machine was short of memory"),
        fix: "find what holds it, before a job needs it".to_owned(),
    })
}
