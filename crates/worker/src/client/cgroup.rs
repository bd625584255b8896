//! A cgroup of the limit's size around a worker: the kernel's own wall, where one may be made. Versions 1 and 2.
//!
//! In version 1 a process is started by a thread that has moved into the group, so that it is there from the first. In version 2 it is
//! moved right after it was started, while it is being loaded; what it touched until then, some 100 KB, is counted where it was
//! before. Moving a process costs some 10 ms, because the kernel waits until no processor is where it could see the change;
//! a thread that moves itself waits for nobody.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tidegate_memory::{ByteCount, Limit};

const MOUNT: &str = "/sys/fs/cgroup";

const PREFIX: &str = "tidegate-worker-";

/// What the kernel was asked to hold around a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Nothing: it was not wanted.
    Off,
    /// Nothing: it could not be made. The text says why.
    Impossible(String),
    /// This cgroup, as long as the worker lives.
    Around(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A cgroup of our own, which is removed when this is dropped.
///
/// Workers get theirs by [`super::Cgroup::Auto`]; this is for a process that is none.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
    version: Version,
}

impl Group {
    /// Makes a cgroup of this size below that of this process, or tells why not.
    ///
    /// # Errors
    /// In words, if there is no limit, or no cgroup may be made.
    pub fn make(limit: Limit) -> Result<Self, String> {
        static SWEPT: Once = Once::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let limit = limit.bytes().ok_or("the worker has no limit")?;
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
        let parents = parents(&own, Path::new(MOUNT));
        SWEPT.call_once(|| parents.iter().for_each(|(parent, _)| sweep(parent)));
        let name = format!("{PREFIX}{}-{}", process::id(), COUNT.fetch_add(1, Relaxed));
        let mut reasons = Vec::new();
        for (parent, version) in parents {
            match Self::in_folder(parent.join(&name), version, limit) {
                Ok(group) => return Ok(group),
                Err(error) => reasons.push(format!("{}: {error}", parent.display())),
            }
        }
        Err(if reasons.is_empty() { format!("no memory cgroup is seen below {MOUNT}") } else { reasons.join("; ") })
    }

    fn in_folder(folder: PathBuf, version: Version, limit: ByteCount) -> io::Result<Self> {
        fs::create_dir(&folder)?;
        let group = Self { folder, version };
        group.set_up(limit)?;
        Ok(group)
    }

    fn set_up(&self, limit: ByteCount) -> io::Result<()> {
        let limit = limit.bytes().to_string();
        match self.version {
            Version::One => {
                self.set("memory.limit_in_bytes", &limit)?;
                // Not every kernel counts swap.
                let _ = self.set("memory.memsw.limit_in_bytes", &limit);
            }
            Version::Two => {
                self.set("memory.max", &limit)?;
                let _ = self.set("memory.swap.max", "0");
            }
        }
        Ok(())
    }

    /// Moves a process into it.
    ///
    /// # Errors
    /// If there is no such process, or it may not be moved.
    pub fn take_in(&self, pid: u32) -> io::Result<()> {
        self.set("cgroup.procs", &pid.to_string())
    }

    /// Moves the thread that calls this into it, and with it the processes that it starts from then on.
    ///
    /// # Errors
    /// If that cannot be done, as in version 2, where threads stay with their process.
    pub(super) fn take_in_thread(&self) -> io::Result<()> {
        match self.version {
            Version::One => self.set("tasks", "0"),
            Version::Two => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns how many processes in it the kernel killed for want of memory.
    pub fn kills(&self) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        kills(&fs::read_to_string(self.folder.join(file)).ok()?)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.folder.join(file))?.write_all(value.as_bytes())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel lets a process that ended go a moment later.
        for _ in 0..200 {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
    }
}

fn kills(events: &str) -> Option<u64> {
    events.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// Returns the folders in which a cgroup may be made, so that no limit around this process is left: its own group or, where
/// a container shows only a part of the tree, the topmost that is seen. In version 2 a group with processes has no groups
/// with limits, so the one around it is tried as well, if its own has no limit of any kind that the worker would get out of.
fn parents(proc_self_cgroup: &str, mount: &Path) -> Vec<(PathBuf, Version)> {
    let mut parents = Vec::new();
    for line in proc_self_cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, version) = if controllers.is_empty() {
            (mount.to_path_buf(), Version::Two)
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (mount.join("memory"), Version::One)
        } else {
            continue;
        };
        let own = root.join(path.trim_start_matches('/'));
        let own = if own.is_dir() { own } else { root.clone() };
        let around = own.parent().filter(|around| around.starts_with(&root)).map(Path::to_path_buf);
        let unlimited = version == Version::Two && is_unlimited(&own);
        parents.push((own, version));
        parents.extend(around.filter(|_| unlimited).map(|around| (around, version)));
    }
    parents
}

