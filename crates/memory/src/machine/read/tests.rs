//! Machines of several kinds, as trees of the texts that their kernels wrote.

use super::*;
use crate::machine::{Bound, GroupVersion, MayMake, OvercommitMode, Transparent};
use tempfile::TempDir;

const ROOT: &str = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n28 27 0:25 / /tmp rw - tmpfs tmpfs rw\n";
const V2: &str = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
const MEMINFO: &str = "\
MemTotal:       24684084 kB
MemFree:        21444184 kB
MemAvailable:   23379924 kB
SwapTotal:       2097148 kB
SwapFree:        2097148 kB
CommitLimit:    12342040 kB
Committed_AS:     208116 kB
HugePages_Total:       4
HugePages_Free:        1
Hugepagesize:       2048 kB
";

/// A made tree.
struct Tree(TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.write("proc/meminfo", MEMINFO);
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.0.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self) -> Machine {
        Machine::read_from(&Places {
            root: self.0.path().to_path_buf(),
            temp: vec![PathBuf::from("/tmp"), PathBuf::from("/var/tmp"), PathBuf::from("/not/there")],
            shared_memory: PathBuf::from("/dev/shm"),
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn kib(kib: u64) -> Option<ByteCount> {
    Some(ByteCount::new(kib * 1024))
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn bytes(bytes: u64) -> Option<ByteCount> {
    Some(ByteCount::new(bytes))
}

#[test]
fn a_host_without_limits() {
    let mountinfo = format!("{ROOT}{V2}");
    let tree = Tree::new(&[
        ("proc/self/mountinfo", &mountinfo),
        ("proc/self/cgroup", "0::/user.slice/user-0.slice/session-1.scope\n"),
        ("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-3,6-7\n"),
        ("proc/self/limits", "Max address space         unlimited            unlimited            bytes     \n"),
        ("proc/sys/kernel/osrelease", "6.18.44-fc\n"),
        ("proc/sys/vm/overcommit_memory", "2\n"),
        ("proc/sys/vm/overcommit_ratio", "50\n"),
        ("proc/pressure/memory", "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\n"),
        ("sys/devices/system/cpu/online", "0-7\n"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
        ("sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n"),
        ("sys/fs/cgroup/user.slice/user-0.slice/session-1.scope/cgroup.controllers", "memory pids\n"),
        ("sys/fs/cgroup/user.slice/user-0.slice/session-1.scope/cgroup.subtree_control", ""),
        ("sys/fs/cgroup/user.slice/user-0.slice/session-1.scope/memory.max", "max\n"),
        ("tmp/x", ""),
        ("var/tmp/x", ""),
    ]);
    let machine = tree.read();
    assert_eq!(machine.kernel.as_deref(), Some("6.18.44-fc"));
    assert_eq!((machine.memory.total, machine.memory.available), (kib(24_684_084), kib(23_379_924)));
    assert_eq!((machine.memory.swap, machine.memory.swap_free), (kib(2_097_148), kib(2_097_148)));
    assert_eq!(machine.cores, Cores { online: Some(8), allowed: Some(6) });
    assert_eq!((machine.usable_cores(), machine.noun()), (Some(6), "machine"));
    assert_eq!(machine.ulimits.address_space.unwrap().soft, Bound::Unlimited);
    assert_eq!(machine.overcommit.mode, Some(OvercommitMode::Never));
    assert_eq!((machine.overcommit.limit, machine.overcommit.committed), (kib(12_342_040), kib(208_116)));
    assert_eq!(machine.huge_pages.transparent, Some(Transparent::Always));
    assert_eq!((machine.huge_pages.reserved, machine.huge_pages.free), (kib(8192), kib(2048)));
    assert_eq!(machine.stalls.memory.unwrap().some_hundredths, 150);
    assert_eq!((machine.stalls.cpu, &machine.shared_memory), (None, &None));
    let kinds: Vec<_> = machine.temp.iter().map(|folder| (folder.path.as_str(), folder.in_memory)).collect();
    assert_eq!(kinds, [("/tmp", true), ("/var/tmp", false)]);
    assert_eq!(machine.temp[1].kind.as_deref(), Some("ext4"));
    assert!(machine.temp[1].free.is_some() && machine.temp[1].free <= machine.temp[1].total);
    let memory = machine.groups.memory.as_ref().unwrap();
    assert_eq!((memory.limit, memory.path.as_str()), (None, "/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope"));
    assert_eq!(machine.groups.may_make, MayMake { memory: true, io: false });
    assert_eq!((machine.allowed(), machine.available()), (kib(24_684_084), kib(23_379_924)));
}

#[test]
fn version_2_counts_the_tightest_group_on_the_way_up() {
    let mountinfo = format!("{ROOT}{V2}");
    let tree = Tree::new(&[
        ("proc/self/mountinfo", &mountinfo),
        ("proc/self/cgroup", "0::/a/b/c\n"),
        ("sys/fs/cgroup/a/memory.max", "4000000000\n"),
        ("sys/fs/cgroup/a/memory.current", "3900000000\n"),
        ("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 600000000\n"),
        ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
        ("sys/fs/cgroup/a/b/memory.max", "1000000000\n"),
        ("sys/fs/cgroup/a/b/memory.high", "900000000\n"),
        ("sys/fs/cgroup/a/b/memory.current", "100000000\n"),
        ("sys/fs/cgroup/a/b/memory.swap.max", "0\n"),
        ("sys/fs/cgroup/a/b/c/memory.max", "max\n"),
        ("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/a/b/c/cgroup.controllers", "cpu io memory\n"),
    ]);
    let machine = tree.read();
    assert_eq!(machine.groups.versions, [GroupVersion::V2]);
    let memory = machine.groups.memory.as_ref().unwrap();
    assert_eq!((memory.limit, memory.high), (bytes(1_000_000_000), bytes(900_000_000)));
    assert_eq!((memory.usage, memory.path.as_str()), (bytes(100_000_000), "/sys/fs/cgroup/a/b"));
    assert_eq!(memory.swap, bytes(0));
    // The outer group has the larger limit, but others have filled it: its page cache counts as room.
    assert_eq!(memory.room, bytes(700_000_000));
    assert_eq!((machine.groups.quota_millicores, machine.usable_cores()), (Some(1500), Some(2)));
    assert_eq!((machine.allowed(), machine.noun()), (bytes(1_000_000_000), "container"));
    assert_eq!(machine.available(), bytes(700_000_000));
    assert!(!machine.groups.may_make.memory, "nothing could be handed on");
}

#[test]
fn version_1_in_a_container_that_sees_only_its_own_group() {
    let mountinfo = format!(
        "{ROOT}\
         35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
         36 31 0:33 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
    );
    let tree = Tree::new(&[
        ("proc/self/mountinfo", &mountinfo),
        ("proc/self/cgroup", "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "50\n"),
        ("sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit 512\ntotal_inactive_file 20\n"),
        ("sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", "1024\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
    ]);
    let machine = tree.read();
    assert_eq!(machine.groups.versions, [GroupVersion::V1]);
    let memory = machine.groups.memory.unwrap();
    assert_eq!((memory.version, memory.limit, memory.room), (GroupVersion::V1, bytes(512), bytes(482)));
    assert_eq!((memory.swap, memory.high), (bytes(512), None));
    assert_eq!(machine.groups.quota_millicores, Some(500));
}

#[test]
fn a_hybrid_host_has_memory_in_version_1() {
    let mountinfo = format!(
        "{ROOT}\
         35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    );
    let tree = Tree::new(&[
        ("proc/self/mountinfo", &mountinfo),
        ("proc/self/cgroup", "9:name=systemd:/\n4:memory:/c/d\n1:cpu:/\n0::/\n"),
        ("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/fs/cgroup/memory/c/d/memory.limit_in_bytes", "500\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n"),
    ]);
    let groups = tree.read().groups;
    assert_eq!(groups.versions, [GroupVersion::V1, GroupVersion::V2]);
    assert_eq!(groups.memory.unwrap().limit, bytes(500));
    assert_eq!(groups.quota_millicores, None);
    assert_eq!(groups.may_make, MayMake { memory: true, io: false });
}

#[test]
fn a_group_outside_of_what_is_mounted_is_the_top_of_the_mount() {
    for path in ["/not/mounted/here", "/../../other", "/.."] {
        let tree = Tree::new(&[
            ("proc/self/mountinfo", V2),
            ("proc/self/cgroup", &format!("0::{path}\n")),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("sys/fs/cgroup/memory.max", "700\n"),
        ]);
        assert_eq!(tree.read().groups.memory.unwrap().limit, bytes(700), "{path}");
    }
}

#[test]
fn what_a_kernel_lacks_is_none() {
    let tree = Tree::new(&[("proc/meminfo", ""), ("proc/self/cgroup", "what\n:\n1:memory\n")]);
    let machine = tree.read();
    assert!(machine.page.is_some());
    assert_eq!(machine, Machine { page: machine.page, ..Machine::default() });
    assert_eq!((machine.allowed(), machine.available(), machine.usable_cores()), (None, None, None));
}

#[test]
fn this_machine_is_read() {
    let machine = Machine::read();
    assert!(machine.kernel.is_some() && machine.memory.total > machine.memory.available);
    assert!(machine.ulimits.open_files.is_some() && machine.usable_cores() >= Some(1));
    assert_eq!(machine.allowed(), crate::cgroup::available_memory());
    assert!(!machine.temp.is_empty());
}
