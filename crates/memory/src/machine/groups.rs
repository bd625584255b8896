//! The cgroups around this process: which there are, and what the tightest of them allows.

use super::{
    model::{GroupMemory, GroupVersion, Groups, MayMake},
    mounts::Mount,
    text::number,
};
use crate::ByteCount;
use rustix::fs::{Access, access};
use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// Limits of version 1 that nobody set read as a number near 2^63.
const NO_LIMIT: u64 = 1 << 62;

/// A line of `/proc/self/cgroup`: the group of this process in one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Membership {
    /// None of version 2.
    controllers: Vec<String>,
    path: String,
}

/// The group of this process in the tree of one controller, and where that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    version: GroupVersion,
    /// The highest group that can be seen.
    top: PathBuf,
    /// The group of this process.
    own: PathBuf,
}

/// What tells the cgroups of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    /// The folder that stands for `/`.
    pub root: &'a Path,
    /// The text of `/proc/self/cgroup`.
    pub memberships: &'a str,
    /// What is mounted.
    pub mounts: &'a [Mount],
}

/// Reads the cgroups.
pub(crate) fn groups(sources: Sources<'_>) -> Groups {
    let has = |kind: &str| sources.mounts.iter().any(|mount| mount.kind == kind);
    let versions = [(GroupVersion::V1, "cgroup"), (GroupVersion::V2, "cgroup2")];
    let memory = group(sources, "memory");
    let io = group(sources, "io").or_else(|| group(sources, "blkio"));
    Groups {
        versions: versions.into_iter().filter(|(_, kind)| has(kind)).map(|(version, _)| version).collect(),
        memory: memory.as_ref().map(|group| memory_of(group, sources.root)),
        quota_millicores: group(sources, "cpu").and_then(|group| quota(&group)),
        may_make: MayMake {
            memory: memory.is_some_and(|group| may_make(&group)),
            io: io.is_some_and(|group| may_make(&group)),
        },
    }
}

/// Returns the tightest memory limit on the way up.
pub(crate) fn memory_limit(sources: Sources<'_>) -> Option<ByteCount> {
    let group = group(sources, "memory")?;
    memory_of(&group, sources.root).limit
}

fn memberships(text: &str) -> Vec<Membership> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let controllers = controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        found.push(Membership { controllers, path: path.to_owned() });
    }
    found
}

/// Returns the group that a controller has this process in. On a hybrid host the same controller cannot be in both versions:
/// the one of version 1 goes first, and version 2 counts where it lists the controller.
fn group(sources: Sources<'_>, controller: &str) -> Option<Group> {
    let memberships = memberships(sources.memberships);
    let of_v1 = memberships.iter().find(|member| member.controllers.iter().any(|name| name == controller));
    if let Some(member) = of_v1 {
        let mounts = sources.mounts.iter().filter(|mount| mount.has_controller(controller));
        if let Some((top, own)) = place(mounts, &member.path, sources.root) {
            return Some(Group { version: GroupVersion::V1, top, own });
        }
    }
    let member = memberships.iter().find(|member| member.controllers.is_empty())?;
    let mounts = sources.mounts.iter().filter(|mount| mount.kind == "cgroup2");
    let (top, own) = place(mounts, &member.path, sources.root)?;
    has_word(&own.join("cgroup.controllers"), controller).then_some(Group { version: GroupVersion::V2, top, own })
}

/// Returns where a tree is mounted and where in it the group `path` is. In a container the path may lie outside of what is
/// mounted; then the top of the mount is the container's own group.
fn place<'a>(mounts: impl Iterator<Item = &'a Mount>, path: &str, root: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut best: Option<(usize, PathBuf, PathBuf)> = None;
    for mount in mounts {
        let top = under(root, &mount.point);
        let inside = Path::new(path).strip_prefix(&mount.root).ok();
        let is_plain = |inside: &&Path| inside.components().all(|part| matches!(part, Component::Normal(_)));
        let own = inside.filter(is_plain).map(|inside| top.join(inside)).filter(|own| own.is_dir());
        let rank = if own.is_some() { 1 + mount.root.len() } else { 0 };
        if best.as_ref().is_none_or(|(other, ..)| rank >= *other) {
            best = Some((rank, top.clone(), own.unwrap_or(top)));
        }
    }
    best.map(|(_, top, own)| (top, own))
}