/// Returns whether a group of version 2 limits nothing: not memory, swap, processes, processors or disks. Shares are no limits.
fn is_unlimited(group: &Path) -> bool {
    let most =
        ["memory.max", "memory.high", "memory.swap.max", "memory.swap.high", "memory.zswap.max", "pids.max", "cpu.max"];
    let is_free = |file: &str, is_free: fn(&str) -> bool| match fs::read_to_string(group.join(file)) {
        Ok(text) => is_free(&text),
        // The controller is not at work in this group. A file that cannot be read may say anything.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    most.into_iter().all(|file| is_free(file, is_max))
        && is_free("io.max", has_only_max)
        && ["cpuset.cpus", "cpuset.mems"].into_iter().all(|file| is_free(file, |text| text.trim().is_empty()))
}

/// `max`, or `max 100000` of processors: the second is a period.
fn is_max(text: &str) -> bool {
    text.split_whitespace().next() == Some("max")
}

/// A line for each disk: `8:0 rbps=max wbps=1048576`.
fn has_only_max(text: &str) -> bool {
    text.split_whitespace().all(|word| word.split_once('=').is_none_or(|(_, most)| most == "max"))
}

/// Removes what clients left that were killed. Groups that hold a process cannot be removed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| is_left(name, Path::new("/proc"))) {
            // One that is still used, or another's, stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Returns whether a cgroup is that of a client that is gone.
fn is_left(name: &str, proc: &Path) -> bool {
    let client = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')).map(|(client, _)| client);
    client.is_some_and(|client| client.parse::<u32>().is_ok() && !proc.join(client).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_made_where_no_limit_is_left() {
        let mount = tempfile::tempdir().unwrap();
        let mount = mount.path();
        let write = |path: &str, text: &str| {
            let file = mount.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("slice/free/memory.max", "max\n");
        write("slice/free/memory.high", "max\n");
        write("slice/tight/memory.max", "1000\n");
        write("memory/a/b/memory.limit_in_bytes", "1000\n");
        let check = |text: &str, expected: &[(&str, Version)]| {
            let expected: Vec<_> = expected.iter().map(|(path, version)| (mount.join(path), *version)).collect();
            assert_eq!(parents(text, mount), expected, "{text}");
        };
        check("0::/slice/free\n", &[("slice/free", Version::Two), ("slice", Version::Two)]);
        check("0::/slice/tight\n", &[("slice/tight", Version::Two)]);
        check("5:cpu,cpuacct:/x\n4:memory:/a/b\n", &[("memory/a/b", Version::One)]);
        check("4:memory:/not/mounted/here\n", &[("memory", Version::One)]);
        check("0::/\n", &[("", Version::Two)]);
        check("nonsense\n", &[]);
    }

    #[test]
    fn a_worker_is_put_beside_its_client_only_out_of_no_limit() {
        let free = [
            ("memory.max", "max\n"),
            ("memory.high", "max\n"),
            ("memory.swap.max", "max\n"),
            ("pids.max", "max\n"),
            ("cpu.max", "max 100000\n"),
            ("io.max", "8:0 rbps=max wbps=max riops=max wiops=max\n"),
            ("cpuset.cpus", "\n"),
            ("cpuset.mems", ""),
        ];
        let limits = [
            ("memory.max", "1000\n"),
            ("memory.high", "1000\n"),
            ("memory.swap.max", "0\n"),
            ("memory.swap.high", "0\n"),
            ("memory.zswap.max", "0\n"),
            ("pids.max", "100\n"),
            ("cpu.max", "50000 100000\n"),
            ("io.max", "8:0 rbps=max wbps=max riops=max wiops=max\n8:16 rbps=max wbps=1048576 riops=max wiops=max\n"),
            ("cpuset.cpus", "0-3\n"),
            ("cpuset.mems", "0\n"),
        ];
        let group = tempfile::tempdir().unwrap();
        let group = group.path();
        assert!(is_unlimited(group), "no controller is at work");
        for (file, text) in free {
            fs::write(group.join(file), text).unwrap();
        }
        assert!(is_unlimited(group));
        for (file, limit) in limits {
            let file = group.join(file);
            let before = fs::read(&file).ok();
            fs::write(&file, limit).unwrap();
            assert!(!is_unlimited(group), "{}", file.display());
            match before {
                Some(before) => fs::write(&file, before).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
        }
        fs::create_dir(group.join("memory.zswap.max")).unwrap();
        assert!(!is_unlimited(group), "what cannot be read may be a limit");
    }

    #[test]
    fn kills_are_counted_in_both_versions() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), Some(2));
        assert_eq!(kills("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n"), Some(1));
        assert_eq!(kills("oom_kill_disable 0\n"), None);
    }

    #[test]
    fn what_a_client_left_that_is_gone_is_told_by_its_name() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir(proc.path().join("12")).unwrap();
        let check = |name: &str, left: bool| assert_eq!(is_left(name, proc.path()), left, "{name}");
        check("tidegate-worker-11-0", true);
        check("tidegate-worker-12-0", false);
        check("tidegate-worker-x-0", false);
        check("tidegate-worker-", false);
        check("system.slice", false);
    }
}
