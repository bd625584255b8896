//! Memory as the kernel counts it: sizes, the limit, the ledger, the meter, the pressure policy and release.
//!
//! *Model.* A process is given a **limit**, the most resident memory it may ever show the kernel (`VmHWM`). What it shows
//! is anonymous memory (heap, stacks) plus the resident pages of its own program. The **ledger** counts live heap bytes as
//! they are allocated ([`CountingAllocator`]); the **meter** reads what the kernel says ([`Meter`]). The difference of the
//! two is what the allocator keeps for reuse, and can be purged. From both, [`pressure::decide`] computes what to do next,
//! as a pure function; the **watch** thread ([`Watch`]) reads, decides and acts every few milliseconds.
//!
//! *Concurrency.* The ledger is one atomic sum, fed by a counter in each thread whose drift is bounded by a quantum. The
//! watch publishes its last reading in atomics that anybody may read without waiting; all of them are independent numbers,
//! so relaxed ordering suffices.
//!
//! What the machine allows is read by [`machine`]; [`doctor`] says what of it will hurt a job, and what another machine
//! would change.
//!
//! Without the feature `allocator`, what is left out is all that counts and purges: the allocator, the ledger, the wall and the watch. A
//! library inside of another program, as the Python module is, must not bring jemalloc along.
//!
//! This crate knows no Arrow and no DataFusion.

mod allocator;
mod budget;
mod bytes;
pub mod cgroup;
pub mod doctor;
mod error;
#[cfg(feature = "allocator")]
pub mod ledger;
mod limit;
pub mod machine;
mod meter;
pub mod pressure;
#[cfg(feature = "allocator")]
mod program_cap;
pub mod release_policy;
pub mod share;
#[cfg(feature = "allocator")]
mod timeline;
#[cfg(feature = "allocator")]
mod wall;
#[cfg(feature = "allocator")]
mod watch;

pub use allocator::program_pages;
#[cfg(feature = "allocator")]
pub use allocator::{CountingAllocator, jemalloc};
pub use budget::{Budget, MINIMUM_LIMIT, START, START_AT_MOST, program_share};
pub use bytes::{ByteCount, ParseByteCountError};
pub use error::ProfileError;
#[cfg(feature = "allocator")]
pub use ledger::Held;
pub use limit::{Limit, ParseLimitError};
pub use meter::{Meter, Resident, peak_resident, peak_resident_of, reset_peak};
#[cfg(feature = "allocator")]
pub use timeline::Moment;
#[cfg(feature = "allocator")]
pub use wall::past_the_wall;
#[cfg(feature = "allocator")]
pub use watch::{Watch, WatchOptions, WatchReport, release};
