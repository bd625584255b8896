//! The exact sum itself.

use super::{
    limbs::{self, terms},
    round::Leading,
    term::Term,
};
use std::{cmp::Ordering, iter::once};

/// Spare bits at the top of a window at least, for the sums to come.
const HEADROOM: u32 = 4;

/// Spare bits at the top of a new window where there is room for them.
const GOOD_HEADROOM: u32 = 24;

/// The exact sum of doubles (`N` of 2) or of products of two doubles (`N` of 4).
///
/// Not-a-number and infinities are counted apart, so that they too can be taken away again.
#[derive(Clone, Debug, Default)]
pub enum Exact<const N: usize> {
    /// The sum of nothing.
    #[default]
    Empty,
    /// `N` words, of which the lowest bit is worth `2^base`.
    Window {
        /// The number in two's complement, lowest word first.
        limbs: [u64; N],
        /// The exponent of the lowest bit, counted from the smallest double or its square.
        base: u32,
    },
    /// All the bits that a sum can have, from the lowest.
    Wide(Box<[u64]>),
    /// A sum of which not all values were finite.
    Special(Box<Special<N>>),
}

/// The exact sum of doubles.
pub type Sum = Exact<2>;

/// The exact sum of products of two doubles.
pub type ProductSum = Exact<4>;

/// A sum with values that are no numbers.
#[derive(Clone, Debug, Default)]
pub struct Special<const N: usize> {
    pub(super) nan: u64,
    pub(super) plus: u64,
    pub(super) minus: u64,
    pub(super) finite: Exact<N>,
}

/// Whether a row comes or, out of a window frame, goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row counts from now on.
    Enter,
    /// The row counts no more.
    Leave,
}

impl Change {
    /// Returns the count after one row came or went.
    pub fn count(self, count: u64) -> u64 {
        match self {
            Self::Enter => count.saturating_add(1),
            Self::Leave => count.saturating_sub(1),
        }
    }

    fn applied(self, term: Term) -> Term {
        Term { negative: term.negative != (self == Self::Leave), ..term }
    }
}

impl Exact<2> {
    /// Adds a double or takes it away. Returns the bytes that the sum grew by on the heap.
    #[inline]
    pub fn change(&mut self, value: f64, change: Change) -> usize {
        match Term::of(value) {
            Some(term) => self.add_term(change.applied(term)),
            None => self.change_special(value, change),
        }
    }
}

impl Exact<4> {
    /// Adds a product of two doubles or takes it away. What is not finite is left out: the sums of the factors have it.
    /// Returns the bytes that the sum grew by on the heap.
    #[inline]
    pub fn change(&mut self, one: f64, other: f64, change: Change) -> usize {
        Term::product(one, other).map_or(0, |term| self.add_term(change.applied(term)))
    }
}

impl<const N: usize> Exact<N> {
    /// The bits that any sum fits into: the range of exponents (2046, twice for products), the bits of a value (53 or 106), and
    /// 64 for the number of values.
    pub(super) const WIDE_BITS: u32 = if N == 2 { 34 * 64 } else { 67 * 64 };
    pub(super) const WIDE_LIMBS: usize = if N == 2 { 34 } else { 67 };

    pub(super) fn add_double(&mut self, value: f64) -> usize {
        match Term::of(value) {
            Some(term) => self.add_term(term),
            None => self.change_special(value, Change::Enter),
        }
    }

    #[inline]
    pub(super) fn add_term(&mut self, term: Term) -> usize {
        if let Self::Window { limbs, base } = self
            && limbs::add(limbs, *base, term)
        {
            return 0;
        }
        self.add_slowly(term)
    }

    /// Adds the finite part of another sum. Returns the bytes that this one grew by on the heap.
    pub fn merge_sum(&mut self, other: &Self) -> usize {
        let (limbs, base) = other.parts();
        terms(limbs.iter().copied(), base).map(|term| self.add_term(term)).sum()
    }

    fn add_slowly(&mut self, term: Term) -> usize {
        match self {
            Self::Empty | Self::Window { .. } => {
                let (limbs, base) = self.parts();
                match window_for(limbs, base, term) {
                    Some(window) => *self = window,
                    None => return self.widen(term),
                }
            }
            // It holds any sum of 2^64 values.
            Self::Wide(limbs) => _ = limbs::add(limbs, 0, term),
            Self::Special(special) => return special.finite.add_term(term),
        }
        0
    }

    /// Turns a window into all the bits that a sum can have, and adds a term.
    fn widen(&mut self, term: Term) -> usize {
        let mut wide = vec![0; Self::WIDE_LIMBS].into_boxed_slice();
        if let Self::Window { limbs, base } = self {
            for term in terms(limbs.iter().copied(), *base) {
                limbs::add(&mut wide, 0, term);
            }
        }
        limbs::add(&mut wide, 0, term);
        *self = Self::Wide(wide);
        size_of::<u64>() * Self::WIDE_LIMBS
    }

