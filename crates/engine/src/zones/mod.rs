//! Zone maps: between which times the records of each part of a file lie.
//!
//! Logs are nearly in the order of time, so that a question about an hour concerns a small part of a file. Whether a file is in
//! order cannot be promised without having read it. So whoever reads all times of a large file remembers the least and the
//! greatest of each part ([`ZoneBuilder`]), in a file of the cache ([`ZoneStore`]); later queries pass over the parts that hold
//! nothing of their time ([`Gap`]). That holds for files in any order. A map is used only while the file is the one that was
//! read, to the nanosecond of its last change.

mod builder;
mod map;
mod plan;
mod store;

pub(crate) use builder::{Part, ZoneBuilder};
pub(crate) use map::{Gap, Zone, ZoneMap};
pub(crate) use plan::{ScanZones, ZonePlan};
pub use store::ZoneStore;
pub(crate) use store::{FileKey, FileState};

#[cfg(test)]
mod tests;
