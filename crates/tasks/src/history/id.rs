//! Ids of runs: short, and in the order of the runs.
//!
//! An id is a number in nine characters of base 32, without letters that look like digits. The number is the time in
//! milliseconds, or one more than that of the run before, whichever is greater. So a clock that goes back breaks neither the
//! order nor uniqueness, and ids of a history that was set aside do not come again.

use std::{fmt, str::FromStr};

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Enough for the next thousand years.
const LENGTH: u32 = 9;

/// The id of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// Returns the id of a number.
    pub(crate) fn of(number: u64) -> Self {
        let digit = |place: u32| usize::try_from((number >> (5 * place)) & 31).ok().and_then(|digit| DIGITS.get(digit));
        Self((0..LENGTH).rev().filter_map(digit).map(|digit| char::from(*digit)).collect())
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RunId {
    type Err = ();

    /// Reads an id, or the beginning of one.
    fn from_str(text: &str) -> Result<Self, ()> {
        let lower = text.trim().to_ascii_lowercase();
        let is_id = !lower.is_empty() && lower.bytes().all(|byte| DIGITS.contains(&byte));
        if is_id { Ok(Self(lower)) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_in_order() {
        let numbers = [0, 31, 32, 1_790_000_000_000, 1_790_000_000_001, (1 << 45) - 1];
        let ids: Vec<_> = numbers.into_iter().map(RunId::of).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(ids[2].as_str(), "000000010");
        assert!(ids.iter().all(|id| id.as_str().parse() == Ok(id.clone())));
        assert!("last".parse::<RunId>().is_err() && "".parse::<RunId>().is_err() && "%".parse::<RunId>().is_err());
    }
}
