//! The program's own pages. They count in `VmHWM`, and a query engine has more than a hundred MB of them.
//!
//! Code and constants are clean copies of the file: the kernel may drop them at any time and reads them back from its page
//! cache when they are touched. Dropping them by `madvise` keeps a program of 55 resident MB under 20 at no cost that could
//! be measured. Only two mappings are safe to drop: the executable one, and the read-only one at the start of the file.
//! A later read-only mapping holds relocated pointers (RELRO): its pages are modified and dropping them crashes.
#![expect(unsafe_code, reason = "C calls about this program's pages")]

use std::{fs, io, ops::Range, sync::OnceLock};

static MAPPINGS: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Drops the resident pages of code and constants; they return as they are touched.
pub fn drop_pages() {
    for range in MAPPINGS.get_or_init(|| mappings().unwrap_or_default()) {
        // SAFETY: the range is a private, file-backed, never modified mapping of this program, so that a dropped page is
        // read back with the same content.
        unsafe { libc::madvise(range.start as *mut libc::c_void, range.len(), libc::MADV_DONTNEED) };
    }
}

/// Returns the size of a page, in bytes.
pub fn page_size() -> u64 {
    // SAFETY: sysconf reads a constant.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn mappings() -> io::Result<Vec<Range<usize>>> {
    let program = fs::read_link("/proc/self/exe")?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    Ok(program.to_str().map(|program| droppable(&maps, program)).unwrap_or_default())
}

/// Picks the mappings out of `/proc/self/maps` that may be dropped.
fn droppable(maps: &str, program: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(permissions), Some(offset)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let file = line.get(line.find('/').unwrap_or(line.len())..).unwrap_or_default();
        let safe = permissions == "r-xp" || (permissions == "r--p" && offset.bytes().all(|byte| byte == b'0'));
        if file == program && safe {
            ranges.extend(address_range(range));
        }
    }
    ranges
}

fn address_range(text: &str) -> Option<Range<usize>> {
    let (from, to) = text.split_once('-')?;
    Some(usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relocated_and_writable_pages_are_left_alone() {
        let maps = "\
1000-2000 r--p 00000000 fe:00 1    /bin/tide gate
2000-5000 r-xp 00001000 fe:00 1    /bin/tide gate
5000-6000 r--p 00004000 fe:00 1    /bin/tide gate
6000-7000 rw-p 00005000 fe:00 1    /bin/tide gate
7000-8000 r-xp 00000000 fe:00 2    /lib/libc.so.6
8000-9000 rw-p 00000000 00:00 0    [heap]
";
        assert_eq!(droppable(maps, "/bin/tide gate"), [0x1000..0x2000, 0x2000..0x5000]);
    }

    #[test]
    fn the_program_goes_on_after_its_pages_were_dropped() {
        assert!(!mappings().unwrap().is_empty());
        drop_pages();
        assert_eq!((1..=10).product::<u64>(), 3_628_800);
    }
}
