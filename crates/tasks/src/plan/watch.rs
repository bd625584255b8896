//! New files, while a loop runs: a unit is new when its input is, and has not changed between two looks.

use super::{Unit, around::plan_around};
use crate::{
    Fingerprint, Problem, TasksError,
    file::{TaskFile, failure},
};
use std::collections::{HashMap, HashSet};

/// Looks for units that were not there before.
#[derive(Clone, Debug, Default)]
pub struct Watcher {
    /// What each unit was when it was new last, by name: what goes back to what it was before is new again.
    known: HashMap<String, Fingerprint>,
    /// What the last look saw for the first time: files that are still being written are something else at the next.
    unsettled: HashSet<Fingerprint>,
    /// What was wrong at the last look.
    told: Vec<Problem>,
}

/// What a look has found.
#[derive(Debug, Default)]
pub struct Look {
    /// Units that are new and were the same at the last look.
    pub units: Vec<Unit>,
    /// [`TasksError::File`] with what is wrong and was not at the last look, such as files that cannot be read, and new files
    /// whose outputs collide. They are left out.
    pub trouble: Option<TasksError>,
}

impl Watcher {
    /// Returns a watcher that knows these units.
    pub fn knowing(units: &[Unit]) -> Self {
        Self { known: units.iter().map(|unit| (unit.name.clone(), unit.key)).collect(), ..Self::default() }
    }

    /// Plans again, and returns what is new.
    pub fn look(&mut self, file: &TaskFile) -> Look {
        let (units, problems) = match plan_around(file, &self.known) {
            Ok((units, problems)) => (self.settle(units), problems),
            Err(problems) => (Vec::new(), problems),
        };
        let new: Vec<_> = problems.iter().filter(|problem| !self.told.contains(problem)).cloned().collect();
        self.told = problems;
        Look { units, trouble: (!new.is_empty()).then(|| failure(&file.path, new)) }
    }

    fn settle(&mut self, mut units: Vec<Unit>) -> Vec<Unit> {
        units.retain(|unit| self.known.get(&unit.name) != Some(&unit.key));
        let seen = units.iter().map(|unit| unit.key).collect();
        units.retain(|unit| self.unsettled.contains(&unit.key));
        self.known.extend(units.iter().map(|unit| (unit.name.clone(), unit.key)));
        self.unsettled = seen;
        units
    }
}
