//! Two's complement numbers of many words, lowest word first.

use super::term::Term;
use std::iter::repeat;

/// Adds a term to a number whose lowest bit is worth `2^base`. Returns false, and leaves the number as it was, if the term
/// or the sum does not fit.
#[inline]
pub fn add(limbs: &mut [u64], base: u32, term: Term) -> bool {
    if term.magnitude == 0 {
        return true;
    }
    // A term below the base becomes a shift that is too large.
    let shift = term.position.wrapping_sub(base);
    let bits = u128::BITS - term.magnitude.leading_zeros();
    let total = u64::BITS * u32::try_from(limbs.len()).unwrap_or(0);
    if shift >= total || shift + bits >= total {
        return false;
    }
    if let [low, high] = limbs {
        let shifted = (term.magnitude << shift).cast_signed();
        let shifted = if term.negative { -shifted } else { shifted };
        let (sum, overflow) = join(*low, *high).cast_signed().overflowing_add(shifted);
        if !overflow {
            (*low, *high) = halves(sum.cast_unsigned());
        }
        return !overflow;
    }
    if let [a, b, c, d] = limbs {
        let (low, high) = (join(*a, *b), join(*c, *d));
        let (term_low, term_high) = match shift.checked_sub(u128::BITS) {
            None => (term.magnitude << shift, term.magnitude.unbounded_shr(u128::BITS - shift)),
            Some(beyond) => (0, term.magnitude << beyond),
        };
        let (low, high, was) = if term.negative {
            let (low, borrow) = low.borrowing_sub(term_low, false);
            (low, high.borrowing_sub(term_high, borrow).0, high)
        } else {
            let (low, carry) = low.carrying_add(term_low, false);
            (low, high.carrying_add(term_high, carry).0, high)
        };
        let (was_negative, negative) = (was.cast_signed() < 0, high.cast_signed() < 0);
        let overflow = was_negative == term.negative && negative != was_negative;
        if !overflow {
            ((*a, *b), (*c, *d)) = (halves(low), halves(high));
        }
        return !overflow;
    }
    let was_negative = is_negative(limbs);
    add_shifted(limbs, term.negative, term.magnitude, shift);
    if was_negative == term.negative && is_negative(limbs) != was_negative {
        add_shifted(limbs, !term.negative, term.magnitude, shift);
        return false;
    }
    true
}

fn add_shifted(limbs: &mut [u64], negative: bool, magnitude: u128, shift: u32) {
    let (skip, bits) = (shift / u64::BITS, shift % u64::BITS);
    let (low, middle) = halves(magnitude << bits);
    let high = if bits == 0 { 0 } else { halves(magnitude >> (u128::BITS - bits)).0 };
    let parts = [low, middle, high].into_iter().map(Some).chain(repeat(None));
    let mut carry = false;
    for (limb, part) in limbs.iter_mut().skip(skip.try_into().unwrap_or(usize::MAX)).zip(parts) {
        if part.is_none() && !carry {
            return;
        }
        let part = part.unwrap_or(0);
        (*limb, carry) = if negative { limb.borrowing_sub(part, carry) } else { limb.carrying_add(part, carry) };
    }
}

/// Returns the words of a number's magnitude as terms, lowest first.
pub fn terms(words: impl DoubleEndedIterator<Item = u64> + Clone, base: u32) -> impl Iterator<Item = Term> + Clone {
    let negative = words.clone().next_back().is_some_and(|word| word >> 63 == 1);
    let positions = (base..).step_by(64);
    positions.zip(magnitude(words)).map(move |(position, word)| Term { negative, magnitude: word.into(), position })
}

/// Returns the words of a number without its sign, lowest first.
pub fn magnitude(words: impl DoubleEndedIterator<Item = u64> + Clone) -> impl Iterator<Item = u64> + Clone {
    let negative = words.clone().next_back().is_some_and(|word| word >> 63 == 1);
    let mut carry = negative;
    words.map(move |word| {
        if negative {
            let (word, overflow) = (!word).overflowing_add(carry.into());
            carry = overflow;
            word
        } else {
            word
        }
    })
}

/// Returns the words without those at the high end that only repeat the sign.
pub fn trimmed(limbs: &[u64]) -> &[u64] {
    let mut kept = limbs;
    while let [rest @ .., last] = kept {
        let sign = if is_negative(rest) { u64::MAX } else { 0 };
        if *last != sign {
            break;
        }
        kept = rest;
    }
    kept
}

pub fn is_negative(limbs: &[u64]) -> bool {
    limbs.last().is_some_and(|limb| limb >> 63 == 1)
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
pub fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> 64) as u64)
}

pub fn join(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}
