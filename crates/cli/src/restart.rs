//! The last way to plan again: the process starts anew.
//!
//! A thread that waits for memory in the middle of an operator comes to no place where its plan could end, and what the plan
//! holds stays. `execve` takes all of it away and leaves the process, its pipes and its cgroup. Nothing else is left behind:
//! no row was given out, and unfinished files and spilled state have no names and go with their descriptors.

use crate::events::run_id;
use serde_json::{Value, json};
use std::{env, io, os::unix::process::CommandExt, process::Command, time::Instant};
use tidegate_engine::GivenUp;
use tidegate_govern::{Holder, MemoryLimitError};
use tidegate_memory::ByteCount;

/// What one start of the process tells the next, as JSON: the run's name, the seconds so far, and why plans were given up.
const VARIABLE: &str = "TIDEGATE_RESTART";

/// What is known of the starts before this one, for the next one.
#[derive(Clone, Debug)]
pub struct Restart {
    /// The plans that were given up.
    pub given_up: GivenUp,
    /// The name of the run.
    pub run: String,
    seconds_before: f64,
    started: Instant,
}

impl Restart {
    /// Returns what the start before this one left in the environment.
    pub fn of_process() -> Self {
        let left = env::var(VARIABLE).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let (seconds_before, reasons) = left.as_ref().and_then(read).unwrap_or_default();
        let run = left.as_ref().and_then(|left| left.get("run")?.as_str()).map_or_else(run_id, str::to_owned);
        Self { given_up: GivenUp::new(reasons), run, seconds_before, started: Instant::now() }
    }

    /// Returns the seconds since the first start.
    pub fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Starts the process anew, because its plan failed for this reason. Returns only if that is not possible.
    pub fn exec(&self, reason: &MemoryLimitError) -> io::Error {
        let mut reasons: Vec<_> = self.given_up.reasons().iter().map(write).collect();
        reasons.push(write(reason));
        let left = json!({ "run": self.run, "seconds": self.seconds(), "reasons": reasons });
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        Command::new("/proc/self/exe").arg0(name).args(arguments).env(VARIABLE, left.to_string()).exec()
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
        assert_eq!(read(&json!({ "seconds": 1.5, "reasons": [{ "limit": "much" }] })), None);
    }
}
