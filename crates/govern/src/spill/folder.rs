//! Where spilled state should not go.

use rustix::fs::statfs;
use std::path::Path;

/// File systems that hold their files in memory, by the numbers of `statfs(2)`: tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Returns whether a folder's files are held in memory, where spilling to it frees none. False if that cannot be found out.
pub fn is_in_memory(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|about| u64::try_from(about.f_type).is_ok_and(|kind| IN_MEMORY.contains(&kind)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_mounted_in_memory_is_known() {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mut memory = 0;
        for mount in mounts.lines() {
            let fields: Vec<&str> = mount.split(' ').collect();
            let [_, folder, kind, ..] = fields[..] else { panic!("{mount}") };
            let covered = mounts.lines().filter(|other| other.split(' ').nth(1) == Some(folder)).count() > 1;
            if covered || statfs(folder).is_err() {
                continue;
            }
            if ["tmpfs", "ramfs"].contains(&kind) {
                assert!(is_in_memory(Path::new(folder)), "{mount}");
                memory += 1;
            } else if ["ext4", "xfs", "btrfs", "overlay", "proc"].contains(&kind) {
                assert!(!is_in_memory(Path::new(folder)), "{mount}");
            }
        }
        assert!(memory > 0 || !mounts.contains("tmpfs"), "{mounts}");
        assert!(!is_in_memory(Path::new("/no/such/folder")));
    }
}
