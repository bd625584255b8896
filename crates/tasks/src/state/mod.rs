//! What is done: a database beside the outputs, so that a loop that was interrupted goes on where it was.
//!
//! *Model.* A unit writes its output to a **part** in a hidden folder beside the place where it will appear. When the part is
//! whole and on disk, its fingerprint is recorded, in one transaction that makes the unit **done**; then the part is renamed
//! to its place. So at any instant, an output that is done is there whole under one of its two names, and one that is not
//! done is not there at all. Opening the state finishes what a killed loop left: parts of done units are renamed, and all
//! other parts are removed with their folders, so that a worker that has outlived its loop finds no folder to write to.
//!
//! A unit counts as done only if its output has the recorded fingerprint, which is computed over every byte. Therefore the
//! database need not be synced before the rename: after a power cut, whatever is not as recorded is done again.
//!
//! *Concurrency.* A lock on a file in the folder of outputs, held as long as the state is open, keeps out other loops.

mod claim;
mod left_behind;
mod parts;
mod store;
#[cfg(test)]
mod tests;

pub use claim::Marker;
pub use store::State;

pub(crate) use {
    left_behind::{ask_carriers, end_carriers},
    parts::Sealed,
};
