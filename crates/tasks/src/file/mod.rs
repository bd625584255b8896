//! The task file: what it says, and all that is wrong with it, before anything runs.

mod check;
mod fields;
mod queries;
mod read;
mod task_file;
mod template;
#[cfg(test)]
mod tests;
mod text;

pub use queries::WrongQuery;
pub use task_file::{Each, Format, Placed, Task, TaskFile, Work};
pub use template::{Names, Template};
pub use text::Piece;

pub(crate) use {check::is_listed, read::failure, template::HIDDEN, text::pieces};
