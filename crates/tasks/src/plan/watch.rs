//! New files, while a loop runs: a unit is new when its input is, and has not changed between two looks.

use super::{Missing, Unit, plan};
use crate::{Fingerprint, TasksError, file::TaskFile};
use std::collections::HashSet;

/// Looks for units that were not there before.
#[derive(Clone, Debug, Default)]
pub struct Watcher {
    known: HashSet<Fingerprint>,
    /// What the last look saw for the first time: files that are still being written are something else at the next.
    unsettled: HashSet<Fingerprint>,
}

impl Watcher {
    /// Returns a watcher that knows these units.
    pub fn knowing(units: &[Unit]) -> Self {
        Self { known: units.iter().map(|unit| unit.key).collect(), unsettled: HashSet::new() }
    }

    /// Plans again, and returns the units that are new and were the same at the last look.
    ///
    /// # Errors
    /// [`TasksError::File`] if what is there cannot be run as it is, such as new files whose outputs collide.
    pub fn look(&mut self, file: &TaskFile) -> Result<Vec<Unit>, TasksError> {
        let mut units = plan(file, Missing::Awaited)?;
        units.retain(|unit| !self.known.contains(&unit.key));
        let seen: HashSet<_> = units.iter().map(|unit| unit.key).collect();
        units.retain(|unit| self.unsettled.contains(&unit.key));
        self.known.extend(units.iter().map(|unit| unit.key));
        self.unsettled = seen;
        Ok(units)
    }
}
