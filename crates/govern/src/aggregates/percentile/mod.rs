//! Approximate percentiles whose state is a function of the set of values alone.
//!
//! A *bucket* is a range of doubles that agree in sign, exponent and the first eight bits of the fraction: 256 buckets for each
//! power of two. A sketch counts how many values each bucket has, as `DDSketch` does (Masson, Rim and Lee, "`DDSketch`: a fast
//! and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019), with the buckets of its linear
//! interpolation, which need no logarithm. It keeps the value nearest to zero of each bucket too, and the least and the
//! greatest of all. Counts, least and greatest are free of order, and so is every answer.
//!
//! *The answer* for a fraction `p` of `n` values is `percentile_cont`: the value at the rank `p * (n - 1)`, between two ranks
//! on the line between their values. Up to 64 values it is exact. Above, each value but the least and the greatest stands at
//! the value of its bucket that is nearest to zero: nearer to zero than itself by less than 1/256 of it (0.39 %), and never
//! farther. What has nine significant bits or fewer, such as a whole number up to 512, stands at itself; numbers below
//! `2^-1022` in magnitude are off by at most `2^-1030`. A percentile with weights is the first value at which the sum of the
//! weights reaches `p` of the whole, within the same bound.
//!
//! NULL is left out. Not-a-number is greater than every number, as in `ORDER BY`. A weight must be finite and not negative.
//!
//! *Memory:* 8 bytes for each value up to 64, then 12 for each bucket that is in use: at most about a million in theory, 256
//! for each doubling between the smallest and the largest value in practice.

mod arguments;
mod buckets;
mod sketch;
mod states;
mod weighted;

pub use arguments::{Percentile, asked, literal, state_fields};
pub use sketch::Sketch;
pub use states::{Sketches, answers_as, doubles};
pub use weighted::WeightedSketches;

#[cfg(test)]
mod tests;
