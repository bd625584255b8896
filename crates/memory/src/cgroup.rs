//! What memory the machine and the cgroups around this process allow; versions 1 and 2.

use crate::ByteCount;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Returns the least of the machine's memory and the limits of every cgroup around this process.
pub fn available_memory() -> Option<ByteCount> {
    least("MemTotal:")
}

/// Returns the least of what the machine could give now and the limits of every cgroup around this process.
pub fn free_memory() -> Option<ByteCount> {
    least("MemAvailable:")
}

fn least(of_machine: &str) -> Option<ByteCount> {
    let machine = machine_memory(&fs::read_to_string("/proc/meminfo").ok()?, of_machine)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(limits(&groups, Path::new("/sys/fs/cgroup")).into_iter().fold(machine, ByteCount::min))
}

/// Reads a line of `/proc/meminfo`.
fn machine_memory(meminfo: &str, start: &str) -> Option<ByteCount> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(start))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount::new(kib * 1024))
}

/// Reads the limits of the memory cgroup that `/proc/self/cgroup` names and of all its ancestors. In a container the path
/// it names may lie outside what is mounted; then the mount's root is the container's own group and is read instead.
fn limits(proc_self_cgroup: &str, mount: &Path) -> Vec<ByteCount> {
    let mut limits = Vec::new();
    for line in proc_self_cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = if controllers.is_empty() {
            (mount.to_path_buf(), "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (mount.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        limits.extend(ancestors(&root, path).iter().filter_map(|group| limit(&group.join(file))));
    }
    limits
}

/// A limit of version 1 that nobody set reads as a number near 2^63; it never is the least and needs no special case.
fn limit(file: &Path) -> Option<ByteCount> {
    fs::read_to_string(file).ok()?.trim().parse().ok().map(ByteCount::new)
}

fn ancestors(root: &Path, path: &str) -> Vec<PathBuf> {
    let own = root.join(path.trim_start_matches('/'));
    own.ancestors().take_while(|group| group.starts_with(root)).map(Path::to_path_buf).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_on_the_way_up_counts_in_both_versions() {
        let mount = std::env::temp_dir().join(format!("tidegate-cgroup-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let file = mount.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/b/memory.max", "max\n");
        write("memory/c/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/c/d/memory.limit_in_bytes", "500\n");
        assert_eq!(limits("0::/a/b\n", &mount), [ByteCount::new(1000)]);
        let both = limits("12:cpu:/x\n4:memory:/c/d\n", &mount);
        assert_eq!(both.into_iter().min(), Some(ByteCount::new(500)));
        assert_eq!(limits("0::/not/mounted/here\n", &mount), []);
        fs::remove_dir_all(&mount).unwrap();
    }

    #[test]
    fn the_machine_has_memory() {
        assert_eq!(machine_memory("MemFree: 1 kB\nMemTotal:   2048 kB\n", "MemTotal:"), Some(ByteCount::mib(2)));
        assert!(available_memory().unwrap() > ByteCount::mib(64));
        assert!(free_memory().unwrap() <= available_memory().unwrap());
    }
}
