//! Skewed choices and distributions, written down as tables.

use super::random::Random;

/// One common value and some rare ones.
#[derive(Debug)]
pub struct Choice<T: 'static> {
    /// Taken when none of the others is.
    pub common: T,
    /// How many of 1000 draws take which other value.
    pub rare: &'static [(u32, T)],
}

impl<T: Copy> Choice<T> {
    /// Returns one of the values.
    pub fn pick(&self, random: &mut Random) -> T {
        let mut place = random.below(1000);
        for &(share, value) in self.rare {
            if place < share {
                return value;
            }
            place -= share;
        }
        self.common
    }
}

/// A distribution by its quantiles: straight lines between known points.
#[derive(Debug)]
pub struct Curve {
    /// The smallest value.
    pub least: u64,
    /// How many of a million draws are below which value, in rising order. The last of them is a million.
    pub points: &'static [(u32, u64)],
}

impl Curve {
    /// Returns a value.
    pub fn draw(&self, random: &mut Random) -> u64 {
        let place = random.below(1_000_000);
        let (mut from, mut low) = (0, self.least);
        for &(until, high) in self.points {
            if place < until {
                return low + (high - low) * u64::from(place - from) / u64::from(until - from);
            }
            (from, low) = (until, high);
        }
        low
    }
}
