//! When a worker that is kept gives memory back between two units. A pure function decides; the runner acts.
//!
//! Giving back costs time, as does keeping too much: measured in pandas under 1 GB, keeping everything dies after 11 s, and
//! giving back after every request halves the requests per second. So `auto` gives back only what the next unit needs.

use crate::ByteCount;
use std::{fmt, str::FromStr};

/// A baseline that grew by this much in percent has drifted.
const DRIFT: u64 = 5;

/// How memory is given back between units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReleasePolicy {
    /// When the next unit would not fit, or when the baseline drifted.
    #[default]
    Auto,
    /// After every unit.
    Always,
    /// Not at all.
    Never,
}

/// What the decision is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseReading {
    /// The limit of the worker.
    pub limit: ByteCount,
    /// Resident memory of the worker now.
    pub used: ByteCount,
    /// Resident memory of the worker before its first unit.
    pub baseline: ByteCount,
    /// What the worker holds when all that can be given back is given back, as far as that is known.
    pub floor: Option<ByteCount>,
    /// The bound of the next unit's forecast; `None` if there is no next unit or no forecast.
    pub next: Option<ByteCount>,
}

/// What to do with a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Leave it as it is.
    Keep,
    /// Tell it to give its free memory back.
    Release,
    /// End it, and start a new one when one is needed.
    Recycle,
}

impl ReleasePolicy {
    /// The names, as task files write them.
    pub const NAMES: [&str; 3] = ["auto", "always", "never"];

    /// Returns its name, as task files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// Returns what to do with a worker between two units.
    pub fn decide(self, reading: &ReleaseReading) -> Release {
        let drifted = reading.floor.is_some_and(|floor| floor > reading.baseline.percent(100 + DRIFT));
        let crowded = reading.next.is_some_and(|next| reading.limit - reading.used < next);
        match self {
            Self::Never => Release::Keep,
            _ if drifted => Release::Recycle,
            Self::Always => Release::Release,
            Self::Auto if crowded => Release::Release,
            Self::Auto => Release::Keep,
        }
    }
}

impl fmt::Display for ReleasePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ReleasePolicy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes in MB under a limit of 100 MB and a baseline of 20 MB.
    fn decide(policy: ReleasePolicy, used: u64, floor: Option<u64>, next: Option<u64>) -> Release {
        let mb = |mb: u64| ByteCount::new(mb * 1_000_000);
        policy.decide(&ReleaseReading {
            limit: mb(100),
            used: mb(used),
            baseline: mb(20),
            floor: floor.map(mb),
            next: next.map(mb),
        })
    }

    #[test]
    fn auto_gives_back_when_the_next_unit_would_not_fit() {
        let auto = |used, next| decide(ReleasePolicy::Auto, used, None, next);
        assert_eq!(auto(60, Some(40)), Release::Keep);
        assert_eq!(auto(60, Some(41)), Release::Release);
        assert_eq!(auto(120, Some(1)), Release::Release);
        assert_eq!(auto(120, None), Release::Keep);
    }

    #[test]
    fn a_drifted_baseline_ends_the_worker() {
        assert_eq!(decide(ReleasePolicy::Auto, 60, Some(21), None), Release::Keep);
        assert_eq!(decide(ReleasePolicy::Auto, 60, Some(22), None), Release::Recycle);
        assert_eq!(decide(ReleasePolicy::Always, 60, Some(22), None), Release::Recycle);
        assert_eq!(decide(ReleasePolicy::Never, 60, Some(22), Some(100)), Release::Keep);
    }

    #[test]
    fn always_and_never_look_at_no_forecast() {
        assert_eq!(decide(ReleasePolicy::Always, 30, None, None), Release::Release);
        assert_eq!(decide(ReleasePolicy::Never, 99, None, Some(90)), Release::Keep);
        for name in ReleasePolicy::NAMES {
            assert_eq!(name.parse().map(ReleasePolicy::name), Ok(name));
        }
    }
}
