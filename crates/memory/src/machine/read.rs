//! Reads a machine.

use super::{
    groups::{self, Sources, under},
    model::{Cores, Folder, HostMemory, HugePages, Machine, Overcommit, Stalls, Ulimits},
    mounts::{Mount, holding, mounts},
    text,
};
use crate::{ByteCount, allocator::program_pages::page_size};
use rustix::fs::statvfs;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Where a machine is read. The default is the real one.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that stands for `/`, with `proc` and `sys` in it.
    pub root: PathBuf,
    /// Folders for temporary files, the one that programs use first; those that are not there are passed over.
    pub temp: Vec<PathBuf>,
    /// The folder through which processes share memory.
    pub shared_memory: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        let mut temp = vec![env::temp_dir()];
        let disk = PathBuf::from("/var/tmp");
        if !temp.contains(&disk) {
            temp.push(disk);
        }
        Self { root: PathBuf::from("/"), temp, shared_memory: PathBuf::from("/dev/shm") }
    }
}

impl Machine {
    /// Reads this machine. Never fails: what cannot be read is `None`.
    #[must_use]
    pub fn read() -> Self {
        Self::read_from(&Places::default())
    }

    /// Reads the machine that is described below a folder.
    #[must_use]
    pub fn read_from(places: &Places) -> Self {
        let root = Root(&places.root);
        let mounts = mounts(&root.text("proc/self/mountinfo"));
        let memberships = root.text("proc/self/cgroup");
        let sources = Sources { root: &places.root, memberships: &memberships, mounts: &mounts };
        Self {
            kernel: Some(root.text("proc/sys/kernel/osrelease").trim().to_owned()).filter(|text| !text.is_empty()),
            page: Some(ByteCount::new(page_size())),
            memory: memory(&root),
            groups: groups::groups(sources),
            cores: cores(&root),
            ulimits: ulimits(&root.text("proc/self/limits")),
            overcommit: overcommit(&root),
            huge_pages: huge_pages(&root),
            stalls: stalls(&root),
            temp: places.temp.iter().filter_map(|path| folder(&root, path, &mounts)).collect(),
            shared_memory: folder(&root, &places.shared_memory, &mounts),
        }
    }
}

/// The folder that stands for `/`.
struct Root<'a>(&'a Path);

impl Root<'_> {
    /// Returns the text of a file, or none.
    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_default()
    }
}

fn memory(root: &Root<'_>) -> HostMemory {
    let meminfo = root.text("proc/meminfo");
    HostMemory {
        total: text::kib(&meminfo, "MemTotal:"),
        available: text::kib(&meminfo, "MemAvailable:"),
        swap: text::kib(&meminfo, "SwapTotal:"),
        swap_free: text::kib(&meminfo, "SwapFree:"),
    }
}

fn cores(root: &Root<'_>) -> Cores {
    let status = root.text("proc/self/status");
    Cores {
        online: text::list_length(&root.text("sys/devices/system/cpu/online")),
        allowed: text::after(&status, "Cpus_allowed_list:").and_then(text::list_length),
    }
}

fn ulimits(limits: &str) -> Ulimits {
    Ulimits {
        address_space: text::ulimit(limits, "Max address space"),
        data: text::ulimit(limits, "Max data size"),
        stack: text::ulimit(limits, "Max stack size"),
        open_files: text::ulimit(limits, "Max open files"),
        processes: text::ulimit(limits, "Max processes"),
        core: text::ulimit(limits, "Max core file size"),
        locked_memory: text::ulimit(limits, "Max locked memory"),
    }
}

fn overcommit(root: &Root<'_>) -> Overcommit {
    let meminfo = root.text("proc/meminfo");
    Overcommit {
        mode: text::overcommit(&root.text("proc/sys/vm/overcommit_memory")),
        ratio: root.text("proc/sys/vm/overcommit_ratio").trim().parse().ok(),
        limit: text::kib(&meminfo, "CommitLimit:"),
        committed: text::kib(&meminfo, "Committed_AS:"),
    }
}

fn huge_pages(root: &Root<'_>) -> HugePages {
    let meminfo = root.text("proc/meminfo");
    let size = text::kib(&meminfo, "Hugepagesize:");
    let count = |name: &str| text::after(&meminfo, name)?.parse::<u64>().ok();
    let bytes = |name: &str| Some(ByteCount::new(count(name)?.saturating_mul(size?.bytes())));
    HugePages {
        transparent: text::transparent(&root.text("sys/kernel/mm/transparent_hugepage/enabled")),
        reserved: bytes("HugePages_Total:"),
        free: bytes("HugePages_Free:"),
        size,
    }
}

fn stalls(root: &Root<'_>) -> Stalls {
    let stall = |name: &str| text::stall(&root.text(&format!("proc/pressure/{name}")));
    Stalls { memory: stall("memory"), cpu: stall("cpu"), io: stall("io") }
}

fn folder(root: &Root<'_>, path: &Path, mounts: &[Mount]) -> Option<Folder> {
    let real = fs::canonicalize(under(root.0, path)).ok()?;
    let about = statvfs(&real).ok()?;
    // A file system without a bound says that it has no blocks.
    let bytes = |blocks: u64| (about.f_blocks > 0).then(|| ByteCount::new(blocks.saturating_mul(about.f_frsize)));
    let top = fs::canonicalize(root.0).unwrap_or_else(|_| root.0.to_path_buf());
    let mount = holding(mounts, &Path::new("/").join(real.strip_prefix(top).unwrap_or(&real)));
    Some(Folder {
        path: path.display().to_string(),
        kind: mount.map(|mount| mount.kind.clone()),
        in_memory: mount.is_some_and(Mount::in_memory),
        free: bytes(about.f_bavail),
        total: bytes(about.f_blocks),
    })
}

#[cfg(test)]
mod tests;
