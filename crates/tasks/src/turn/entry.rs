//! Where a unit is on its way.

use crate::{Fingerprint, Forecast, admission::Need, plan::Unit};
use std::sync::Arc;
use tidegate_memory::ByteCount;

/// A unit on its way.
#[derive(Debug)]
pub(super) struct Entry {
    pub unit: Arc<Unit>,
    pub stage: Stage,
    pub forecast: Option<Forecast>,
    /// How often others were started before it that came later.
    pub passed: u32,
    /// How often it failed.
    pub failures: u32,
    /// What the outputs it uses hold, known when it is ready.
    pub used: Option<Fingerprint>,
    /// Whether another unit stands for it as soon as it has ended, however it ends.
    pub superseded: bool,
}

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for others.
    Blocked,
    /// It waits for memory.
    Ready,
    /// It runs with this limit.
    Runs(ByteCount),
    Done,
    AlreadyDone,
    Failed,
    Skipped,
    /// The same input has changed since: another unit stands for it.
    Replaced,
}

/// What a blocked unit can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    /// All that comes before it is done.
    Go,
    /// This task failed.
    Skip(String),
}

impl Entry {
    pub fn of(unit: Unit) -> Self {
        let (unit, stage) = (Arc::new(unit), Stage::Blocked);
        Self { unit, stage, forecast: None, passed: 0, failures: 0, used: None, superseded: false }
    }

    /// Returns what it asks for.
    pub fn need(&self) -> Need {
        match (self.unit.limit, self.forecast) {
            (Some(limit), _) => Need::Limit(limit),
            (None, Some(forecast)) => Need::Forecast(forecast.bound),
            (None, None) => Need::Unknown,
        }
    }

    /// Returns what it is ordered by.
    pub fn size(&self) -> ByteCount {
        self.forecast.map(|forecast| forecast.bound).or(self.unit.limit).unwrap_or_else(|| self.unit.input_bytes())
    }
}
