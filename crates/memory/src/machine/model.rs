//! A machine as one value. What the kernel does not tell is `None`.

use crate::ByteCount;
use serde::{Deserialize, Serialize};

/// What a machine, or the container on it, allows a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The kernel's version, such as `6.18.4`.
    pub kernel: Option<String>,
    /// The size of a page.
    pub page: Option<ByteCount>,
    /// Memory and swap of the host.
    pub memory: HostMemory,
    /// The cgroups around this process.
    pub groups: Groups,
    /// Processor cores.
    pub cores: Cores,
    /// Limits of the process.
    pub ulimits: Ulimits,
    /// Whether the kernel promises more memory than it has.
    pub overcommit: Overcommit,
    /// Large pages.
    pub huge_pages: HugePages,
    /// How long processes waited for memory, a core or a disk lately.
    pub stalls: Stalls,
    /// Folders for temporary files, the one that programs use first.
    pub temp: Vec<Folder>,
    /// The folder through which processes share memory, `/dev/shm`.
    pub shared_memory: Option<Folder>,
}

/// Memory of the host, whatever a container may take of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostMemory {
    /// All of it.
    pub total: Option<ByteCount>,
    /// What a new task could get without swapping.
    pub available: Option<ByteCount>,
    /// Swap space.
    pub swap: Option<ByteCount>,
    /// Swap space that is free.
    pub swap_free: Option<ByteCount>,
}

/// The version of an interface of cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupVersion {
    /// One tree for each controller.
    V1,
    /// One tree for all.
    V2,
}

/// The cgroups around this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Groups {
    /// The versions in use: both on a hybrid host.
    pub versions: Vec<GroupVersion>,
    /// What they allow of memory.
    pub memory: Option<GroupMemory>,
    /// The tightest quota of processor time, in thousandths of a core.
    pub quota_millicores: Option<u64>,
    /// Whether this process may make groups of its own.
    pub may_make: MayMake,
}

/// Which controllers this process could put around a child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MayMake {
    /// A group with a memory limit.
    pub memory: bool,
    /// A group with limits of reading and writing.
    pub io: bool,
}

/// What the cgroups on the way up allow of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMemory {
    /// The version of the interface that has the memory controller.
    pub version: GroupVersion,
    /// The group that sets the tightest limit, or else the process's own.
    pub path: String,
    /// The tightest limit, above which a process is killed.
    pub limit: Option<ByteCount>,
    /// The tightest line above which processes are slowed down and their memory reclaimed; version 2 alone.
    pub high: Option<ByteCount>,
    /// What the group at `path` holds, page cache included.
    pub usage: Option<ByteCount>,
    /// The part of `usage` that is page cache not used lately, which the kernel takes back at once.
    pub cache: Option<ByteCount>,
    /// What may still be allocated before the first limit on the way up is met.
    pub room: Option<ByteCount>,
    /// The most swap that may be used.
    pub swap: Option<ByteCount>,
}

/// Processor cores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cores {
    /// Those of the machine that are on.
    pub online: Option<u64>,
    /// Those that this process may run on.
    pub allowed: Option<u64>,
}

/// A value that may have no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Not bounded.
    Unlimited,
    /// At most this.
    At(u64),
}

/// A limit of a process: the soft one counts, and may be raised up to the hard one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// The one in force.
    pub soft: Bound,
    /// The highest soft one.
    pub hard: Bound,
}

/// Limits of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ulimits {
    /// Address space in bytes, used or not (`ulimit -v`).
    pub address_space: Option<Ulimit>,
    /// Private writable memory in bytes (`ulimit -d`).
    pub data: Option<Ulimit>,
    /// The stack of the first thread in bytes (`ulimit -s`).
    pub stack: Option<Ulimit>,
    /// Open files (`ulimit -n`).
    pub open_files: Option<Ulimit>,
    /// Processes and threads of the user (`ulimit -u`).
    pub processes: Option<Ulimit>,
    /// The size of a core file in bytes (`ulimit -c`).
    pub core: Option<Ulimit>,
    /// Memory locked into place in bytes (`ulimit -l`).
    pub locked_memory: Option<Ulimit>,
}

