//! Task files, the loop that runs them, and the history of runs. What a query is, others know.
//!
//! *Model.* A **task file** ([`mod@file`]) names tasks. A task becomes **units** ([`plan`]): one for each input file, or one for
//! all of them. The **loop** ([`turn`]) starts units side by side while their **forecasts** fit the shared limit
//! ([`admission`]), gives memory back between them ([`release`]), and hands the work itself to a [`turn::Runner`]. What was
//! done is in the **state** ([`state`]) beside the outputs, so that a loop that was interrupted goes on where it was. Every
//! **run**, of a query or a unit, is kept in the **history** ([`history`]), from which later forecasts learn ([`learn`]).
//!
//! *Concurrency.* The loop is one thread; runners report to it through a channel. Processes share a history file by SQLite's
//! locks. A folder of outputs belongs to one loop at a time.
//!
//! This crate knows no Arrow and no DataFusion, and prints nothing.

pub mod admission;
mod database;
mod error;
pub mod file;
mod fingerprint;
pub mod history;
pub mod learn;
mod names;
pub mod needs;
pub mod plan;
pub mod state;
pub mod turn;

pub use error::{Problem, TasksError};
pub use fingerprint::Fingerprint;
pub use learn::Forecast;
pub use tidegate_memory::release_policy as release;
