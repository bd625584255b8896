//! `tidegate bench release`: the same mixed load of requests under one limit, with each way of giving memory back, and pandas.
//!
//! *Model.* A **request** reads one log and answers one question about it. So many are answered at a time, by workers that are
//! kept (a [`tidegate_worker::SharedPool`]) or by threads of one Python. What counts is requests per second, the time from the
//! beginning of a request to its last row, and the most that all processes together showed the kernel.

mod answers;
mod command;
mod load;
mod measured;
mod ours;
mod pandas;
mod questions;
mod sampler;
mod table;
mod verdict;

pub use command::release_command;
