//! What memory the machine and the cgroups around this process allow; versions 1 and 2.

use crate::{
    ByteCount,
    machine::{groups::Sources, memory_limit, mounts, text},
};
use std::{fs, path::Path};

/// Returns the least of the machine's memory and the limits of every cgroup around this process.
pub fn available_memory() -> Option<ByteCount> {
    least("MemTotal:")
}

/// Returns the least of what the machine could give now and the limits of every cgroup around this process.
pub fn free_memory() -> Option<ByteCount> {
    least("MemAvailable:")
}

fn least(of_machine: &str) -> Option<ByteCount> {
    let machine = text::kib(&fs::read_to_string("/proc/meminfo").ok()?, of_machine)?;
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = mounts(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    let sources = Sources { root: Path::new("/"), memberships: &memberships, mounts: &mounts };
    Some(memory_limit(sources).into_iter().fold(machine, ByteCount::min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory() {
        assert!(available_memory().unwrap() > ByteCount::mib(64));
        assert!(free_memory().unwrap() <= available_memory().unwrap());
    }
}
