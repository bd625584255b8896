//! All units of a loop, found by what the loop asks for, so that a step costs the same with many units as with few.

use super::entry::{Entry, Stage, Step};
use crate::{
    Fingerprint, Forecast,
    admission::{Shared, Waiting},
    plan::Unit,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
};
use tidegate_memory::ByteCount;

/// All units, by their places. Where a unit is changes by [`Entries::set`] alone, which keeps all else in step.
#[derive(Debug)]
pub(super) struct Entries {
    shared: Shared,
    all: Vec<Entry>,
    tasks: HashMap<String, Task>,
    /// The places of units that are not replaced, by name.
    names: HashMap<String, Vec<usize>>,
    /// Units that wait for memory: what comes after others later, and the largest first, so that small ones fill what is left
    /// beside them.
    ready: BTreeSet<(usize, Reverse<ByteCount>, usize)>,
    /// How many of them need how much.
    needs: BTreeMap<ByteCount, usize>,
    /// The limits of units that run.
    running: BTreeMap<usize, ByteCount>,
    /// The outputs of units that run.
    writing: HashMap<PathBuf, usize>,
}

/// The units of a task that are not replaced.
#[derive(Debug, Default)]
struct Task {
    places: BTreeSet<usize>,
    blocked: BTreeSet<usize>,
    /// How many have not ended.
    open: usize,
    /// How many have failed or were left out.
    failed: usize,
    /// How often anything of this has changed.
    version: u64,
}

impl Entries {
    pub fn new(shared: Shared, units: Vec<Unit>) -> Self {
        let (tasks, names, ready, needs) = Default::default();
        let (running, writing) = Default::default();
        let mut entries = Self { shared, all: Vec::new(), tasks, names, ready, needs, running, writing };
        for unit in units {
            entries.add(unit);
        }
        entries
    }

    /// Adds a unit, which takes the place of those of its name: of one that runs, when it has ended.
    pub fn add(&mut self, unit: Unit) {
        for old in self.names.get(&unit.name).cloned().unwrap_or_default() {
            match self.all.get_mut(old) {
                Some(entry) if matches!(entry.stage, Stage::Runs(_)) => entry.superseded = true,
                _ => self.set(old, Stage::Replaced),
            }
        }
        let place = self.all.len();
        self.names.entry(unit.name.clone()).or_default().push(place);
        self.tasks.entry(unit.task.clone()).or_default().places.insert(place);
        self.all.push(Entry::of(unit));
        self.count(place, true);
    }

    pub fn get(&self, place: usize) -> Option<&Entry> {
        self.all.get(place)
    }

    pub fn unit(&self, place: usize) -> Option<Arc<Unit>> {
        self.get(place).map(|entry| Arc::clone(&entry.unit))
    }

    /// Returns how many wait for others or for memory.
    pub fn left(&self) -> usize {
        let open: usize = self.tasks.values().map(|task| task.open).sum();
        open.saturating_sub(self.running.len())
    }

    /// Puts a unit where it is now; one that has ended and was superseded is replaced, wherever it should be.
    pub fn set(&mut self, place: usize, stage: Stage) {
        self.count(place, false);
        if let Some(entry) = self.all.get_mut(place) {
            let has_ended = !matches!(stage, Stage::Runs(_));
            entry.stage = if entry.superseded && has_ended { Stage::Replaced } else { stage };
        }
        self.count(place, true);
    }

    /// Lets a unit wait for memory.
    pub fn set_ready(&mut self, place: usize, used: Fingerprint, forecast: Option<Forecast>) {
        if let Some(entry) = self.all.get_mut(place) {
            entry.used = Some(used);
            entry.forecast = forecast;
        }
        self.set(place, Stage::Ready);
    }

    /// Lets a unit wait for memory once more after a failure.
    pub fn set_again(&mut self, place: usize) {
        if let Some(entry) = self.all.get_mut(place) {
            entry.failures += 1;
        }
        self.set(place, Stage::Ready);
    }

    /// Counts that another was started before it that came later.
    pub fn pass(&mut self, place: usize) {
        if let Some(entry) = self.all.get_mut(place) {
            entry.passed += 1;
        }
    }

