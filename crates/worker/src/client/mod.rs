//! The client's side: a worker as a value that is started, given tasks, read, and lost or ended.

mod cgroup;
mod connection;
mod loss;
mod options;
mod process;
mod read;
mod running;
mod signals;
mod tail;
mod worker;

pub use cgroup::{Fence, Group};
pub use loss::{End, How, Loss};
pub use options::{Cgroup, Patience, Stream, WorkerOptions};
pub use read::RowReader;
pub use running::{Canceller, Event, Outcome, Poll, Running};
pub use worker::Worker;
