//! The worker protocol and its client: start a worker, give it tasks, read what it answers, cancel, lose it.
//!
//! *Model.* A **worker** is a child process that runs one **task** at a time, so that the memory of a query is never inside
//! the process that asks for it: a crash or a kill ends one task with a clear error, and the exit gives back everything.
//! Client and worker talk over a private socket pair, which the worker finds as its standard input. What they say is in
//! [`protocol`], and in sentences in `docs/worker-protocol.md`. [`Worker`] is the client's side; [`serving`] has what the
//! worker's side is built from. Rows are the bytes of an Arrow IPC stream, which nobody here looks into.
//!
//! *Concurrency.* Everything blocks, and may be used from any thread. One thread reads what a task answers; others may
//! [cancel](Canceller) it. For each worker a thread waits for the end of its process, and one more for each of its streams
//! that is [kept](Stream::Kept). What they share is one state behind a mutex ([`Worker`] has no other lock than that and the
//! one that keeps messages whole).
//!
//! *Back-pressure* is the socket's: it holds some 200 KB, then the worker's write waits until the client reads. No credits
//! are counted, because rows are the only thing that can fill it, and requests go the other way.
//!
//! This crate knows no Arrow and no DataFusion.

mod client;
mod error;
mod pool;
pub mod protocol;
pub mod serving;

pub use client::{
    Canceller, Cgroup, End, Event, Fence, Group, How, Loss, Outcome, Patience, Poll, RowReader, Running, Stream,
    Worker, WorkerOptions,
};
pub use error::WorkerError;
pub use pool::{
    Condition, Decision, Grant, Granted, Place, Pool, PoolOptions, SharedCounts, SharedOptions, SharedPool, Taken,
    decide,
};
