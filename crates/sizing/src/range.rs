//! A number that is known within bounds.

use std::fmt;

/// An expected number and what it lies between in 95 of 100 cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The least it may be.
    pub low: u64,
    /// What it is most likely.
    pub expected: u64,
    /// The most it may be.
    pub high: u64,
}

impl Range {
    /// Returns a number that is known.
    pub fn exact(value: u64) -> Self {
        Self { low: value, expected: value, high: value }
    }

    /// Returns whether it is known.
    pub fn is_exact(self) -> bool {
        self.low == self.high
    }

    /// Returns the range times a factor, plus a part that does not vary with it.
    pub(crate) fn scaled(self, factor: f64, fixed: u64) -> Self {
        let scale = |value| times(value, factor).saturating_add(fixed);
        Self { low: scale(self.low), expected: scale(self.expected), high: scale(self.high) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exact() {
            return write!(f, "{}", self.expected);
        }
        write!(f, "about {} ({} to {})", self.expected, self.low, self.high)
    }
}

/// Returns a number times a factor, rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an estimate; the cast saturates and the factor is not negative"
)]
pub(crate) fn times(value: u64, factor: f64) -> u64 {
    (value as f64 * factor).round() as u64
}

/// Returns the quotient of two numbers; of nothing, zero.
#[expect(clippy::cast_precision_loss, reason = "a mean, shown with a few digits")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
