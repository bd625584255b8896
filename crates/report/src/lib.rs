//! What people see of a run: its record as a page, in the terminal, as JSON and for Prometheus.
//!
//! *Model.* A [`RunRecord`](record::RunRecord) is filled by whoever ran something and kept by the history. This crate knows
//! nothing but the record. Everything in it that is text came from outside, log lines included, and is taken for hostile:
//! `shown` cuts it and makes the invisible visible, in one place, and the templates of `html` escape whatever they are given.
//!
//! *Bounds.* What is drawn has a size that does not grow with the run: a page takes at most [`html::MOST_BYTES`], whatever is
//! in the record, and a report in the terminal at most [`terminal::MOST_LINES`].

#[cfg(test)]
extern crate self as tidegate_report;

mod axis;
pub mod checklist;
mod error;
mod guarded;
pub mod html;
pub mod json;
pub mod live;
pub mod log;
pub mod notice;
pub mod prometheus;
pub mod record;
mod series;
mod shown;
mod stack;
pub mod terminal;
#[cfg(test)]
mod testing;
mod text;
mod words;

pub use error::ReportError;
pub use words::grouped;
