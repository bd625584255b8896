//! `tidegate run`: task files, with a worker for each query.

mod board;
mod command;
mod endpoint;
mod observer;
mod runner;
mod witness;

pub use command::run_command;
