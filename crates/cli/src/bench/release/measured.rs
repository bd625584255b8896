//! What was measured of one way to answer requests: a row of the table.

use serde_json::{Value, json};
use std::time::Duration;
use tidegate_engine::EngineError;
use tidegate_memory::ByteCount;

/// One way to answer requests. Several are measured in turns, because the speed of a machine moves while it is measured.
pub(super) trait Contender {
    /// Answers requests for a time.
    ///
    /// # Errors
    /// If what answers them cannot be started or spoken to.
    fn turn(&mut self, time: Duration) -> Result<(), EngineError>;

    /// Returns whether it has ended, so that it needs no further turn.
    fn over(&self) -> bool;

    /// Ends it, and returns what all of its turns showed.
    ///
    /// # Errors
    /// If it does not end.
    fn end(self: Box<Self>) -> Result<Measured, EngineError>;
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Workers of this program.
    Tidegate,
    /// Threads of one Python.
    Pandas,
}

/// How the load ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It went on until its time was over, within the limit.
    Survived,
    /// It went on until its time was over, but showed the kernel more than the limit.
    Crossed,
    /// It was killed at the limit, after this time.
    Killed(Duration),
    /// A request failed, after this time, with this message.
    Failed(Duration, String),
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Who answered.
    pub(super) by: By,
    /// How memory was given back.
    pub(super) mode: &'static str,
    /// The times that requests took, the shortest first.
    pub(super) times: Vec<Duration>,
    /// Its turns, each from the first request to the last answer.
    pub(super) elapsed: Duration,
    /// The most that all processes showed the kernel together.
    pub(super) peak: ByteCount,
    /// The most that one task had been granted and used.
    pub(super) largest: Option<ByteCount>,
    /// How often a worker gave memory back.
    pub(super) released: Option<u64>,
    /// How often a worker was replaced.
    pub(super) replaced: Option<u64>,
    /// How often requests waited for room, though a worker was free or could be started.
    pub(super) waited: Option<u64>,
    /// How it ended.
    pub(super) fate: Fate,
}

impl By {
    /// Returns the name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::Pandas => "pandas",
        }
    }
}

impl Fate {
    /// Returns it in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Survived => "survived".to_owned(),
            Self::Crossed => "above the limit".to_owned(),
            Self::Killed(after) => format!("killed at the limit after {:.1} s", after.as_secs_f64()),
            Self::Failed(after, message) => format!("failed after {:.1} s: {message}", after.as_secs_f64()),
        }
    }
}

impl Measured {
    /// Returns whether it could have gone on.
    pub(super) fn survived(&self) -> bool {
        self.fate == Fate::Survived
    }

    /// Returns the requests that were answered in a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub(super) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// Returns the time below which so many percent of the requests were answered: the smallest that is enough.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.times.len() * percent).div_ceil(100).max(1);
        self.times.get(rank - 1).copied().unwrap_or_default()
    }

    /// Returns it for programs.
    pub(super) fn to_json(&self) -> Value {
        let ms = |percent| self.percentile(percent).as_secs_f64() * 1e3;
        json!({
            "by": self.by.name(),
            "mode": self.mode,
            "requests": self.times.len(),
            "seconds": self.elapsed.as_secs_f64(),
            "requests_per_second": self.rate(),
            "p50_ms": ms(50),
            "p95_ms": ms(95),
            "peak": self.peak,
            "largest_task": self.largest,
            "released": self.released,
            "replaced": self.replaced,
            "waited": self.waited,
            "survived": self.survived(),
            "ended": self.fate.words(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a row of requests that took 1, 2, 3 .. ms, so many in a second.
    pub(in super::super) fn measured(by: By, mode: &'static str, count: u64, fate: Fate) -> Measured {
        Measured {
            by,
            mode,
            times: (1..=count).map(Duration::from_millis).collect(),
            elapsed: Duration::from_secs(1),
            peak: ByteCount::mib(1),
            largest: None,
            released: None,
            replaced: None,
            waited: None,
            fate,
        }
    }

    #[test]
    fn a_percentile_is_the_smallest_time_that_is_enough() {
        let check = |count, percent, ms| {
            let row = measured(By::Pandas, "keep", count, Fate::Survived);
            assert_eq!(row.percentile(percent), Duration::from_millis(ms), "{percent} % of {count}");
        };
        check(0, 50, 0);
        check(1, 50, 1);
        check(2, 50, 1);
        check(3, 50, 2);
        check(100, 95, 95);
        check(101, 95, 96);
        check(10, 100, 10);
    }
}
