//! Doubles with exponents that neither overflow nor underflow, for the last few operations of a statistic.

use super::round::{Leading, power_of_two};

/// The number `mantissa * 2^exponent`.
#[derive(Clone, Copy, Debug)]
pub struct Scaled {
    mantissa: f64,
    exponent: i64,
}

impl Scaled {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0.0, exponent: 0 };

    /// Returns the product, rounded.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self { mantissa: self.mantissa * other.mantissa, exponent: self.exponent + other.exponent }
    }

    /// Returns the quotient, rounded.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        Self { mantissa: self.mantissa / other.mantissa, exponent: self.exponent - other.exponent }
    }

    /// Returns the square root, rounded.
    #[must_use]
    pub fn sqrt(self) -> Self {
        let odd = self.exponent.rem_euclid(2);
        let mantissa = if odd == 1 { 2.0 * self.mantissa } else { self.mantissa };
        Self { mantissa: mantissa.sqrt(), exponent: (self.exponent - odd) / 2 }
    }

    /// Returns the nearest double.
    pub fn to_f64(self) -> f64 {
        // In two steps, of which the first is exact, because one factor alone may be beyond the doubles.
        let exponent = self.exponent.clamp(-2140, 2040);
        let half = exponent / 2;
        self.mantissa * power_of_two(half) * power_of_two(exponent - half)
    }
}

impl From<Leading> for Scaled {
    fn from(leading: Leading) -> Self {
        let (mantissa, exponent) = leading.split();
        Self { mantissa, exponent }
    }
}