/// What the kernel does with requests for more memory than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OvercommitMode {
    /// 0: refuses single requests that are plainly too large.
    Heuristic,
    /// 1: refuses nothing.
    Always,
    /// 2: refuses what would pass the commit limit.
    Never,
}

/// Whether the kernel promises more memory than it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overcommit {
    /// `vm.overcommit_memory`.
    pub mode: Option<OvercommitMode>,
    /// `vm.overcommit_ratio`: the part of memory, in per cent, that the commit limit counts.
    pub ratio: Option<u64>,
    /// `CommitLimit`, which counts in mode 2 alone.
    pub limit: Option<ByteCount>,
    /// `Committed_AS`: what has been promised.
    pub committed: Option<ByteCount>,
}

/// When the kernel uses huge pages unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transparent {
    /// Wherever it can.
    Always,
    /// Where a program asks for it.
    Madvise,
    /// Not at all.
    Never,
}

/// Large pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HugePages {
    /// When they are used unasked.
    pub transparent: Option<Transparent>,
    /// Memory set aside for those that programs ask for by name, and taken from all others.
    pub reserved: Option<ByteCount>,
    /// The part of it that is not used.
    pub free: Option<ByteCount>,
    /// The size of one.
    pub size: Option<ByteCount>,
}

/// How long processes waited for a thing. Shares of time are in hundredths of a per cent, as the kernel rounds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stall {
    /// Of the last 10 seconds, when at least one process waited.
    pub some_hundredths: u32,
    /// Of the last 10 seconds, when all processes waited.
    pub full_hundredths: Option<u32>,
    /// Microseconds since the start in which at least one process waited.
    pub total_us: u64,
}

/// Stalls of the machine, by what was waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stalls {
    /// For memory.
    pub memory: Option<Stall>,
    /// For a core.
    pub cpu: Option<Stall>,
    /// For a disk.
    pub io: Option<Stall>,
}

/// A folder and the file system it is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Where it is.
    pub path: String,
    /// The kind of file system, such as `ext4`.
    pub kind: Option<String>,
    /// Whether its files are held in memory.
    pub in_memory: bool,
    /// What may still be written.
    pub free: Option<ByteCount>,
    /// The size of the file system.
    pub total: Option<ByteCount>,
}

impl Machine {
    /// Returns the most memory that a process can have here: the least of the host's and the cgroup's.
    pub fn allowed(&self) -> Option<ByteCount> {
        least([self.memory.total, self.group_limit()])
    }

    /// Returns what a new task could have now: the least of what the host could give and the room in the cgroups.
    pub fn available(&self) -> Option<ByteCount> {
        least([self.memory.available, self.groups.memory.as_ref().and_then(|memory| memory.room)])
    }

    /// Returns the cgroup's limit, if it is below the host's memory.
    pub fn group_limit(&self) -> Option<ByteCount> {
        let limit = self.groups.memory.as_ref().and_then(|memory| memory.limit);
        limit.filter(|limit| self.memory.total.is_none_or(|total| *limit < total))
    }

    /// Returns the cores that can be kept busy: those allowed, or fewer by the quota, rounded up.
    pub fn usable_cores(&self) -> Option<u64> {
        let quota = self.groups.quota_millicores.map(|quota| quota.div_ceil(1000).max(1));
        self.cores.allowed.or(self.cores.online).into_iter().chain(quota).min()
    }

    /// Returns the word for it: a container has less than its host.
    pub fn noun(&self) -> &'static str {
        if self.group_limit().is_some() { "container" } else { "machine" }
    }
}

impl Ulimit {
    /// Returns the soft limit, if there is one.
    pub fn soft(self) -> Option<u64> {
        match self.soft {
            Bound::At(value) => Some(value),
            Bound::Unlimited => None,
        }
    }

    /// Returns the hard limit, if there is one.
    pub fn hard(self) -> Option<u64> {
        match self.hard {
            Bound::At(value) => Some(value),
            Bound::Unlimited => None,
        }
    }
}

fn least(values: [Option<ByteCount>; 2]) -> Option<ByteCount> {
    values.into_iter().flatten().min()
}
