//! A memory cgroup of a test's own, of version 1 or 2: what does not fit into it is killed by the kernel.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
};

const VERSION_1: &str = "/sys/fs/cgroup/memory";
const VERSION_2: &str = "/sys/fs/cgroup";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A cgroup that is removed when this is dropped.
pub struct Cage {
    folder: PathBuf,
    events: PathBuf,
}

impl Cage {
    /// Makes a cgroup of `limit` bytes below the one of this process, or tells why not.
    pub fn new(limit: u64) -> Result<Self, String> {
        let name = format!("tidegate-test-{}-{}", process::id(), COUNT.fetch_add(1, Relaxed));
        let mut reasons = Vec::new();
        for (parent, version) in parents() {
            match Self::in_folder(&parent.join(&name), version, limit) {
                Ok(cage) => return Ok(cage),
                Err(error) => reasons.push(format!("{}: {error}", parent.display())),
            }
        }
        Err(reasons.join("; "))
    }

    fn in_folder(folder: &Path, version: u32, limit: u64) -> io::Result<Self> {
        fs::create_dir(folder)?;
        let cage = |events: &str| Self { folder: folder.to_path_buf(), events: folder.join(events) };
        if version == 1 {
            let cage = cage("memory.oom_control");
            fs::write(folder.join("memory.limit_in_bytes"), limit.to_string())?;
            // Not every kernel counts swap.
            let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), limit.to_string());
            return Ok(cage);
        }
        let cage = cage("memory.events");
        fs::write(folder.join("memory.max"), limit.to_string())?;
        let _ = fs::write(folder.join("memory.swap.max"), "0");
        Ok(cage)
    }

    /// Returns the file that takes the ids of processes.
    pub fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Returns how many processes in it the kernel killed.
    pub fn kills(&self) -> u64 {
        let events = fs::read_to_string(&self.events).unwrap();
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.unwrap_or_else(|| panic!("no oom_kill in {events}")).trim().parse().unwrap()
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // The kernel lets a process that ended go a moment later.
        for _ in 0..100_000 {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::yield_now(),
                _ => return,
            }
        }
    }
}

/// Returns the folders in which a cgroup may be made: that of this process or, where a container shows only a part of the
/// tree, the topmost one that is seen.
fn parents() -> Vec<(PathBuf, u32)> {
    let mut parents = Vec::new();
    for line in fs::read_to_string("/proc/self/cgroup").unwrap_or_default().lines() {
        let Some((controllers, path)) = line.split_once(':').and_then(|(_, rest)| rest.split_once(':')) else {
            continue;
        };
        let (root, version) = match controllers {
            "" => (VERSION_2, 2),
            _ if controllers.split(',').any(|controller| controller == "memory") => (VERSION_1, 1),
            _ => continue,
        };
        parents.push((Path::new(root).join(path.trim_start_matches('/')), version));
        parents.push((PathBuf::from(root), version));
    }
    parents
}
