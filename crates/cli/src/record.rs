//! The record of a run: what it was given, what it used, where its memory was.

use crate::{
    run::{Ended, Ran},
    settings::Settings,
};
use std::{
    io::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tidegate_engine::{EngineError, Inputs, MaxRejects, MemoryReport, Replan, SampledReject, shape, sink::OutputFile};
use tidegate_govern::OperatorReport;
use tidegate_memory::{
    ByteCount, Limit,
    machine::{GroupVersion, Machine},
};
use tidegate_report::{
    json,
    record::{
        self, AllowedRejects, AtPeak, Bounds, Environment, Event, EventKind, How, Lines, Memory, Operator,
        RejectSample, Rejects, RunRecord, Sample, Spilled, VERSION,
    },
};
use tidegate_tasks::{
    Forecast,
    history::{Input, NewRun, Outcome},
};

/// What a run was given.
pub struct Given<'a> {
    /// The query.
    pub sql: &'a str,
    /// How it was bounded.
    pub settings: &'a Settings,
    /// What was expected of it.
    pub forecast: Option<record::Forecast>,
}

/// Returns what is kept of a run that begins.
pub fn begun(given: &Given<'_>, inputs: &Inputs) -> NewRun {
    let started = SystemTime::now();
    let record = RunRecord {
        version: VERSION,
        text: given.sql.to_owned(),
        started_ms: Some(milliseconds(started)),
        limit: given.settings.budget.map(|budget| budget.limit),
        spill_limit: given.settings.spill_limit.bytes(),
        threads: given.settings.threads,
        inputs: inputs_of(inputs),
        forecast: given.forecast.clone(),
        ..RunRecord::default()
    };
    let input = Input { fingerprint: None, bytes: inputs.bytes, rows: 0 };
    NewRun { started, ..new_run(&record, input) }
}

/// Returns what the history knows of a run by its record.
pub fn new_run(record: &RunRecord, input: Input) -> NewRun {
    let exit_code = u8::try_from(record.ended.exit_code).unwrap_or(1);
    let forecast = record.forecast.as_ref();
    let started = record.started_ms.map_or(UNIX_EPOCH, |ms| UNIX_EPOCH + Duration::from_millis(ms));
    NewRun {
        kind: "query".into(),
        text: record.text.clone(),
        shape: shape(&record.text),
        input,
        limit: record.limit.map_or(Limit::Unlimited, Limit::Bytes),
        forecast: forecast.map(|forecast| Forecast {
            expected: forecast.expected,
            bound: forecast.bound.unwrap_or(forecast.expected),
        }),
        first_sight: forecast.and_then(|forecast| forecast.first_sight),
        peak: record.peak.unwrap_or_default(),
        duration: Duration::try_from_secs_f64(record.seconds).unwrap_or_default(),
        spilled: record.spilled.bytes,
        outcome: Outcome::of_exit_code(exit_code),
        exit_code,
        started,
        mode: forecast.map(|forecast| forecast.mode.name().to_owned()),
        replans: record.replans.len() as u64,
        record: serde_json::to_string(record).unwrap_or_default(),
    }
}

fn inputs_of(inputs: &Inputs) -> Vec<record::Input> {
    let input = |(path, size): &(String, Option<ByteCount>)| record::Input {
        path: path.clone(),
        bytes: size.unwrap_or_default(),
    };
    inputs.first.iter().map(input).collect()
}

/// Writes the record, whole or not at all. All sizes are in bytes.
///
/// # Errors
/// If the file cannot be written.
pub fn write(mut file: OutputFile, record: &RunRecord) -> Result<(), EngineError> {
    let text = json::write(record).map_err(|error| EngineError::Run(error.to_string()))?;
    writeln!(file, "{text}").map_err(|error| file.error(error))?;
    file.commit()
}

/// Returns the record of a run.
pub fn of(given: &Given<'_>, ran: &Ran) -> RunRecord {
    let traces = &ran.traces;
    let finished = match &ran.ended {
        Ok(Ended::Done(outcome)) => Some(&outcome.finished),
        _ => None,
    };
    let plans = match (finished, &traces.unfinished) {
        (Some(finished), _) => Some((&finished.replans, &finished.memory)),
        (None, unfinished) => unfinished.as_ref().map(|unfinished| (&unfinished.replans, &unfinished.memory)),
    };
    let rejects = finished.map(|finished| &finished.rejects);
    let counts = traces.counts;
    let lines = Lines {
        rows: counts.rows,
        rejects: rejects.map_or(0, |rejects| rejects.count),
        blank: counts.blank,
        passed_over: counts.passed_over,
    };
    RunRecord {
        version: VERSION,
        text: given.sql.to_owned(),
        started_ms: Some(milliseconds(traces.started)),
        seconds: traces.seconds,
        ended: ended(ran),
        limit: given.settings.budget.map(|budget| budget.limit),
        spill_limit: given.settings.spill_limit.bytes(),
        threads: given.settings.threads,
        inputs: inputs_of(&traces.inputs),
        forecast: given.forecast.clone(),
        peak: Some(traces.peak),
        resident_before: traces.before,
        resident_after: traces.after,
        kept: traces.kept,
        rows_out: counts.rows_out,
        bytes_in: counts.bytes,
        lines,
        rejects: Rejects {
            count: lines.rejects,
            allowed: Some(allowed(given.settings.max_rejects.unwrap_or_default())),
            samples: rejects.iter().flat_map(|rejects| &rejects.samples).map(reject).collect(),
        },
        spilled: Spilled {
            bytes: traces.spill.written,
            files: traces.spill.files,
            largest_on_disk: traces.spill.largest,
        },
        replans: plans.iter().flat_map(|(replans, _)| replans.iter()).map(replan).collect(),
        memory: plans.map_or_else(
            || Memory { timeline: traces.seen.timeline.clone(), ..Memory::default() },
            |(_, held)| memory(held, &traces.seen.timeline),
        ),
        events: events(ran),
        environment: environment(given.settings),
        ..RunRecord::default()
    }
}

