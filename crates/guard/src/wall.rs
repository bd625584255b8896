//! The wall: a memory cgroup around the tree, of version 1 or 2, where one can be made.
//!
//! *Version 1.* A group below our own. *Version 2.* Below our own if that hands the memory controller on, which it cannot while
//! processes are in it; else beside it, where the group above belongs to the person, as in a session of systemd.
//!
//! The wall is as high as the limit. What counts against the limit is more than what a group cannot give back: pages of the
//! program and its libraries are among it, so that allocations are refused before the kernel ends anything.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Component, Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};
use tidegate_memory::ByteCount;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A group that was made for a tree, removed when this is dropped, if the tree is gone.
#[derive(Debug)]
pub(crate) struct Wall {
    group: Group,
}

/// A memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    version: Version,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// What the kernel ended for lack of memory, counted in the groups around this process and on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kills(Vec<(String, u64)>);

impl Wall {
    /// Makes a group whose processes may have so much together; `None` where none can be made.
    pub(crate) fn make(limit: ByteCount) -> Option<Self> {
        let own = Group::own(&Sources::of_system())?;
        let name = format!("tidegate-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self::make_near(&own, &name, limit, &|path| fs::create_dir(path))
    }

    /// Makes a group of this name near `own`. `create` makes the folder, in which the kernel makes its files.
    fn make_near(own: &Group, name: &str, limit: ByteCount, create: &dyn Fn(&Path) -> io::Result<()>) -> Option<Self> {
        let beside = own.path.parent().filter(|_| own.version == Version::Two);
        [Some(own.path.as_path()), beside].into_iter().flatten().find_map(|place| {
            sweep(place);
            if own.version == Version::Two {
                // It may be handed on already, or not be ours to hand on.
                let _ = write(&place.join("cgroup.subtree_control"), "+memory");
            }
            let group = Group { version: own.version, path: place.join(name) };
            create(&group.path).ok()?;
            let wall = Self { group };
            wall.group.bound(limit).ok().map(|()| wall)
        })
    }

    /// Takes a process in, and with it all that it starts from now on.
    pub(crate) fn take(&self, process: u32) -> io::Result<()> {
        write(&self.group.path.join("cgroup.procs"), &process.to_string())
    }

    /// Returns the processes in it.
    pub(crate) fn members(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.group.path.join("cgroup.procs")).unwrap_or_default();
        text.split_ascii_whitespace().filter_map(|process| process.parse().ok()).collect()
    }

    /// Returns whether the kernel ended a process of it because it was full.
    pub(crate) fn has_killed(&self) -> bool {
        self.group.kills() > 0
    }

    /// Returns its name, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self.group.version {
            Version::One => "a memory cgroup (v1)",
            Version::Two => "a memory cgroup (v2)",
        }
    }
}

/// Writes to a file that the kernel has made: where it is not there, it must not be made.
fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// Removes groups of guards that were killed, if their processes are gone.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let guard = name.strip_prefix("tidegate-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if guard.is_some_and(|guard| !PathBuf::from(format!("/proc/{guard}")).exists()) {
            // Where a process still lives in it, it stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

impl Drop for Wall {
    fn drop(&mut self) {
        // Where a process still lives in it, it stays.
        let _ = fs::remove_dir(&self.group.path);
    }
}

impl Group {
    /// Returns the group of this process.
    fn own(sources: &Sources) -> Option<Self> {
        let lines = || sources.memberships.lines().filter_map(membership);
        if let Some((_, path)) = lines().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory"))
            && let Some(found) = sources.place("cgroup", "memory", path)
        {
            return Some(Self { version: Version::One, path: found });
        }
        let (_, path) = lines().find(|(controllers, _)| controllers.is_empty())?;
        let found = sources.place("cgroup2", "", path)?;
        Some(Self { version: Version::Two, path: found })
    }

    fn bound(&self, most: ByteCount) -> io::Result<()> {
        let most = most.bytes().to_string();
        let write = |name: &str, value: &str| self::write(&self.path.join(name), value);
        match self.version {
            Version::One => {
                write("memory.limit_in_bytes", &most)?;
                // Where swap is counted, it must not make room.
                let _ = write("memory.memsw.limit_in_bytes", &most);
            }
            Version::Two => {
                write("memory.max", &most)?;
                let _ = write("memory.swap.max", "0");
                // A tree without one of its processes may wait for it for ever.
                let _ = write("memory.oom.group", "1");
            }
        }
        Ok(())
    }

