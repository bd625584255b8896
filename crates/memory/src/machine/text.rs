//! The texts of `/proc` and `/sys`, taken apart by pure functions.

use super::model::{Bound, OvercommitMode, Stall, Transparent, Ulimit};
use crate::ByteCount;

/// Reads a line of `/proc/meminfo` or `/proc/self/status` that ends in kB.
pub(crate) fn kib(text: &str, start: &str) -> Option<ByteCount> {
    let kib: u64 = after(text, start)?.strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024).map(ByteCount::new)
}

/// Returns what follows `start` on the line that begins with it.
pub(crate) fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(start)).map(str::trim)
}

/// Reads a line of a file of names and numbers, such as `memory.stat`.
pub(crate) fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

/// Reads a line of `/proc/self/limits`, such as `Max open files`.
pub(crate) fn ulimit(limits: &str, name: &str) -> Option<Ulimit> {
    let mut words = after(limits, name)?.split_ascii_whitespace();
    let (soft, hard) = (bound(words.next()?)?, bound(words.next()?)?);
    Some(Ulimit { soft, hard })
}

fn bound(word: &str) -> Option<Bound> {
    match word {
        "unlimited" => Some(Bound::Unlimited),
        _ => word.parse().ok().map(Bound::At),
    }
}

/// Reads a file of pressure stall information. Kernels before 5.13 tell no `full` of the processor.
pub(crate) fn stall(pressure: &str) -> Option<Stall> {
    let some = after(pressure, "some ")?;
    Some(Stall {
        some_hundredths: average(some)?,
        full_hundredths: after(pressure, "full ").and_then(average),
        total_us: some.split("total=").nth(1)?.trim().parse().ok()?,
    })
}

fn average(line: &str) -> Option<u32> {
    let text = line.strip_prefix("avg10=")?.split_ascii_whitespace().next()?;
    let (whole, part) = text.split_once('.')?;
    let hundredths = part.len() == 2;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part.parse().ok().filter(|_| hundredths)?)
}

/// Reads a choice of which the one in force stands in brackets.
pub(crate) fn transparent(enabled: &str) -> Option<Transparent> {
    let (_, rest) = enabled.split_once('[')?;
    match rest.split_once(']')?.0 {
        "always" => Some(Transparent::Always),
        "madvise" => Some(Transparent::Madvise),
        "never" => Some(Transparent::Never),
        _ => None,
    }
}

/// Reads `vm.overcommit_memory`.
pub(crate) fn overcommit(text: &str) -> Option<OvercommitMode> {
    match text.trim() {
        "0" => Some(OvercommitMode::Heuristic),
        "1" => Some(OvercommitMode::Always),
        "2" => Some(OvercommitMode::Never),
        _ => None,
    }
}

/// Counts a list such as `0-3,8,10-11`.
pub(crate) fn list_length(list: &str) -> Option<u64> {
    let mut count = 0_u64;
    for part in list.trim().split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
        count = count.checked_add(to.checked_sub(from)?)?.checked_add(1)?;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max processes             96365                96365                processes 
Max open files            1024                 524288               files     
";

    #[test]
    fn limits_are_read_by_name() {
        let limit = |soft, hard| Some(Ulimit { soft, hard });
        assert_eq!(ulimit(LIMITS, "Max data size"), limit(Bound::Unlimited, Bound::Unlimited));
        assert_eq!(ulimit(LIMITS, "Max stack size"), limit(Bound::At(8 << 20), Bound::Unlimited));
        assert_eq!(ulimit(LIMITS, "Max open files"), limit(Bound::At(1024), Bound::At(524_288)));
        assert_eq!(ulimit(LIMITS, "Max locked memory"), None);
        assert_eq!(ulimit("Max open files   many\n", "Max open files"), None);
    }

    #[test]
    fn stalls_of_old_and_new_kernels() {
        let new = "some avg10=42.76 avg60=13.71 avg300=7.89 total=48397863\n\
                   full avg10=0.05 avg60=0.00 avg300=0.00 total=17\n";
        let expected = Stall { some_hundredths: 4276, full_hundredths: Some(5), total_us: 48_397_863 };
        assert_eq!(stall(new), Some(expected));
        let without_full = "some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n";
        assert_eq!(stall(without_full), Some(Stall { total_us: 9, ..Stall::default() }));
        for bad in ["", "some avg10=x total=1", "some avg10=1.5 total=1", "full avg10=1.00 total=1"] {
            assert_eq!(stall(bad), None, "{bad}");
        }
    }

    #[test]
    fn small_texts() {
        assert_eq!(kib("MemFree: 1 kB\nMemTotal:   2048 kB\n", "MemTotal:"), Some(ByteCount::mib(2)));
        assert_eq!(kib("MemTotal: 18446744073709551615 kB\n", "MemTotal:"), None);
        assert_eq!(number("anon 5\ninactive_file 7\n", "inactive_file"), Some(7));
        assert_eq!(number("inactive_file_x 7\n", "inactive_file"), None);
        assert_eq!(transparent("always [madvise] never\n"), Some(Transparent::Madvise));
        assert_eq!(transparent("always madvise never\n"), None);
        assert_eq!(overcommit("2\n"), Some(OvercommitMode::Never));
        assert_eq!(overcommit("3\n"), None);
        assert_eq!(list_length("0-3,8,10-11\n"), Some(7));
        assert_eq!(list_length("0\n"), Some(1));
        for bad in ["", "3-1", "a", "0-18446744073709551615"] {
            assert_eq!(list_length(bad), None, "{bad}");
        }
    }
}
