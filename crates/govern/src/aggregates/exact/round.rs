//! From an exact number to the nearest double.

use super::limbs::join;

/// The exponent of the unit of sums of doubles.
pub const UNIT: i64 = -1074;

/// The leading 128 bits of a number: `(-1)^negative * (magnitude + a part below 1) * 2^exponent`. The highest bit of the
/// magnitude is set.
#[derive(Clone, Copy, Debug)]
pub struct Leading {
    negative: bool,
    magnitude: u128,
    /// Whether there is something below the magnitude's lowest bit.
    more: bool,
    exponent: i64,
}

impl Leading {
    /// Takes the leading bits of a number given by the words of its magnitude, lowest first; `None` for zero.
    pub fn of(negative: bool, limbs: impl Iterator<Item = u64> + Clone, base: i64) -> Option<Self> {
        let (last, _) = limbs.clone().enumerate().filter(|(_, limb)| *limb != 0).last()?;
        let (mut low, mut middle, mut high) = (0_u64, 0, 0_u64);
        let mut more = false;
        for limb in limbs.take(last + 1) {
            more |= low != 0;
            (low, middle, high) = (middle, high, limb);
        }
        let zeros = high.leading_zeros();
        let below = low.unbounded_shr(u64::BITS - zeros);
        Some(Self {
            negative,
            magnitude: join(middle, high) << zeros | u128::from(below),
            more: more || low << zeros != 0,
            exponent: base + 64 * (i64::try_from(last).unwrap_or(0) - 1) - i64::from(zeros),
        })
    }

    /// Divides by a count. Sixty-four bits of the quotient are left at least: enough to round it correctly.
    pub fn divided(self, count: u64) -> Self {
        let count = u128::from(count.max(1));
        let (quotient, rest) = (self.magnitude / count, self.magnitude % count);
        let zeros = quotient.leading_zeros();
        Self {
            magnitude: quotient << zeros,
            more: self.more || rest != 0,
            exponent: self.exponent - i64::from(zeros),
            ..self
        }
    }

    /// Rounds a number in units of the smallest double to the nearest double, ties to even.
    pub fn to_f64(self) -> f64 {
        let top = self.exponent + 127;
        if top < 52 {
            return self.signed(self.subnormal());
        }
        let (mantissa, _) = self.normalized();
        self.signed(mantissa * power_of_two(top + UNIT))
    }

    /// Returns the number as a mantissa from 1 to 2, rounded to 53 bits, and an exponent.
    pub fn split(self) -> (f64, i64) {
        let (mantissa, exponent) = self.normalized();
        (self.signed(mantissa), exponent)
    }

    #[expect(clippy::cast_precision_loss, reason = "this is the rounding, to nearest and ties to even")]
    fn normalized(self) -> (f64, i64) {
        let rounded = (self.magnitude | u128::from(self.more)) as f64;
        (rounded * f64::from_bits((1023 - 127) << 52), self.exponent + 127)
    }

    /// Rounds to whole units by hand: the bits of a double below the normal ones are the number of units.
    fn subnormal(self) -> f64 {
        let drop = u32::try_from(-self.exponent).unwrap_or(0);
        let kept = self.magnitude.unbounded_shr(drop);
        let rest = self.magnitude.unbounded_shl(u128::BITS.saturating_sub(drop));
        // Beyond 128 bits nothing reaches half a unit.
        let up = drop <= u128::BITS && rest >> 127 == 1 && (rest << 1 != 0 || self.more || kept & 1 == 1);
        f64::from_bits(u64::try_from(kept).unwrap_or(0) + u64::from(up))
    }

    fn signed(self, value: f64) -> f64 {
        if self.negative { -value } else { value }
    }
}

/// Returns `2^exponent`, infinite above the doubles; below the normal ones it is rounded to zero by its users.
pub fn power_of_two(exponent: i64) -> f64 {
    match exponent {
        1024.. => f64::INFINITY,
        -1022..=1023 => f64::from_bits(u64::try_from(exponent + 1023).unwrap_or(0) << 52),
        -1074..=-1023 => f64::from_bits(1 << u64::try_from(exponent - UNIT).unwrap_or(0)),
        _ => 0.0,
    }
}
