//! An exact sum as bytes, for the way between the stages of an aggregate and through spill files.
//!
//! Nothing is the sum of nothing. Eight bytes are one double. Everything else is the base, three counts if the highest bit of
//! the base is set, and the words of the number; so its length is never eight.

use super::{limbs, sum::Exact, term::Term};

/// Set in the base if counts of what is not finite follow.
const SPECIAL: u32 = 1 << 31;

impl<const N: usize> Exact<N> {
    /// Appends the sum.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        if matches!(self, Self::Empty) {
            return;
        }
        let (limbs, base) = self.parts();
        if let Self::Special(special) = self {
            bytes.extend((base | SPECIAL).to_le_bytes());
            for count in [special.nan, special.plus, special.minus] {
                bytes.extend(count.to_le_bytes());
            }
        } else {
            bytes.extend(base.to_le_bytes());
        }
        for limb in limbs::trimmed(limbs) {
            bytes.extend(limb.to_le_bytes());
        }
    }

    /// Adds a sum that was written by [`Exact::write`]. Returns the bytes that this one grew by on the heap, or `None` for
    /// bytes that are no sum.
    pub fn merge(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes.try_into() {
            Ok(double) => Some(self.add_double(f64::from_le_bytes(double))),
            Err(_) if bytes.is_empty() => Some(0),
            Err(_) => self.merge_written(bytes),
        }
    }

    fn merge_written(&mut self, bytes: &[u8]) -> Option<usize> {
        let (head, rest) = bytes.split_first_chunk()?;
        let head = u32::from_le_bytes(*head);
        let base = head & !SPECIAL;
        let (mut words, rest) = rest.as_chunks();
        let mut grown = 0;
        if head & SPECIAL != 0 {
            let ([nan, plus, minus], others) = words.split_first_chunk()?;
            words = others;
            grown += self.with_special(|special| {
                special.nan = special.nan.saturating_add(u64::from_le_bytes(*nan));
                special.plus = special.plus.saturating_add(u64::from_le_bytes(*plus));
                special.minus = special.minus.saturating_add(u64::from_le_bytes(*minus));
            });
        }
        if !rest.is_empty() || words.len() > Self::WIDE_LIMBS || base > Self::WIDE_BITS {
            return None;
        }
        if words.len() <= 2 {
            return Some(grown + self.add_term(whole(words, base).filter(|term| term.top() <= Self::WIDE_BITS)?));
        }
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        for term in limbs::terms(words, base).filter(|term| term.magnitude != 0) {
            if term.top() > Self::WIDE_BITS {
                return None;
            }
            grown += self.add_term(term);
        }
        // The sum of some zeros is not the sum of nothing.
        Some(grown + self.add_term(Term::ZERO))
    }
}

/// Returns a number of at most two words as one term: what most sums of doubles are.
fn whole(words: &[[u8; 8]], base: u32) -> Option<Term> {
    let number = match words {
        [] => 0,
        [low] => i128::from(i64::from_le_bytes(*low)),
        [low, high] => limbs::join(u64::from_le_bytes(*low), u64::from_le_bytes(*high)).cast_signed(),
        _ => return None,
    };
    Some(Term { negative: number < 0, magnitude: number.unsigned_abs(), position: base })
}
