//! `tidegate demo`: realistic data, five questions under a limit, and what the kernel counted.

mod command;
pub mod data;
mod questions;
mod report;

pub use command::run_command;
