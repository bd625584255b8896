//! The limit: what the user sets, counted by the kernel.

use crate::{ByteCount, MINIMUM_LIMIT, ParseByteCountError, cgroup};
use std::{fmt, str::FromStr};

/// The most memory a task or a process may ever show the kernel.
///
/// ```
/// use tidegate_memory::{ByteCount, Limit};
/// assert_eq!("512MB".parse(), Ok(Limit::Bytes(ByteCount::new(512_000_000))));
/// assert_eq!("none".parse(), Ok(Limit::Unlimited));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nothing is held back.
    Unlimited,
    /// This many bytes.
    Bytes(ByteCount),
}

/// A limit could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseLimitError {
    /// It is neither a size nor a share.
    #[error(transparent)]
    Size(#[from] ParseByteCountError),
    /// A share lies outside 1 to 100 per cent.
    #[error("`{0}` is no share; write it as 75%, from 1% to 100% of what the machine or the cgroup allows")]
    Share(String),
    /// A share was asked for, but how much memory there is could not be read.
    #[error("how much memory the machine has could not be read; write the limit as a size, such as 512MB")]
    Unknown,
}

impl Limit {
    /// Returns the bytes of the limit, if there is one.
    pub fn bytes(self) -> Option<ByteCount> {
        match self {
            Self::Unlimited => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.pad("no limit"),
            Self::Bytes(bytes) => f.pad(&bytes.as_limit()),
        }
    }
}

impl FromStr for Limit {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::Unlimited);
        }
        let Some(share) = text.trim().strip_suffix('%') else { return Ok(Self::Bytes(text.parse()?)) };
        let percent = share.trim().parse().ok().filter(|percent| (1..=100).contains(percent));
        let percent = percent.ok_or_else(|| ParseLimitError::Share(text.to_owned()))?;
        let all = cgroup::available_memory().ok_or(ParseLimitError::Unknown)?;
        Ok(Self::Bytes(share_of(all, percent)))
    }
}

/// Returns a share of what there is, but no less than a task needs at least if there is so much.
fn share_of(all: ByteCount, percent: u64) -> ByteCount {
    all.percent(percent).max(MINIMUM_LIMIT.min(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_the_machine_allows() {
        let all = cgroup::available_memory().unwrap();
        assert_eq!("50%".parse(), Ok(Limit::Bytes(share_of(all, 50))));
        assert!(matches!("0%".parse::<Limit>(), Err(ParseLimitError::Share(_))));
        assert!(matches!("101%".parse::<Limit>(), Err(ParseLimitError::Share(_))));
        assert!(matches!("much".parse::<Limit>(), Err(ParseLimitError::Size(_))));
    }

    #[test]
    fn a_share_of_a_small_machine_is_what_a_task_needs() {
        let check = |all: u64, share: u64| assert_eq!(share_of(ByteCount::mib(all), 75), ByteCount::mib(share));
        check(1024, 768);
        check(80, 64);
        check(64, 64);
        check(40, 40);
    }
}