    /// Returns the places of units that wait for memory, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = usize> {
        self.ready.iter().map(|(_, _, place)| *place)
    }

    /// Returns what units ask for that wait for memory, in their order.
    pub fn asked(&self) -> impl Iterator<Item = Waiting> {
        let entries = self.waiting().filter_map(|place| self.get(place));
        entries.map(|entry| Waiting { need: entry.need(), passed: entry.passed })
    }

    /// Returns the least that a unit needs that waits for memory.
    pub fn least(&self) -> ByteCount {
        self.needs.first_key_value().map(|(need, _)| *need).unwrap_or_default()
    }

    /// Returns the limits of units that run.
    pub fn limits(&self) -> Vec<ByteCount> {
        self.running.values().copied().collect()
    }

    /// Returns the places of blocked units that may not be any more, in order.
    pub fn movable(&self) -> Vec<usize> {
        let mut places: Vec<usize> = Vec::new();
        for task in self.tasks.values() {
            // All units of a task wait for the same.
            let first = task.blocked.first().and_then(|place| self.get(*place));
            if first.is_some_and(|entry| self.step_after(&entry.unit.after) != Step::Wait) {
                places.extend(&task.blocked);
            }
        }
        places.sort_unstable();
        places
    }

    /// Returns what a blocked unit can do, as the others are now.
    pub fn step(&self, place: usize) -> Step {
        let Some(entry) = self.get(place) else { return Step::Wait };
        if entry.unit.output.as_ref().is_some_and(|output| self.writing.contains_key(&output.path)) {
            return Step::Wait;
        }
        self.step_after(&entry.unit.after)
    }

    fn step_after(&self, after: &[String]) -> Step {
        let mut step = Step::Go;
        for name in after {
            match self.tasks.get(name) {
                Some(task) if task.failed > 0 => return Step::Skip(name.clone()),
                Some(task) if task.open == 0 && !task.places.is_empty() => {}
                // It has not ended, or its files are still to come.
                _ => step = Step::Wait,
            }
        }
        step
    }

    /// Returns the units of tasks, by name: in an order that the next loop has too, whenever they came in.
    pub fn of_tasks(&self, tasks: &[String]) -> Vec<Arc<Unit>> {
        let places = tasks.iter().filter_map(|task| self.tasks.get(task)).flat_map(|task| &task.places);
        let mut units: Vec<_> = places.filter_map(|place| self.unit(*place)).collect();
        units.sort_by(|one, other| one.name.cmp(&other.name));
        units
    }

    /// Returns numbers that differ when anything has changed of these tasks.
    pub fn versions(&self, tasks: &[String]) -> Vec<u64> {
        tasks.iter().map(|task| self.tasks.get(task).map_or(0, |task| task.version)).collect()
    }

    /// Counts a unit where it is, or takes it out of all counts.
    fn count(&mut self, place: usize, is_there: bool) {
        let Some(entry) = self.all.get(place) else { return };
        let Some(task) = self.tasks.get_mut(&entry.unit.task) else { return };
        task.version += 1;
        match entry.stage {
            Stage::Blocked => {
                member(&mut task.blocked, place, is_there);
                adjust(&mut task.open, is_there);
            }
            Stage::Ready => {
                adjust(&mut task.open, is_there);
                member(&mut self.ready, (entry.unit.depth, Reverse(entry.size()), place), is_there);
                let need = self.shared.needed(entry.need());
                let count = self.needs.entry(need).or_default();
                adjust(count, is_there);
                if *count == 0 {
                    self.needs.remove(&need);
                }
            }
            Stage::Runs(limit) => {
                adjust(&mut task.open, is_there);
                if is_there {
                    self.running.insert(place, limit);
                } else {
                    self.running.remove(&place);
                }
                if let Some(output) = &entry.unit.output {
                    let count = self.writing.entry(output.path.clone()).or_default();
                    adjust(count, is_there);
                    if *count == 0 {
                        self.writing.remove(&output.path);
                    }
                }
            }
            Stage::Failed | Stage::Skipped => adjust(&mut task.failed, is_there),
            Stage::Done | Stage::AlreadyDone => {}
            Stage::Replaced => {
                task.places.remove(&place);
                if let Some(places) = self.names.get_mut(&entry.unit.name) {
                    places.retain(|other| *other != place);
                }
            }
        }
    }
}