    fn kills(&self) -> u64 {
        let name = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let text = fs::read_to_string(self.path.join(name)).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
    }

    fn limit(&self) -> Option<ByteCount> {
        let name = match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        let bytes = fs::read_to_string(self.path.join(name)).ok()?.trim().parse().ok()?;
        Some(ByteCount::new(bytes)).filter(|limit| limit.bytes() < 1 << 62)
    }

    /// Returns this group and those around it.
    fn and_around(&self) -> impl Iterator<Item = Self> + '_ {
        let groups = self.path.ancestors().take_while(|path| path.join("cgroup.procs").exists());
        groups.map(|path| Self { version: self.version, path: path.to_path_buf() })
    }
}

impl Kills {
    /// Counts what was ended until now.
    pub(crate) fn until_now() -> Self {
        let mut counts = Vec::new();
        for group in Group::own(&Sources::of_system()).iter().flat_map(|own| own.and_around().collect::<Vec<_>>()) {
            let limit = group.limit().map(|limit| format!(" of {limit}")).unwrap_or_default();
            counts.push((format!("the cgroup{limit} around the guard"), group.kills()));
        }
        let machine = fs::read_to_string("/proc/vmstat").unwrap_or_default();
        let kills = machine.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0);
        counts.push(("the machine, which had no memory left".into(), kills));
        Self(counts)
    }

    /// Returns who has ended something since `before`: the inmost.
    pub(crate) fn since(&self, before: &Self) -> Option<String> {
        let pairs = self.0.iter().zip(&before.0);
        pairs
            .filter(|((name, now), (other, then))| name == other && now > then)
            .map(|((name, _), _)| name.clone())
            .next()
    }
}

/// What tells where groups are.
struct Sources {
    memberships: String,
    mounts: String,
}

impl Sources {
    fn of_system() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self { memberships: read("/proc/self/cgroup"), mounts: read("/proc/self/mountinfo") }
    }

    /// Returns where the group `path` of a tree is mounted. In a container it may lie outside of what is mounted; then the top
    /// of the mount is the container's own group.
    fn place(&self, kind: &str, controller: &str, path: &str) -> Option<PathBuf> {
        let mut found = None;
        for line in self.mounts.lines() {
            let Some((place, system)) = line.split_once(" - ") else { continue };
            let mut system = system.split(' ');
            let options = system.clone().nth(2).unwrap_or_default();
            let has = controller.is_empty() || options.split(',').any(|option| option == controller);
            let mut place = place.split(' ').skip(3);
            let (Some(root), Some(point), true) = (place.next(), place.next(), system.next() == Some(kind) && has)
            else {
                continue;
            };
            let is_plain = |inside: &&Path| inside.components().all(|part| matches!(part, Component::Normal(_)));
            let inside = Path::new(path).strip_prefix(root).ok().filter(is_plain);
            let own = inside.map(|inside| Path::new(point).join(inside)).filter(|own| own.is_dir());
            found = Some(own.unwrap_or_else(|| point.into()));
        }
        found
    }
}

