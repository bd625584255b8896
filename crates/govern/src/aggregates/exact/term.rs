//! A double, or the product of two, as an integer times a power of two.

/// Bits of a double's fraction.
const FRACTION_BITS: u32 = 52;

/// The number `(-1)^negative * magnitude * 2^position`, in units of the smallest double, or of its square for products.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    pub negative: bool,
    pub magnitude: u128,
    pub position: u32,
}

impl Term {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, magnitude: 0, position: 0 };

    /// Returns a finite double as a term.
    #[inline]
    pub fn of(value: f64) -> Option<Self> {
        let bits = value.to_bits();
        let exponent = u32::try_from((bits >> FRACTION_BITS) & 0x7ff).unwrap_or_default();
        if exponent == 0x7ff {
            return None;
        }
        let implied = u64::from(exponent != 0) << FRACTION_BITS;
        let magnitude = u128::from(bits & ((1 << FRACTION_BITS) - 1) | implied);
        // Subnormal numbers and the smallest normal ones have the same unit.
        Some(Self { negative: value.is_sign_negative(), magnitude, position: exponent.saturating_sub(1) })
    }

    /// Returns the product of two finite doubles, which has at most 106 bits.
    #[inline]
    pub fn product(one: f64, other: f64) -> Option<Self> {
        let (one, other) = (Self::of(one)?, Self::of(other)?);
        Some(Self {
            negative: one.negative != other.negative,
            magnitude: one.magnitude * other.magnitude,
            position: one.position + other.position,
        })
    }

    /// Returns the position above the highest bit that is set.
    pub fn top(&self) -> u32 {
        self.position + u128::BITS - self.magnitude.leading_zeros()
    }

    /// Returns the position of the lowest bit that is set.
    pub fn bottom(&self) -> u32 {
        self.position + self.magnitude.trailing_zeros()
    }
}