fn adjust(count: &mut usize, is_there: bool) {
    *count = if is_there { *count + 1 } else { count.saturating_sub(1) };
}

fn member<T: Ord>(set: &mut BTreeSet<T>, value: T, is_there: bool) {
    if is_there {
        set.insert(value);
    } else {
        set.remove(&value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        file::TaskFile,
        plan::{Missing, plan},
    };
    use std::fs;

    /// Returns entries of four logs of these sizes, and of a task after them.
    fn entries(sizes: [usize; 4]) -> (tempfile::TempDir, Entries) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        for (name, size) in sizes.into_iter().enumerate() {
            fs::write(folder.path().join(format!("logs/{name}")), "x".repeat(size)).unwrap();
        }
        let text = "limit = \"1GB\"\n[task.z]\ncommand = [\"x\"]\nafter = [\"a\"]\n\
                    [task.a]\ninput = \"logs\"\nsql = \"FROM {input}\"\noutput = \"{stem}.csv\"\n";
        let path = folder.path().join("tasks.toml");
        fs::write(&path, text).unwrap();
        let file = TaskFile::read(&path).unwrap();
        let shared = Shared { limit: file.limit, parallel: 2 };
        let units = plan(&file, Missing::Refused).unwrap();
        (folder, Entries::new(shared, units))
    }

    #[test]
    fn the_largest_wait_first() {
        let (_folder, mut entries) = entries([5, 9, 9, 100]);
        assert_eq!(entries.movable(), [0, 1, 2, 3]);
        assert_eq!((entries.step(0), entries.step(4)), (Step::Go, Step::Wait));
        for place in 0..5 {
            entries.set_ready(place, Fingerprint::of_texts([]), None);
        }
        // And what comes after others later.
        assert_eq!(entries.waiting().collect::<Vec<_>>(), [3, 1, 2, 0, 4]);
        assert_eq!((entries.least(), entries.asked().count()), (ByteCount::new(500_000_000), 5));
        let one = ByteCount::new(1);
        entries.set(3, Stage::Runs(one));
        assert_eq!((entries.waiting().next(), entries.limits(), entries.left()), (Some(1), vec![one], 4));
        (0..5).for_each(|place| entries.set(place, Stage::Done));
        assert_eq!((entries.waiting().next(), entries.limits(), entries.least()), (None, vec![], ByteCount::default()));
    }

    #[test]
    fn what_waits_for_a_task_follows_all_its_units() {
        let (_folder, mut entries) = entries([1, 2, 3, 4]);
        for place in 0..3 {
            entries.set(place, Stage::Done);
        }
        assert_eq!((entries.movable(), entries.step(4)), (vec![3], Step::Wait));
        let versions = entries.versions(&["a".to_owned()]);
        entries.set(3, Stage::Failed);
        assert_eq!((entries.movable(), entries.step(4)), (vec![4], Step::Skip("a".to_owned())));
        assert_ne!(entries.versions(&["a".to_owned()]), versions);
        // The input of one that failed has changed; that of one that runs changes as well.
        let again = Unit::clone(&entries.unit(3).unwrap());
        entries.add(again);
        assert_eq!((entries.get(3).unwrap().stage, entries.step(4)), (Stage::Replaced, Step::Wait));
        entries.set(5, Stage::Runs(ByteCount::new(1)));
        let again = Unit::clone(&entries.unit(5).unwrap());
        entries.add(again);
        assert_eq!((entries.step(6), entries.step(4)), (Step::Wait, Step::Wait));
        entries.set(5, Stage::Failed);
        assert_eq!((entries.get(5).unwrap().stage, entries.step(6)), (Stage::Replaced, Step::Go));
        entries.set(6, Stage::AlreadyDone);
        assert_eq!((entries.movable(), entries.step(4)), (vec![4], Step::Go));
        let names: Vec<_> = entries.of_tasks(&["a".to_owned()]).iter().map(|unit| unit.name.clone()).collect();
        assert_eq!(names, ["a: logs/0", "a: logs/1", "a: logs/2", "a: logs/3"]);
    }
}