fn ended(ran: &Ran) -> record::Ended {
    let (how, exit_code, message, help) = match &ran.ended {
        Ok(Ended::Done(outcome)) if outcome.finished.too_many_rejects => (How::TooManyRejects, 4, None, None),
        Ok(Ended::Done(_)) | Err(EngineError::BrokenPipe) => (How::Answered, 0, None, None),
        Ok(Ended::Interrupted(code)) => (How::Interrupted, *code, None, None),
        Err(error) => {
            let how = if matches!(error, EngineError::MemoryLimit(_)) { How::MemoryLimit } else { How::Failed };
            (how, error.exit_code(), Some(error.to_string()), error.help())
        }
    };
    record::Ended { how, exit_code: i32::from(exit_code), message, help }
}

fn events(ran: &Ran) -> Vec<Event> {
    let mut events = ran.traces.seen.events.clone();
    let ms = Duration::try_from_secs_f64(ran.traces.seconds).unwrap_or_default().as_millis();
    events.push(Event { ms: u64::try_from(ms).unwrap_or(u64::MAX), kind: EventKind::End, text: String::new() });
    events
}

fn allowed(rejects: MaxRejects) -> AllowedRejects {
    match rejects {
        MaxRejects::Percent(percent) => AllowedRejects::Percent(percent),
        MaxRejects::Lines(lines) => AllowedRejects::Lines(lines),
    }
}

fn reject(sample: &SampledReject) -> RejectSample {
    RejectSample {
        file: sample.file.to_string(),
        line: sample.line,
        offset: Some(sample.offset),
        reason: sample.reason.clone(),
        raw: sample.raw.clone(),
    }
}

fn replan(replan: &Replan) -> record::Replan {
    record::Replan {
        reason: replan.reason.to_string(),
        partitions: replan.profile.threads,
        batch_rows: replan.profile.batch_rows,
        hash_joins: replan.profile.hash_joins,
    }
}

fn memory(memory: &MemoryReport, seen: &[Sample]) -> Memory {
    Memory {
        anonymous_peak: Some(memory.peak),
        at_peak: Some(AtPeak {
            output: memory.output,
            planning_and_runtime: memory.unowned,
            allocator: memory.allocator,
            program: memory.program,
            owned: memory.owned(),
        }),
        operators: memory.operators.iter().map(operator).collect(),
        timeline: seen.to_vec(),
    }
}

fn operator(operator: &OperatorReport) -> Operator {
    Operator {
        depth: operator.depth,
        name: operator.name.clone(),
        details: operator.details.clone(),
        partitions: operator.partitions,
        rows: operator.rows.and_then(|rows| u64::try_from(rows).ok()),
        forecast: Bounds { least: operator.forecast.least, most: operator.forecast.most },
        peak: operator.peak,
        at_peak: operator.at_peak,
        spilled: operator.spilled,
    }
}

/// For so long, a machine is what it was: reading it costs a ms or two, and a worker may have a task every few ms.
const SAME_MACHINE: Duration = Duration::from_secs(10);

/// Returns this machine, read anew only if that was some time ago.
fn machine() -> Machine {
    static LAST: Mutex<Option<(Instant, Machine)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read, machine)) = &*last
        && read.elapsed() < SAME_MACHINE
    {
        return machine.clone();
    }
    last.insert((Instant::now(), Machine::read())).1.clone()
}

fn environment(settings: &Settings) -> Environment {
    let machine = machine();
    let spill = settings.spill_folder.display().to_string();
    let free = machine.temp.iter().find(|folder| folder.path == spill).and_then(|folder| folder.free);
    let version = machine.groups.memory.as_ref().map(|memory| memory.version);
    Environment {
        host: std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned()),
        kernel: machine.kernel.clone().map(|kernel| format!("Linux {kernel}")),
        cores: machine.usable_cores(),
        memory: machine.memory.total,
        cgroup_version: version.map(|version| if version == GroupVersion::V1 { 1 } else { 2 }),
        cgroup_limit: machine.group_limit(),
        swap: machine.memory.swap,
        temp_folder: Some(spill),
        temp_free: free,
        tidegate_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
    }
}

/// Returns what the history keeps of a query.
pub fn row(record: &RunRecord, ran: &Ran) -> NewRun {
    let input = Input { fingerprint: None, bytes: ran.traces.inputs.bytes, rows: record.lines.rows };
    NewRun { started: ran.traces.started, ..new_run(record, input) }
}

/// Returns how a run ended of which nothing but this is known.
pub fn ended_of(outcome: Outcome, exit_code: u8) -> record::Ended {
    let how = match outcome {
        Outcome::Done => How::Answered,
        Outcome::Failed => How::Failed,
        Outcome::Lost => How::Lost,
        Outcome::Running => How::Running,
        Outcome::MemoryLimit => How::MemoryLimit,
        Outcome::Rejects => How::TooManyRejects,
        Outcome::Interrupted => How::Interrupted,
    };
    let message = match outcome {
        Outcome::Lost => {
            Some("its process ended without a word, as by `kill -9`, the kernel's OOM killer or a power cut")
        }
        Outcome::MemoryLimit => Some("its limit was reached in the middle of a step, and the process ended at once"),
        _ => None,
    };
    record::Ended { how, exit_code: i32::from(exit_code), message: message.map(str::to_owned), help: None }
}

/// Returns a time in milliseconds since 1970.
pub fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
