//! From SQL text to a statement that DataFusion can plan: guarded, parsed, with the paths in it found.

mod errors;
mod guard;
mod parse;
mod paths;
mod shape;
mod stars;
mod syntax;
mod words;

pub(crate) use errors::{Known, from_datafusion};
pub(crate) use parse::{Parsed, is_query, parse};
pub(crate) use paths::{TableUse, take_paths};
pub use shape::shape;
pub use syntax::check;
pub(crate) use words::plain;
