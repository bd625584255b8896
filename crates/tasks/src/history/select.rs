//! Which runs are listed, and which are dropped.

use super::Outcome;
use std::time::SystemTime;

/// Which runs are listed; without a condition, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Text that the query or the command contains, in upper or lower case.
    pub text: Option<String>,
    /// How they ended.
    pub outcome: Option<Outcome>,
    /// When they started at the earliest.
    pub since: Option<SystemTime>,
    /// What started them.
    pub kind: Option<String>,
    /// The most runs, the newest first.
    pub count: Option<usize>,
}

/// Which runs are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// All but the newest so many.
    KeepNewest(usize),
    /// Those that started before.
    Before(SystemTime),
}
