//! A number of bytes, read and written the way people write sizes.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Sub},
    str::FromStr,
};

/// A number of bytes.
///
/// ```
/// use tidegate_memory::ByteCount;
/// let size: ByteCount = "256MB".parse()?;
/// assert_eq!(size.bytes(), 256_000_000);
/// assert_eq!("1GiB".parse::<ByteCount>()?.to_string(), "1.07 GB");
/// # Ok::<(), tidegate_memory::ParseByteCountError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteCount(u64);

/// A size could not be understood. The message names the accepted syntax.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size; write it as 512MB, 2GiB or a number of bytes")]
pub struct ParseByteCountError(String);

const UNITS: [(&str, u64); 9] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("b", 1),
];

impl ByteCount {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// Returns this many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Returns this many units of 1,048,576 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the number of bytes as a size in memory, which on every supported platform is as wide.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Returns the given share of these bytes in percent, rounded down.
    #[must_use]
    pub const fn percent(self, percent: u64) -> Self {
        Self((self.0 / 100) * percent + (self.0 % 100) * percent / 100)
    }

    /// Returns the difference, or zero if `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns the size as a limit is shown: in binary units besides, where it is whole only in those, so that whoever typed
    /// `64MiB` finds it again.
    pub fn as_limit(self) -> String {
        if self.0 == 0 || !self.0.is_multiple_of(1 << 20) || self.0.is_multiple_of(1_000_000) {
            return self.to_string();
        }
        let mib = self.0 >> 20;
        if mib.is_multiple_of(1 << 10) { format!("{self} ({} GiB)", mib >> 10) } else { format!("{self} ({mib} MiB)") }
    }

    /// Returns this as a share of `whole` in percent; zero of zero is zero.
    #[expect(clippy::cast_precision_loss, reason = "a share is shown with one decimal")]
    pub fn percent_of(self, whole: Self) -> f64 {
        if whole.0 == 0 { 0.0 } else { self.0 as f64 * 100.0 / whole.0 as f64 }
    }
}

impl From<usize> for ByteCount {
    fn from(bytes: usize) -> Self {
        Self(bytes as u64)
    }
}

impl fmt::Display for ByteCount {
    /// Three significant digits in decimal units, which are the ones that people type.
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        let mut unit = "B";
        for next in ["kB", "MB", "GB", "TB"] {
            if value < 999.5 {
                break;
            }
            value /= 1000.0;
            unit = next;
        }
        let decimals = match () {
            () if unit == "B" || value >= 99.95 => 0,
            () if value >= 9.995 => 1,
            () => 2,
        };
        f.pad(&format!("{value:.decimals$} {unit}"))
    }
}

impl FromStr for ByteCount {
    type Err = ParseByteCountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseByteCountError(text.to_owned());
        let lower = text.trim().to_ascii_lowercase();
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| lower.strip_suffix(unit).map(|number| (number.trim_end(), *factor)))
            .unwrap_or((&lower, 1));
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(error);
        }
        let well_formed = number.contains('.') && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let value = number.parse::<f64>().ok().filter(|_| well_formed).ok_or_else(error)?;
        scaled(value, factor).map(Self).ok_or_else(error)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "checked to lie within 0 and 2^63 before the cast"
)]
fn scaled(value: f64, factor: u64) -> Option<u64> {
    let bytes = value * factor as f64;
    (bytes >= 0.0 && bytes < i64::MAX as f64).then_some(bytes as u64)
}

impl Add for ByteCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for ByteCount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for ByteCount {
    type Output = Self;

    /// Saturates: a negative number of bytes has no meaning.
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl Sum for ByteCount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let check = |text: &str, bytes: u64| assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        check("512MB", 512_000_000);
        check("64MiB", 67_108_864);
        check("2 gib", 2 << 30);
        check("1.5GB", 1_500_000_000);
        check("1000", 1000);
        check("0", 0);
        for bad in ["", "MB", "-1MB", "1e9", "12 monkeys", "5%", "99999999999TB", "nan", "inf", "1.2.3MB"] {
            assert!(bad.parse::<ByteCount>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_shown_with_three_digits() {
        let check = |bytes: u64, text: &str| assert_eq!(ByteCount(bytes).to_string(), text);
        check(0, "0 B");
        check(999, "999 B");
        check(1_000, "1.00 kB");
        check(67_108_864, "67.1 MB");
        check(999_999_999, "1.00 GB");
        check(123_456_789_012, "123 GB");
        let check = |bytes: u64, text: &str| assert_eq!(ByteCount(bytes).as_limit(), text);
        check(67_108_864, "67.1 MB (64 MiB)");
        check(2 << 30, "2.15 GB (2 GiB)");
        check(256_000_000, "256 MB");
        check(100, "100 B");
    }
}