    fn change_special(&mut self, value: f64, change: Change) -> usize {
        self.with_special(|special| {
            let count = match value.partial_cmp(&0.0) {
                Some(Ordering::Greater) => &mut special.plus,
                Some(_) => &mut special.minus,
                None => &mut special.nan,
            };
            *count = change.count(*count);
        })
    }

    /// Changes the part that counts what is not finite, made if there was none. Returns the bytes that this took.
    pub(super) fn with_special(&mut self, change: impl FnOnce(&mut Special<N>)) -> usize {
        let (mut special, grown) = match std::mem::take(self) {
            Self::Special(special) => (special, 0),
            finite => (Box::new(Special { finite, ..Special::default() }), size_of::<Special<N>>()),
        };
        change(&mut special);
        *self = Self::Special(special);
        grown
    }

    /// Returns not-a-number or an infinity if that is the sum, as IEEE 754 adds them.
    pub fn not_finite(&self) -> Option<f64> {
        let Self::Special(special) = self else { return None };
        match (special.nan, special.plus, special.minus) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(f64::INFINITY),
            (0, 0, _) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    /// Returns the words of the finite part and the exponent of the lowest bit.
    pub(super) fn parts(&self) -> (&[u64], u32) {
        match self {
            Self::Empty => (&[], 0),
            Self::Window { limbs, base } => (limbs, *base),
            Self::Wide(limbs) => (limbs, 0),
            Self::Special(special) => special.finite.parts(),
        }
    }

    /// Returns the bytes that the sum holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Empty | Self::Window { .. } => 0,
            Self::Wide(limbs) => size_of_val(&**limbs),
            Self::Special(special) => size_of::<Special<N>>() + special.finite.heap_bytes(),
        }
    }
}

impl Exact<2> {
    /// Returns the sum, rounded once to the nearest double, ties to even. The sum of nothing, and any zero, is `+0.0`.
    pub fn to_f64(&self) -> f64 {
        self.not_finite().unwrap_or_else(|| self.leading().map_or(0.0, Leading::to_f64))
    }

    /// Returns the sum divided by a count, rounded once. It is finite even where the sum is beyond the largest double.
    pub fn mean(&self, count: u64) -> f64 {
        self.not_finite().unwrap_or_else(|| self.leading().map_or(0.0, |sum| sum.divided(count).to_f64()))
    }

    fn leading(&self) -> Option<Leading> {
        let (limbs, base) = self.parts();
        Leading::of(limbs::is_negative(limbs), limbs::magnitude(limbs.iter().copied()), i64::from(base))
    }
}

/// Returns a window that holds a number and a term, if there is one.
fn window_for<const N: usize>(limbs: &[u64], base: u32, term: Term) -> Option<Exact<N>> {
    let old = terms(limbs.iter().copied(), base).filter(|term| term.magnitude != 0);
    let wish = if old.clone().next().is_some() { base.min(term.position) } else { term.position };
    let all = old.chain(once(term).filter(|term| term.magnitude != 0));
    let (bottom, top) = (all.clone().map(|term| term.bottom()).min(), all.clone().map(|term| term.top()).max());
    let mut limbs = [0; N];
    let (Some(bottom), Some(top)) = (bottom, top) else {
        return Some(Exact::Window { limbs, base: 0 });
    };
    let base = base_for::<N>(bottom, top, wish)?;
    let fits = all.map(|term| lifted(term, base)).all(|term| limbs::add(&mut limbs, base, term));
    fits.then_some(Exact::Window { limbs, base })
}

/// Returns the base of a window for the bits from `bottom` to below `top`. The wish is where full values begin: below it are
/// spare bits for smaller values, and above the top there are spare bits for the sum to grow.
fn base_for<const N: usize>(bottom: u32, top: u32, wish: u32) -> Option<u32> {
    let (bits, spare) = if N == 2 { (128, 16) } else { (256, 32) };
    if top - bottom + HEADROOM >= bits {
        return None;
    }
    let lowest = (top + GOOD_HEADROOM).saturating_sub(bits - 1).min(bottom);
    Some(wish.min(bottom).saturating_sub(spare).max(lowest))
}

/// Returns a term that begins below the base, with zeros there, as one that begins at the base.
fn lifted(term: Term, base: u32) -> Term {
    let by = base.saturating_sub(term.position);
    Term { magnitude: term.magnitude.checked_shr(by).unwrap_or(0), position: term.position + by, ..term }
}
