//! When requests arrive: the seconds of one day, more of them by day than by night.

use super::random::mix;

const SECONDS_PER_DAY: u32 = 86_400;
const SECONDS_PER_HOUR: u32 = 3600;

/// How busy the site is at each full hour, in per cent of the busiest.
const BUSY: [u64; 24] =
    [30, 22, 17, 14, 13, 16, 25, 42, 63, 80, 92, 98, 100, 97, 94, 92, 90, 91, 96, 100, 97, 82, 60, 42];

/// Spreads a number of records over the day.
///
/// Record `i` of `n` belongs to the second in which `i / n` of the day's traffic has passed. That needs no random
/// number for a record, keeps the order and always ends with the day.
#[derive(Debug)]
pub struct Clock {
    seed: u64,
    lines: u64,
    /// The second that is being filled.
    second: u32,
    /// Traffic until the end of that second, in the unit of [`Clock::traffic`].
    passed: u64,
    /// Traffic of the whole day.
    total: u64,
    /// The first record that belongs to a later second.
    due: u64,
}

impl Clock {
    /// Returns a clock for this number of records.
    pub fn new(seed: u64, lines: u64) -> Self {
        let mut clock = Self { seed, lines, second: 0, passed: 0, total: 0, due: 0 };
        clock.total = (0..SECONDS_PER_DAY).map(|second| clock.traffic(second)).sum();
        clock.fill();
        clock
    }

    /// Returns the second of the day in which record `index` arrives. Indexes must not fall from call to call.
    pub fn second(&mut self, index: u64) -> u32 {
        while index >= self.due && self.second + 1 < SECONDS_PER_DAY {
            self.second += 1;
            self.fill();
        }
        self.second
    }

    fn fill(&mut self) {
        self.passed += self.traffic(self.second);
        let due = u128::from(self.lines) * u128::from(self.passed) / u128::from(self.total.max(1));
        self.due = u64::try_from(due).unwrap_or(u64::MAX);
    }

    /// Returns how much arrives in one second: a straight line between the hours, and up to a quarter more or less of
    /// it, since real traffic is never smooth.
    fn traffic(&self, second: u32) -> u64 {
        let busy = |hour: u32| BUSY.get((hour % 24) as usize).copied().unwrap_or_default();
        let hour = second / SECONDS_PER_HOUR;
        let after = u64::from(second % SECONDS_PER_HOUR);
        let before = u64::from(SECONDS_PER_HOUR) - after;
        let smooth = busy(hour) * before + busy(hour + 1) * after;
        smooth * (75 + mix(self.seed ^ u64::from(second)) % 51)
    }
}
