//! What values are: a frame or an array, large or not, whose memory they share, and what it costs to make them.

mod arrays;
mod environment;
mod evaluate;
mod facts;
mod functions;
mod kind;
mod literals;
mod methods;
mod summaries;

pub(crate) use arrays::bytes_of_array;
pub(crate) use environment::{CostlyCall, Receiver};
pub(crate) use facts::{Binding, Facts};
pub(crate) use kind::{Cost, Kind, Size, Value};
pub(crate) use literals::{integer, integer_with, string, strings, truth};
pub(crate) use summaries::{Functions, parameters};
