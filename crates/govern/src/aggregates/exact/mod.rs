//! Sums of doubles, and of products of two doubles, without rounding.
//!
//! A double is an integer times a power of two, so a sum of doubles is one as well: a fixed-point number as wide as the range
//! of the exponents (Kulisch, "Computer Arithmetic and Validity", 2008; Neal, "Fast exact summation using small and large
//! superaccumulators", 2015, arXiv:1505.05571). The numbers of one column have exponents close to each other, so the sum is
//! kept in a *window* of 128 bits (256 for products) that moves to where the numbers are. One that they do not fit into
//! becomes *wide*: all the bits that a sum of doubles can have. Shewchuk's expansions (`math.fsum`) were considered: they
//! need several dependent additions for each value and cannot be subtracted from cheaply.

mod big;
mod bytes;
mod limbs;
mod round;
mod scaled;
mod sum;
mod term;

#[cfg(test)]
mod tests;

pub use big::Big;
pub use scaled::Scaled;
pub use sum::{Change, Exact, ProductSum, Sum};
