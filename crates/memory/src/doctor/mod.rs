//! What a machine means for jobs that need memory: advice about one, and the differences of two that change a job's fate.
//!
//! All functions here are pure: they take what [`Machine::read`](crate::machine::Machine::read) read, or a saved profile.

mod advice;
mod differences;
mod fate;
mod finding;
mod rules;

pub use advice::advice;
pub use differences::{Difference, differences};
pub use fate::{Cause, Fate, Job, Outlook, outlook};
pub use finding::{Finding, Severity, Topic};

#[cfg(test)]
mod tests;
