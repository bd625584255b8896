//! How often operators of a task were refused memory, and which of them last.
//!
//! *Concurrency.* One mutex, held for an addition. The pool takes it while it holds its own; nothing is waited for inside.

use crate::Holder;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the refusals of all plans of a task. A clone is of the same task.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Arc<Mutex<RefusalReport>>);

/// What was refused so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefusalReport {
    /// How often an operator asked for memory and did not get it.
    pub count: u64,
    /// Who was refused last, and how much it asked for.
    pub last: Option<Holder>,
}

impl Refusals {
    /// Returns what was refused so far.
    pub fn report(&self) -> RefusalReport {
        self.lock().clone()
    }

    /// Counts a refusal.
    pub(crate) fn add(&self, asked: Holder) {
        let mut report = self.lock();
        report.count += 1;
        report.last = Some(asked);
    }

    /// Each field is whole after every change, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, RefusalReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
