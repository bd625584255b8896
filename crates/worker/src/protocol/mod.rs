//! What client and worker say to each other: a preamble on each side, then messages in frames.
//!
//! `docs/worker-protocol.md` tells it for people who write another client.

mod frame;
mod header;
mod messages;
mod outbox;
mod plain;
mod task;
#[cfg(test)]
mod tests;

pub use frame::{Frame, FrameReader, Step};
pub use header::{HEADER, Header, Kind, PREAMBLE, TaskId, VERSION, preamble};
pub use messages::{Failure, FailureKind, Finished, Hello, Place, Progress, Released, Reply, Request};
pub(crate) use outbox::{Outbox, Turn};
pub use task::{Cache, Events, Freed, Output, Task, TaskTable};
