//! The flow of a scope: which statements follow which, and what that says of its names.

mod build;
mod graph;
mod points;
mod solve;
mod uses;

pub(crate) use build::build;
pub(crate) use graph::{Graph, NameSet, Tracked};
pub(crate) use points::Point;
pub(crate) use solve::{Solution, solve};
