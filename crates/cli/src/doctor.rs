//! `tidegate doctor`.

use crate::{
    args::{DoctorArgs, HistoryArgs, TextForm},
    history,
    printer::Printer,
    say::say,
};
use serde_json::json;
use std::collections::HashSet;
use tidegate_engine::{EngineError, sink::printable};
use tidegate_memory::{
    ByteCount,
    doctor::{Difference, Finding, Job, advice, differences},
    machine::{self, Machine},
};
use tidegate_tasks::history::{Outcome, Run, RunFilter};

/// Jobs of the history that are compared.
const JOBS: usize = 20;

/// Runs the command and returns its exit code: 0 also where something was found.
///
/// # Errors
/// If the standard output cannot be written.
pub fn run_command(arguments: &DoctorArgs, printer: Printer) -> Result<u8, EngineError> {
    let here = Machine::read();
    if let Some(path) = &arguments.save {
        if let Err(error) = machine::save(&here, path) {
            return Ok(printer.problem(&error.to_string(), Some(error.help()), 1));
        }
        printer.note(&format!("the profile of this {} is in {}", here.noun(), printable(&path.display().to_string())));
    }
    let other = match arguments.against.as_deref().map(machine::load).transpose() {
        Ok(other) => other,
        Err(error) => return Ok(printer.problem(&error.to_string(), Some(error.help()), 1)),
    };
    let findings = advice(&here);
    let differing = other.as_ref().map(|other| differences(&here, other, &jobs(&arguments.history, printer)));
    match arguments.format {
        TextForm::Json => {
            say(&format!("{:#}", json!({ "machine": &here, "findings": &findings, "differences": &differing })))?;
        }
        TextForm::Text if arguments.save.is_some() && differing.is_none() => {}
        TextForm::Text => {
            summary(&here)?;
            findings.iter().try_for_each(finding)?;
            if findings.is_empty() {
                say("nothing found that hurts a job that needs memory")?;
            }
            if let Some(differing) = &differing {
                compared(differing)?;
            }
        }
    }
    Ok(0)
}

fn summary(here: &Machine) -> Result<(), EngineError> {
    let size = |bytes: Option<ByteCount>| bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
    say(&format!("memory   {} allowed, {} available now", size(here.allowed()), size(here.available())))?;
    let limit =
        here.group_limit().map_or_else(|| "no limit below the host's memory".to_owned(), |limit| limit.to_string());
    say(&format!("cgroup   {limit}"))?;
    say(&format!("swap     {}", size(here.memory.swap)))?;
    say(&format!("cores    {}", here.usable_cores().map_or_else(|| "unknown".to_owned(), |cores| cores.to_string())))?;
    for folder in &here.temp {
        let kind = if folder.in_memory { "held in memory" } else { folder.kind.as_deref().unwrap_or("on disk") };
        say(&format!("temp     {}: {} free, {}", printable(&folder.path), size(folder.free), printable(kind)))?;
    }
    say(&format!("kernel   {}\n", printable(here.kernel.as_deref().unwrap_or("unknown"))))
}

fn finding(finding: &Finding) -> Result<(), EngineError> {
    say(&format!("{}: {}", finding.severity.word(), printable(&finding.sentence)))?;
    say(&format!("  fix: {}", printable(&finding.fix)))
}

fn compared(differing: &[Difference]) -> Result<(), EngineError> {
    say("\nbeside the other machine:")?;
    if differing.is_empty() {
        say("  no difference that changes a job's fate")?;
    }
    differing.iter().try_for_each(|difference| say(&format!("  {}", printable(&difference.sentence))))
}

/// Returns the jobs of the history: of each shape of a query, and of each command, the newest run.
fn jobs(arguments: &HistoryArgs, printer: Printer) -> Vec<Job> {
    let filter = RunFilter { count: Some(JOBS * 10), ..RunFilter::default() };
    let runs = history::open(arguments, printer).and_then(|mut history| history.list(&filter).ok()).unwrap_or_default();
    let mut seen = HashSet::new();
    let newest = runs.iter().filter(|run| run.facts.outcome != Outcome::Running && seen.insert(&run.facts.shape));
    newest.filter_map(job).take(JOBS).collect()
}

/// Returns the job that a run is. What it took says more than what was expected of it; of one that was held down by its limit,
/// or that did not come to its end, it does not say what it would have taken. A query spills where it has to.
fn job(run: &Run) -> Option<Job> {
    const MOST: usize = 60;
    let facts = &run.facts;
    let is_query = facts.kind != "command";
    let at_least = facts.peak + facts.spilled;
    let (expected, bound) = if facts.outcome == Outcome::Done && !run.was_held() {
        (facts.peak, facts.peak)
    } else {
        let expected = facts.first_sight.or(facts.forecast.map(|forecast| forecast.expected)).unwrap_or_default();
        let bound = facts.forecast.map(|forecast| forecast.bound).unwrap_or_default();
        (expected.max(at_least), bound.max(expected).max(at_least))
    };
    let text = facts.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_long = text.chars().count() > MOST;
    let name = if is_long { text.chars().take(MOST - 2).chain("..".chars()).collect() } else { text };
    let spilled = Some(facts.spilled).filter(|spilled| *spilled > ByteCount::ZERO);
    let spill = is_query.then(|| spilled.unwrap_or(expected));
    (expected > ByteCount::ZERO).then_some(Job { name, expected, bound, spill })
}
