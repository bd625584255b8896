//! A made-up web access log to try things on: one day of a shop's traffic, in three formats.
//!
//! *Model.* A seed and a number of lines define the records; the format only decides how they are written, so answers
//! from two formats can be compared. Popularity (of addresses, paths, agents) is skewed as on real sites, traffic
//! follows the hours of a day, and one line in 10,000 is broken in a way that its format cannot read: the number of
//! rows is [`Written::lines`] less [`Written::broken`].
//!
//! *Determinism.* Everything is whole-number arithmetic on one seeded generator, so a seed makes the same bytes on
//! every machine. Memory does not grow with the number of lines: addresses are computed from their rank, not stored.

mod choice;
mod clock;
mod fault;
mod generate;
mod model;
mod random;
mod render;
mod site;
mod text;
mod visitors;

#[cfg(test)]
mod tests;

pub use generate::{BrokenLines, DataFormat, DataOptions, Written, generate};
pub use random::Random;
