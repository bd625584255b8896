//! The runs over samples.

use super::{
    Forecast,
    growth::is_uncertain,
    level::Level,
    model::{Terms, counts_groups, forecast as model, keys},
};
use crate::{
    EngineError, GivenUp, Task, TaskOptions,
    input::{find, once},
    sql::{Parsed, is_query, parse, take_paths},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tidegate_memory::ByteCount;
use tokio::time::{Instant as Deadline, timeout_at};

/// Bytes of the samples that first sight rests on. Every forecast reads them, so that what it missed can be learned.
const QUICK: [u64; 3] = [512 << 10, 1 << 20, 2 << 20];

/// Bytes of those that are read as well where there is time, and of those where growth is not clear then.
const LARGER: [u64; 2] = [4 << 20, 8 << 20];
const FURTHER: [u64; 3] = [16 << 20, 32 << 20, 64 << 20];

/// How much is done for a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The smallest samples, within about so much time: what takes longer is given up.
    Quick(Duration),
    /// As many samples as tell more.
    Full,
}

/// A forecast takes little longer than this.
const PATIENCE: Duration = Duration::from_millis(450);

/// No sample takes longer than this: one of a join of everything with everything would.
const LONGEST: Duration = Duration::from_secs(2);

/// A forecast holds little more than this.
const MODEST: ByteCount = ByteCount::mib(40);

/// Returns what a query is expected to need under the limit of its options. Runs it over samples of its inputs, and writes nothing.
///
/// # Errors
/// Any [`EngineError`] of the query's text and its files; one with a stream among its inputs cannot be forecast.
pub async fn forecast(options: &TaskOptions, effort: Effort) -> Result<Forecast, EngineError> {
    let start = Instant::now();
    let further: &[u64] = if effort == Effort::Full { &FURTHER } else { &[] };
    let larger: &[u64] = if effort == Effort::Full { &LARGER } else { &[] };
    let mut levels: Vec<Level> = Vec::new();
    for bytes in QUICK.iter().chain(larger).chain(further) {
        if further.contains(bytes) && !is_worth_more(&levels, start) {
            break;
        }
        let Some(time) = time_for(effort, start, &levels) else { break };
        let level = match run(options, *bytes, time).await {
            Ok(Some(level)) => level,
            // What was seen so far has to do.
            Ok(None) | Err(EngineError::MemoryLimit(_)) if !levels.is_empty() => break,
            Ok(None) => return Err(EngineError::slow_forecast()),
            Err(error) => return Err(error),
        };
        let whole = is_whole(&level);
        levels.push(level);
        if whole {
            break;
        }
    }
    if effort != Effort::Full && levels.len() < 2 && !levels.iter().any(is_whole) {
        // One sample tells nothing of growth, and what it would have others learn is wrong.
        return Err(EngineError::slow_forecast());
    }
    let terms = Terms { budget: options.budget };
    let (quick, larger) = levels.split_at(levels.len().min(QUICK.len()));
    let none = || EngineError::Run("nothing was sampled".into());
    let quick_model = model(quick, &terms).ok_or_else(none)?;
    let is_complete = quick.len() == QUICK.len() || quick.last().is_some_and(is_whole);
    let first_sight = quick_model.first_sight.filter(|_| is_complete);
    if larger.is_empty() {
        return Ok(Forecast { first_sight, ..quick_model });
    }
    // The largest of the quick ones is of use beside the others.
    let full = model(levels.get(QUICK.len() - 1..).unwrap_or(&levels), &terms).ok_or_else(none)?;
    Ok(Forecast { first_sight, ..full })
}

fn is_whole(level: &Level) -> bool {
    level.scans.iter().all(|scan| scan.share >= 1.0)
}

/// Returns how long the next sample may take; `None` if there is no time for it.
fn time_for(effort: Effort, start: Instant, levels: &[Level]) -> Option<Duration> {
    let Effort::Quick(all) = effort else { return Some(LONGEST) };
    let left = all.checked_sub(start.elapsed())?;
    // One tells nothing of growth, so that the second is worth a little more than there is.
    let expected = levels.last().map_or(Duration::ZERO, |last| Duration::from_secs_f64(last.seconds));
    (levels.len() < 2 || expected <= left).then_some(left.max(all / 2))
}

/// Returns how much a query will read, if that can be told without opening its files; nothing of a stream, and of what is no
/// query, such as `EXPLAIN`.
pub fn input(sql: &str) -> Option<ByteCount> {
    let mut all = ByteCount::ZERO;
    for pattern in patterns(sql)? {
        if once(&pattern).is_some() {
            return None;
        }
        for file in find(&pattern).ok()? {
            all += file.size?;
        }
    }
    Some(all)
}

/// Returns the files that a query reads, each as often as it is named; none of a query that cannot be taken apart.
pub fn inputs(sql: &str) -> Vec<PathBuf> {
    let files = |pattern: String| find(&pattern).unwrap_or_default();
    patterns(sql).unwrap_or_default().into_iter().flat_map(files).filter_map(|file| file.path).collect()
}

/// Returns what a query names as its input.
fn patterns(sql: &str) -> Option<Vec<String>> {
    let Parsed { mut statement, hidden, .. } = parse(sql).ok().filter(|parsed| is_query(&parsed.statement))?;
    let tables = take_paths(&mut statement, &hidden, &[]).ok()?;
    Some(tables.into_iter().flat_map(|table| table.request.patterns).collect())
}

/// Returns whether the next sample, twice as large as the last, may tell more and can be had.
fn is_worth_more(levels: &[Level], start: Instant) -> bool {
    let Some((last, before)) = levels.split_last() else { return true };
    let peak = |level: &Level, at: usize| level.operators.get(at).map_or(0.0, |held| held.peak);
    let next = |at: usize| {
        let (now, earlier) = (peak(last, at), before.last().map_or(0.0, |before| peak(before, at)));
        // What grew goes on to grow by twice as much.
        now + 2.0 * (now - earlier).max(0.0)
    };
    let held: f64 = (0..last.operators.len()).map(next).sum();
    let lasts = Duration::from_secs_f64(last.seconds * 2.0);
    if start.elapsed() + lasts > PATIENCE || held > super::level::number(MODEST.bytes()) {
        return false;
    }
    (0..last.operators.len()).any(|at| counts_groups(last, at) && is_uncertain(&keys(levels, at)))
}

/// Runs a query over a sample, and leaves nothing of it behind: not the plans that were given up, nor the peaks of the watch.
/// Returns nothing of one that takes longer than it may.
async fn run(options: &TaskOptions, bytes: u64, time: Duration) -> Result<Option<Level>, EngineError> {
    let (start, deadline) = (Instant::now(), Deadline::now() + time);
    options.watch.reset();
    let given_up = GivenUp::new(options.given_up.reasons());
    let sampled = TaskOptions { sample: Some(bytes), rejects: None, max_rejects: None, given_up, ..options.clone() };
    let mut running = Task::new(sampled)?.start().await?;
    let whole = loop {
        match timeout_at(deadline, running.next()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) => break true,
            Ok(Err(error)) => return Err(error),
            Err(_) => break false,
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let plan = running.plan();
    // Ends the plan, also one that is not at its end.
    let finished = running.finish()?;
    let level = Level::of(&plan, &finished, seconds);
    drop(plan);
    options.watch.reset();
    Ok(whole.then_some(level))
}
