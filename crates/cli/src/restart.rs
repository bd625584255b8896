//! The last way to plan again: the process starts anew.
//!
//! A thread that waits for memory in the middle of an operator comes to no place where its plan could end, and what the plan
//! holds stays. `execve` takes all of it away and leaves the process, its pipes and its cgroup. Nothing else is left behind:
//! no row was given out, and unfinished files and spilled state have no names and go with their descriptors.

use crate::{events::run_id, settings::Settings};
use serde_json::{Value, json};
use std::{
    env, io,
    os::unix::process::CommandExt,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tidegate_engine::GivenUp;
use tidegate_govern::{Holder, MemoryLimitError};
use tidegate_memory::ByteCount;
use tidegate_report::record::Forecast;
use tidegate_tasks::history::RunId;

/// What one start of the process tells the next, as JSON: the name of the run for those who are told of it, the seconds so far, why
/// plans were given up, and what the command keeps.
const VARIABLE: &str = "TIDEGATE_RESTART";

/// What is known of the starts before this one, for the next one.
#[derive(Clone, Debug)]
pub struct Restart {
    /// The plans that were given up.
    pub given_up: GivenUp,
    /// The name of the run, for those who are told of it.
    pub run: String,
    /// What the command keeps from start to start.
    carried: Carried,
    seconds_before: f64,
    started: Instant,
}

impl Restart {
    /// Returns what the start before this one left in the environment.
    pub fn of_process() -> Self {
        let left = env::var(VARIABLE).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let (seconds_before, reasons) = left.as_ref().and_then(read).unwrap_or_default();
        let run = left.as_ref().and_then(|left| left.get("run")?.as_str()).map_or_else(run_id, str::to_owned);
        // One that was left nothing is not the first all the same.
        let carried = |left: &Value| left.get("carried").filter(|carried| !carried.is_null()).cloned();
        let carried = left.as_ref().map(|left| carried(left).unwrap_or_else(|| json!({}))).unwrap_or_default();
        let carried = Carried(Arc::new(Mutex::new(carried)));
        Self { given_up: GivenUp::new(reasons), run, carried, seconds_before, started: Instant::now() }
    }

    /// Returns the seconds since the first start.
    pub fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Starts the process anew, because its plan failed for this reason. Returns only if that is not possible.
    pub fn exec(&self, reason: &MemoryLimitError) -> io::Error {
        let mut reasons: Vec<_> = self.given_up.reasons().iter().map(write).collect();
        reasons.push(write(reason));
        let carried = self.carried.value();
        let left = json!({ "run": self.run, "seconds": self.seconds(), "reasons": reasons, "carried": carried });
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        Command::new("/proc/self/exe").arg0(name).args(arguments).env(VARIABLE, left.to_string()).exec()
    }
}

/// What the command keeps from start to start: its run in the history, and what was expected of it. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Carried(Arc<Mutex<Value>>);

impl Carried {
    /// Returns what the start before this one left, if there was one.
    pub fn of(settings: &Settings) -> Self {
        settings.restart.as_ref().map(|restart| restart.carried.clone()).unwrap_or_default()
    }

    /// Returns whether there was no start before this one.
    pub fn is_first(&self) -> bool {
        self.value().is_null()
    }

    /// Returns the run of this process in the history.
    pub fn run(&self) -> Option<RunId> {
        self.value().get("run")?.as_str()?.parse().ok()
    }

    /// Returns what was expected of it.
    pub fn forecast(&self) -> Option<Forecast> {
        serde_json::from_value(self.value().get("forecast")?.clone()).ok()?
    }

    /// Leaves this for the next start.
    pub fn leave(&self, run: Option<&RunId>, forecast: Option<&Forecast>) {
        let left = json!({ "run": run.map(RunId::as_str), "forecast": forecast });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }

    fn value(&self) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn write(reason: &MemoryLimitError) -> Value {
    let holder = |holder: &Holder| json!([holder.name, holder.bytes.bytes()]);
    json!({
        "limit": reason.limit.bytes(),
        "used": reason.used.bytes(),
        "asked": reason.asked.as_ref().map(holder),
        "holders": reason.holders.iter().map(holder).collect::<Vec<_>>(),
    })
}

/// Returns nothing of a text that was not written by [`Restart::exec`].
fn read(left: &Value) -> Option<(f64, Vec<MemoryLimitError>)> {
    let holder = |value: &Value| {
        Some(Holder { name: value.get(0)?.as_str()?.to_owned(), bytes: ByteCount::new(value.get(1)?.as_u64()?) })
    };
    let reason = |value: &Value| {
        let bytes = |name: &str| value.get(name)?.as_u64().map(ByteCount::new);
        let holders = value.get("holders")?.as_array()?.iter().map(holder).collect::<Option<_>>()?;
        let asked = value.get("asked").and_then(holder);
        Some(MemoryLimitError { limit: bytes("limit")?, used: bytes("used")?, asked, holders })
    };
    let reasons = left.get("reasons")?.as_array()?.iter().map(reason).collect::<Option<_>>()?;
    Some((left.get("seconds")?.as_f64()?, reasons))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_reads_what_the_one_before_it_wrote() {
        let holder = Holder { name: "AggregateExec".into(), bytes: ByteCount::mib(70) };
        let reason = |asked| MemoryLimitError {
            limit: ByteCount::mib(128),
            used: ByteCount::mib(120),
            asked,
            holders: vec![holder.clone()],
        };
        let reasons = vec![reason(None), reason(Some(holder.clone()))];
        let left = json!({ "seconds": 1.5, "reasons": reasons.iter().map(write).collect::<Vec<_>>() });
        assert_eq!(read(&left), Some((1.5, reasons)));
        let carried = Carried::default();
        assert!(carried.is_first() && carried.run().is_none() && carried.forecast().is_none());
        let forecast = Forecast { expected: ByteCount::mib(7), runs: 3, ..Forecast::default() };
        carried.leave("01abc".parse().ok().as_ref(), Some(&forecast));
        assert_eq!((carried.is_first(), carried.forecast()), (false, Some(forecast)));
        assert_eq!(carried.run().unwrap().as_str(), "01abc");
        assert_eq!(read(&json!({ "seconds": 1.5, "reasons": [{ "limit": "much" }] })), None);
    }
}
