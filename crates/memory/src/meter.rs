//! The meter: what the kernel says this process holds.

use crate::{ByteCount, allocator::program_pages::page_size};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
};

/// Resident memory of this process by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// Heap, stacks and modified private pages.
    pub anonymous: ByteCount,
    /// Pages of files, nearly all of them the program's own, and shared memory.
    pub file: ByteCount,
}

impl Resident {
    /// Returns what counts against the limit: all of it.
    pub fn total(self) -> ByteCount {
        self.anonymous + self.file
    }
}

/// Reads resident memory from `/proc/self/statm`, which costs about 4 microseconds; `/proc/self/status`, which knows no
/// more that is needed here, costs ten times that.
#[derive(Debug)]
pub struct Meter {
    statm: File,
    page: u64,
}

impl Meter {
    /// Opens the meter of this process.
    ///
    /// # Errors
    /// If `/proc` is not mounted.
    pub fn open() -> io::Result<Self> {
        Ok(Self { statm: File::open("/proc/self/statm")?, page: page_size() })
    }

    /// Opens the meter of another process.
    ///
    /// # Errors
    /// If there is no such process, or it may not be looked at.
    pub fn of(process: u32) -> io::Result<Self> {
        Ok(Self { statm: File::open(format!("/proc/{process}/statm"))?, page: page_size() })
    }

    /// Reads what is resident now. Never allocates.
    ///
    /// # Errors
    /// If the kernel's line cannot be read, which is not expected to happen.
    pub fn read(&self) -> io::Result<Resident> {
        let mut line = [0; 128];
        let length = self.statm.read_at(&mut line, 0)?;
        let text = line.get(..length).and_then(|line| std::str::from_utf8(line).ok());
        text.and_then(|text| resident(text, self.page)).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }
}

/// The second and third number of `/proc/self/statm` are resident pages in all, and those of files and shared memory.
fn resident(statm: &str, page: u64) -> Option<Resident> {
    let mut pages = statm.split_ascii_whitespace().skip(1).map_while(|word| word.parse::<u64>().ok());
    let (total, file) = (pages.next()?, pages.next()?);
    Some(Resident { anonymous: ByteCount::new(total.saturating_sub(file) * page), file: ByteCount::new(file * page) })
}

/// Returns the kernel's own peak of this process, `VmHWM`: what `/usr/bin/time -v` shows.
pub fn peak_resident() -> Option<ByteCount> {
    peak_in("/proc/self/status")
}

/// Returns the kernel's own peak of another process, unless that has ended.
pub fn peak_resident_of(process: u32) -> Option<ByteCount> {
    peak_in(&format!("/proc/{process}/status"))
}

fn peak_in(status: &str) -> Option<ByteCount> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount::new(kib * 1024))
}

/// Makes the kernel count its peak anew from what is resident now.
///
/// # Errors
/// Where `/proc/self/clear_refs` may not be written; then the peak goes on from before.
pub fn reset_peak() -> io::Result<()> {
    fs::write("/proc/self/clear_refs", "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statm_is_read_by_its_second_and_third_number() {
        let resident = resident("765 440 412 5 0 123 0\n", 4096).unwrap();
        assert_eq!(resident.anonymous, ByteCount::new(28 * 4096));
        assert_eq!(resident.file, ByteCount::new(412 * 4096));
        assert_eq!(super::resident("765 x", 4096), None);
    }

    #[test]
    fn the_meter_sees_memory_that_is_touched() {
        let meter = Meter::open().unwrap();
        let before = meter.read().unwrap().anonymous;
        let held = std::hint::black_box(vec![1_u8; 32 << 20]);
        assert!(meter.read().unwrap().anonymous >= before + ByteCount::mib(30));
        assert!(peak_resident().unwrap() >= ByteCount::mib(30));
        let own = std::process::id();
        assert!(Meter::of(own).unwrap().read().unwrap().anonymous >= ByteCount::mib(30));
        assert!(peak_resident_of(own).unwrap() >= ByteCount::mib(30));
        drop(held);
    }
}