/// Returns a path as seen from the folder that stands for `/`.
pub(crate) fn under(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

impl Group {
    /// Returns this group and those around it, inmost first.
    fn and_ancestors(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|group| group.starts_with(&self.top))
    }
}

/// What one group says of memory.
struct Level<'a> {
    path: &'a Path,
    limit: Option<ByteCount>,
    high: Option<ByteCount>,
    usage: Option<ByteCount>,
    cache: Option<ByteCount>,
    swap: Option<ByteCount>,
}

fn memory_of(group: &Group, root: &Path) -> GroupMemory {
    let levels: Vec<Level<'_>> = group.and_ancestors().map(|path| level(path, group.version)).collect();
    let limited = levels.iter().filter(|level| level.limit.is_some()).min_by_key(|level| level.limit);
    let shown = limited.or(levels.first());
    let path = shown.map_or(group.own.as_path(), |level| level.path);
    GroupMemory {
        version: group.version,
        path: format!("/{}", path.strip_prefix(root).unwrap_or(path).display()),
        limit: limited.and_then(|level| level.limit),
        high: levels.iter().filter_map(|level| level.high).min(),
        usage: shown.and_then(|level| level.usage),
        cache: shown.and_then(|level| level.cache),
        room: levels.iter().filter_map(room).min(),
        swap: levels.iter().filter_map(|level| level.swap).min(),
    }
}

/// What is left below the limit: page cache that was not used lately gives way.
fn room(level: &Level<'_>) -> Option<ByteCount> {
    Some(level.limit? - (level.usage? - level.cache.unwrap_or_default()))
}

fn level(path: &Path, version: GroupVersion) -> Level<'_> {
    let stat = read(&path.join("memory.stat")).unwrap_or_default();
    let bytes = |name: &str| read(&path.join(name)).and_then(|text| limit(&text));
    match version {
        GroupVersion::V2 => Level {
            path,
            limit: bytes("memory.max"),
            high: bytes("memory.high"),
            usage: bytes("memory.current"),
            cache: number(&stat, "inactive_file").map(ByteCount::new),
            swap: bytes("memory.swap.max"),
        },
        GroupVersion::V1 => {
            // The hierarchical limit counts groups around this one that cannot be seen.
            let around = number(&stat, "hierarchical_memory_limit").filter(|limit| *limit < NO_LIMIT);
            let limit = bytes("memory.limit_in_bytes").into_iter().chain(around.map(ByteCount::new)).min();
            let with_swap = bytes("memory.memsw.limit_in_bytes");
            Level {
                path,
                limit,
                high: None,
                usage: bytes("memory.usage_in_bytes"),
                cache: number(&stat, "total_inactive_file").map(ByteCount::new),
                swap: with_swap.zip(limit).map(|(both, memory)| both - memory),
            }
        }
    }
}

fn limit(text: &str) -> Option<ByteCount> {
    text.trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT).map(ByteCount::new)
}

/// Returns the tightest quota on the way up.
fn quota(group: &Group) -> Option<u64> {
    group.and_ancestors().filter_map(|path| quota_of(path, group.version)).min()
}

fn quota_of(path: &Path, version: GroupVersion) -> Option<u64> {
    let (quota, period): (u64, u64) = match version {
        GroupVersion::V2 => {
            let text = read(&path.join("cpu.max"))?;
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse().ok()?, period.parse().ok()?)
        }
        GroupVersion::V1 => {
            let number = |name: &str| read(&path.join(name))?.trim().parse().ok();
            (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
        }
    };
    quota.checked_mul(1000)?.checked_div(period)
}

/// Whether a group may be made below the own one. Of version 2 the controller has to be handed on too.
fn may_make(group: &Group) -> bool {
    let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    match group.version {
        GroupVersion::V1 => writable(&group.own),
        GroupVersion::V2 => writable(&group.own) && writable(&group.own.join("cgroup.subtree_control")),
    }
}

fn has_word(file: &Path, word: &str) -> bool {
    read(file).is_some_and(|text| text.split_ascii_whitespace().any(|found| found == word))
}

fn read(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok()
}
