//! How far the units of a loop are, all together.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tidegate_memory::{ByteCount, pressure::Pressure};
use tidegate_report::{
    json,
    live::Live,
    log::Units,
    record::{self, RunRecord},
};
use tidegate_tasks::turn::{Ended, Event, Summary};
use tidegate_worker::protocol::Progress;

/// How far the units of a loop are.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    units: Units,
    /// Units at work, by name.
    at_work: HashMap<String, Progress>,
    /// What units that have ended did.
    ended: Sums,
    /// The most that was resident in all workers at work.
    peak: ByteCount,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    spilled: ByteCount,
    bytes: ByteCount,
    rows: u64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.spilled += other.spilled;
        self.bytes += other.bytes;
        self.rows = self.rows.saturating_add(other.rows);
    }
}

impl Board {
    /// Takes down how far a unit is.
    pub(super) fn progress(&self, unit: &str, progress: Progress) {
        let mut state = self.lock();
        if let Some(place) = state.at_work.get_mut(unit) {
            *place = progress;
        }
        let resident = state.at_work.values().map(|progress| progress.resident).sum();
        state.peak = state.peak.max(resident);
    }

    /// Takes down what happened.
    pub(super) fn told(&self, event: &Event<'_>) {
        let mut state = self.lock();
        match event {
            Event::AlreadyDone(_) => state.units.done_before += 1,
            Event::Started { unit, .. } => {
                state.at_work.insert(unit.name.clone(), Progress::default());
            }
            Event::Finished { unit, ended } => {
                state.units.done += 1;
                state.end(&unit.name, Some(ended));
            }
            Event::Retrying { unit, .. } => state.end(&unit.name, None),
            Event::Failed { unit, ended, .. } => {
                state.units.failed += 1;
                state.end(&unit.name, *ended);
            }
            Event::Skipped { .. } => state.units.left_out += 1,
            Event::Waiting(count) => state.units.waiting = *count,
            _ => {}
        }
    }

    /// Takes down that the loop has ended.
    pub(super) fn over(&self, summary: &Summary) {
        let mut state = self.lock();
        state.at_work.clear();
        state.units.waiting = summary.left;
    }

    /// Returns what became of the units.
    pub(super) fn units(&self) -> Units {
        let state = self.lock();
        Units { running: state.at_work.len(), ..state.units }
    }

    /// Returns the numbers of all units together.
    pub(super) fn live(&self) -> Live {
        let units = self.units();
        let state = self.lock();
        let sum = |of: fn(&Progress) -> ByteCount| -> ByteCount { state.at_work.values().map(of).sum() };
        let mut sums = state.ended;
        state.at_work.values().for_each(|progress| sums.add(of_progress(progress)));
        let pressure = state.at_work.values().map(|progress| progress.pressure).max().unwrap_or(Pressure::Calm);
        Live {
            units: Some(units),
            resident: sum(|progress| progress.resident),
            anonymous: sum(|progress| progress.anonymous),
            live: sum(|progress| progress.live),
            peak: state.peak,
            pressure: record::Pressure::from(pressure),
            spilled: sums.spilled,
            bytes: sums.bytes,
            total_bytes: state.ended.bytes + sum(|progress| progress.total_bytes),
            rows: sums.rows,
            ..Live::default()
        }
    }

    /// Numbers are whole after every change, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ends a unit. What it did, its record knows best.
    fn end(&mut self, unit: &str, ended: Option<&Ended>) {
        let seen = self.at_work.remove(unit).map(|progress| of_progress(&progress)).unwrap_or_default();
        let record = ended.and_then(|ended| json::read(ended.record.as_deref()?).ok());
        self.ended.add(record.as_ref().map_or(seen, of_record));
    }
}

fn of_progress(progress: &Progress) -> Sums {
    Sums { spilled: progress.spilled, bytes: progress.bytes, rows: progress.rows }
}

fn of_record(record: &RunRecord) -> Sums {
    Sums { spilled: record.spilled.bytes, bytes: record.bytes_in, rows: record.lines.rows }
}
