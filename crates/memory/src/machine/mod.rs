//! What the machine allows: memory, cgroups, cores, ulimits, overcommit, stalls, temporary folders.
//!
//! [`Machine::read`] reads it from `/proc`, `/sys` and the cgroup file systems. Each text is taken apart by a pure function;
//! what a kernel lacks is `None`, never an error. [`save`] and [`load`] keep a machine as a file, for a comparison elsewhere.

pub(crate) mod groups;
mod model;
mod mounts;
mod profile;
mod read;
pub(crate) mod text;

pub(crate) use groups::memory_limit;
pub use model::{
    Bound, Cores, Folder, GroupMemory, GroupVersion, Groups, HostMemory, HugePages, Machine, MayMake, Overcommit,
    OvercommitMode, Stall, Stalls, Transparent, Ulimit, Ulimits,
};
pub(crate) use mounts::mounts;
pub use profile::{load, save};
pub use read::Places;
