//! `DISTINCT ON (keys)` without an order: the first row of each key that comes along.
//!
//! DataFusion 55.2 keeps a state of each column for each key. Here the keys alone are kept, in a hash table, and a row goes out
//! as soon as its key is new. All threads share the table, so that rows need not be exchanged for it.
//!
//! What the table takes is asked for before it grows. Where that is refused, the table stays as it is: rows of its keys are
//! dropped, as before, and all others go to disk, into one file for each part of the hashes, which are then read one after the
//! other in the same way, each by one thread (after Bratbergsengen, "Hashing Methods and Relational Algebra Operations", 1984).
//! Each pass sends rows out, so that every file comes to its end however little memory there is.
//!
//! Keys are compared by all of their bytes, not by their hashes.

mod exec;
mod keys;
mod node;
mod shared;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use node::{DistinctOnNode, DistinctOnPlanner};
