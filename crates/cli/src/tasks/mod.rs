//! `tidegate run`: task files, with a worker for each query.

mod command;
mod runner;
mod witness;

pub use command::run_command;
