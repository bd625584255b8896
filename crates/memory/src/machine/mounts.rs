//! What is mounted where, from `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The folder of the file system that is mounted.
    pub root: String,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The kind of file system.
    pub kind: String,
    /// Options of the file system; the controllers of a cgroup of version 1 are among them.
    pub options: String,
}

impl Mount {
    /// Returns whether this is the tree of a controller of version 1.
    pub(crate) fn has_controller(&self, name: &str) -> bool {
        self.kind == "cgroup" && self.options.split(',').any(|option| option == name)
    }

    /// Returns whether files are held in memory.
    pub(crate) fn in_memory(&self) -> bool {
        matches!(self.kind.as_str(), "tmpfs" | "ramfs")
    }
}

/// Reads the mounts, those on top of others last.
pub(crate) fn mounts(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(mount).collect()
}

/// `36 35 98:0 /root /point rw,noatime shared:1 - ext3 /dev/root rw`, with any number of words before the dash.
fn mount(line: &str) -> Option<Mount> {
    let (place, system) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (unescaped(place.next()?), unescaped(place.next()?));
    let mut system = system.split(' ');
    let kind = system.next()?.to_owned();
    let options = system.nth(1).unwrap_or_default().to_owned();
    Some(Mount { root, point: PathBuf::from(point), kind, options })
}

/// Returns the mount that holds a path: the last one of those that reach deepest.
pub(crate) fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let around = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    around.max_by_key(|mount| mount.point.components().count())
}

/// Spaces, tabs, line ends and backslashes are written as `\040` and its kin.
fn unescaped(text: &str) -> String {
    let mut plain = text.to_owned();
    for (code, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        plain = plain.replace(code, character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
25 24 0:23 / /tmp rw,relatime shared:5 master:1 - tmpfs tmpfs rw,size=24684084k
35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
40 31 0:33 / /mnt/with\\040space rw - xfs /dev/vdb rw
broken line
";

    #[test]
    fn mounts_are_read() {
        let mounts = mounts(MOUNTS);
        assert_eq!(mounts.len(), 4);
        assert_eq!(mounts[2].root, "/docker/abc");
        assert!(mounts[2].has_controller("memory") && !mounts[2].has_controller("mem"));
        assert_eq!(mounts[3].point, Path::new("/mnt/with space"));
    }

    #[test]
    fn a_path_is_on_the_deepest_mount_around_it() {
        let mounts = mounts(MOUNTS);
        let kind = |path: &str| holding(&mounts, Path::new(path)).map(|mount| mount.kind.as_str());
        assert_eq!(kind("/tmp/x"), Some("tmpfs"));
        assert_eq!(kind("/tmpx"), Some("ext4"));
        assert!(holding(&mounts, Path::new("/tmp")).unwrap().in_memory());
        assert_eq!(holding(&[], Path::new("/")), None);
    }
}