/// `4:memory:/path`; the controllers of version 2 are empty.
fn membership(line: &str) -> Option<(&str, &str)> {
    let mut parts = line.splitn(3, ':').skip(1);
    Some((parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A folder that looks as a hierarchy of version 2 does, and does as the kernel would: a new group has files of a
    /// controller that the group above hands on.
    struct Hierarchy(TempDir);

    const LIMIT: ByteCount = ByteCount::mib(100);

    impl Hierarchy {
        /// Makes one with the group `/a/own`, in which this process is.
        fn new() -> Self {
            let all = Self(tempfile::tempdir().unwrap());
            Self::fill(all.0.path());
            for group in ["a", "a/own"] {
                let path = all.0.path().join(group);
                fs::create_dir(&path).unwrap();
                Self::fill(&path);
            }
            all
        }

        fn fill(path: &Path) {
            fs::write(path.join("cgroup.procs"), "").unwrap();
            fs::write(path.join("cgroup.subtree_control"), "").unwrap();
        }

        fn path(&self, group: &str) -> PathBuf {
            self.0.path().join(group)
        }

        /// Lets nobody write to it, as the kernel does with processes in a group, or with a group of others.
        fn close(&self, group: &str) {
            fs::remove_file(self.path(group).join("cgroup.subtree_control")).unwrap();
        }

        fn own(&self) -> Group {
            let mounts = format!("36 31 0:33 / {} rw - cgroup2 cgroup2 rw\n", self.0.path().display());
            Group::own(&sources("0::/a/own\n", &mounts)).unwrap()
        }

        fn make(&self) -> Option<Wall> {
            Wall::make_near(&self.own(), "tidegate-7-0", LIMIT, &|path| {
                fs::create_dir(path)?;
                Self::fill(path);
                let above = path.parent().unwrap().join("cgroup.subtree_control");
                if fs::read_to_string(above).unwrap_or_default().contains("memory") {
                    for name in ["memory.max", "memory.swap.max", "memory.oom.group", "memory.events"] {
                        fs::write(path.join(name), "").unwrap();
                    }
                }
                Ok(())
            })
        }
    }

    #[test]
    fn a_group_of_version_2_is_made_below_ours_where_it_hands_memory_on() {
        let all = Hierarchy::new();
        assert_eq!(all.own(), Group { version: Version::Two, path: all.path("a/own") });
        let wall = all.make().unwrap();
        let read = |name: &str| fs::read_to_string(all.path("a/own/tidegate-7-0").join(name)).unwrap();
        assert_eq!(read("memory.max"), LIMIT.bytes().to_string());
        assert_eq!((read("memory.swap.max").as_str(), read("memory.oom.group").as_str()), ("0", "1"));
        wall.take(42).unwrap();
        assert_eq!((wall.members(), wall.kind()), (vec![42], "a memory cgroup (v2)"));
        assert!(!wall.has_killed());
        fs::write(all.path("a/own/tidegate-7-0/memory.events"), "low 0\nmax 9\noom 1\noom_kill 1\n").unwrap();
        assert!(wall.has_killed());
    }

    #[test]
    fn where_ours_has_processes_the_group_is_made_beside_it() {
        let all = Hierarchy::new();
        all.close("a/own");
        let _wall = all.make().unwrap();
        assert!(all.path("a/tidegate-7-0/memory.max").exists());
    }

    #[test]
    fn where_nobody_hands_memory_on_there_is_no_wall() {
        let all = Hierarchy::new();
        all.close("a/own");
        all.close("a");
        assert!(all.make().is_none());
    }

    fn sources(memberships: &str, mounts: &str) -> Sources {
        Sources { memberships: memberships.into(), mounts: mounts.into() }
    }

    #[test]
    fn the_memory_controller_decides_the_version() {
        let v1 = "35 31 0:32 / /tmp rw - cgroup cgroup rw,memory";
        let v2 = "36 31 0:33 / /proc rw - cgroup2 cgroup2 rw";
        let hybrid = sources("4:memory:/\n0::/\n", &format!("{v1}\n{v2}\n"));
        assert_eq!(Group::own(&hybrid), Some(Group { version: Version::One, path: "/tmp".into() }));
        let unified = sources("0::/self\n", &format!("{v2}\n"));
        let found = Group::own(&unified).unwrap();
        assert_eq!(found.version, Version::Two);
        assert!(found.path.starts_with("/proc"), "{}", found.path.display());
        assert_eq!(Group::own(&sources("", "")), None);
    }

    #[test]
    fn a_path_outside_of_the_mount_is_its_top() {
        let contained = sources("4:memory:/../../x\n", "35 31 0:32 /docker/1 /tmp rw - cgroup cgroup rw,memory\n");
        assert_eq!(Group::own(&contained).unwrap().path, Path::new("/tmp"));
    }

    #[test]
    fn a_kill_is_told_by_the_inmost_group() {
        let kills = |counts: [u64; 2]| Kills(vec![("inner".into(), counts[0]), ("outer".into(), counts[1])]);
        assert_eq!(kills([1, 1]).since(&kills([1, 1])), None);
        assert_eq!(kills([2, 2]).since(&kills([1, 1])).as_deref(), Some("inner"));
        assert_eq!(kills([1, 2]).since(&kills([1, 1])).as_deref(), Some("outer"));
    }
}
