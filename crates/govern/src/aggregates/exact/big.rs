//! Whole numbers of any size: what statistics are computed with before they are rounded.

use super::{
    limbs,
    round::{Leading, UNIT},
    scaled::Scaled,
    sum::Exact,
};
use std::{cmp::Ordering, iter::repeat};

/// The number `(-1)^negative * limbs * 2^exponent`, lowest word first.
#[derive(Clone, Debug)]
pub struct Big {
    negative: bool,
    limbs: Vec<u64>,
    exponent: i64,
}

impl Big {
    /// Returns the product.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        let mut limbs = vec![0; self.limbs.len() + other.limbs.len()];
        for (shift, one) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            let places = limbs.iter_mut().skip(shift);
            for (place, other) in places.zip(other.limbs.iter().chain(&[0])) {
                (*place, carry) = one.carrying_mul_add(*other, *place, carry);
            }
        }
        Self { negative: self.negative != other.negative, limbs, exponent: self.exponent + other.exponent }.trimmed()
    }

    /// Returns the difference.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let exponent = match (self.is_zero(), other.is_zero()) {
            (_, true) => return self.clone(),
            (true, false) => return Self { negative: !other.negative, ..other.clone() },
            (false, false) => self.exponent.min(other.exponent),
        };
        let (one, two) = (self.shifted_to(exponent), other.shifted_to(exponent));
        let difference = if self.negative == other.negative {
            match compare(&one, &two) {
                Ordering::Less => Self { negative: !self.negative, limbs: subtract(&two, &one), exponent },
                _ => Self { negative: self.negative, limbs: subtract(&one, &two), exponent },
            }
        } else {
            Self { negative: self.negative, limbs: add(&one, &two), exponent }
        };
        difference.trimmed()
    }

    /// Returns whether the number is zero.
    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Returns the number rounded once, to 53 bits.
    pub fn scaled(&self) -> Scaled {
        Leading::of(self.negative, self.limbs.iter().copied(), self.exponent).map_or(Scaled::ZERO, Scaled::from)
    }

    fn shifted_to(&self, exponent: i64) -> Vec<u64> {
        let by = usize::try_from(self.exponent - exponent).unwrap_or(0);
        let bits = u32::try_from(by % 64).unwrap_or(0);
        let mut shifted = vec![0; by / 64];
        let mut carry = 0;
        for limb in &self.limbs {
            shifted.push(limb << bits | carry);
            carry = limb.unbounded_shr(64 - bits);
        }
        shifted.push(carry);
        shifted
    }

    fn trimmed(mut self) -> Self {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
        self
    }
}

impl From<u64> for Big {
    fn from(number: u64) -> Self {
        Self { negative: false, limbs: vec![number], exponent: 0 }.trimmed()
    }
}

/// The finite part of a sum.
impl<const N: usize> From<&Exact<N>> for Big {
    fn from(sum: &Exact<N>) -> Self {
        let (limbs, base) = sum.parts();
        let unit = if N == 2 { UNIT } else { 2 * UNIT };
        Self {
            negative: limbs::is_negative(limbs),
            limbs: limbs::magnitude(limbs.iter().copied()).collect(),
            exponent: unit + i64::from(base),
        }
        .trimmed()
    }
}

/// Compares numbers lowest word first, of any lengths.
fn compare(one: &[u64], two: &[u64]) -> Ordering {
    let length = one.len().max(two.len());
    let padded = |limbs: &[u64]| limbs.iter().copied().chain(repeat(0)).take(length).collect::<Vec<_>>();
    padded(one).iter().rev().cmp(padded(two).iter().rev())
}

fn add(one: &[u64], two: &[u64]) -> Vec<u64> {
    let length = one.len().max(two.len());
    let two = two.iter().copied().chain(repeat(0));
    let mut carry = false;
    let mut sum: Vec<_> = one
        .iter()
        .copied()
        .chain(repeat(0))
        .zip(two)
        .take(length)
        .map(|(one, two)| {
            let (limb, next) = one.carrying_add(two, carry);
            carry = next;
            limb
        })
        .collect();
    sum.push(carry.into());
    sum
}

/// Subtracts the smaller number from the larger.
fn subtract(larger: &[u64], smaller: &[u64]) -> Vec<u64> {
    let smaller = smaller.iter().copied().chain(repeat(0));
    let mut borrow = false;
    let difference = larger.iter().zip(smaller).map(|(one, two)| {
        let (limb, next) = one.borrowing_sub(two, borrow);
        borrow = next;
        limb
    });
    difference.collect()
}
