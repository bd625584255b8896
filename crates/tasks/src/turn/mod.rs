//! The loop: read, process, release, next task.
//!
//! *Model.* A [`Runner`] does the work of units; the loop ([`Turn`]) decides which, when and with which limit, keeps the
//! [`crate::state`], and tells a [`Witness`] what happens. A unit that fails is tried again with less parallelism if that can
//! help; then it is told, what comes after it is left out, and all else goes on.
//!
//! *Concurrency.* The loop is one thread. A unit ends on whatever thread its runner has, by [`Done::ended`], which waits for
//! the disk and takes the fingerprint there, so that large outputs do not keep others from being started.

mod command;
mod entries;
mod entry;
mod event;
mod process;
mod runner;
mod split;
mod summary;
#[cfg(test)]
mod tests;
mod turning;

pub use command::CommandRunner;
pub use event::{Event, Silent, Witness};
pub use runner::{Done, Ended, Failure, Order, Retry, Runner, RunnerMemory, Running, UnitMemory};
pub use split::Split;
pub use summary::{Ending, Summary};
pub use turning::{Mail, Stop, Turn, TurnOptions};
