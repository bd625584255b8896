//! The runs over samples.

use super::{
    Forecast,
    growth::is_uncertain,
    level::Level,
    model::{Terms, counts_groups, forecast as model, keys},
};
use crate::{EngineError, Task, TaskOptions};
use std::time::{Duration, Instant};
use tidegate_memory::ByteCount;
use tokio::time::timeout;

/// Bytes of the samples that are always read, and of those that are read as well where growth is not clear.
const FIRST: [u64; 3] = [2 << 20, 4 << 20, 8 << 20];
const FURTHER: [u64; 3] = [16 << 20, 32 << 20, 64 << 20];

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
pub async fn forecast(options: &TaskOptions) -> Result<Forecast, EngineError> {
    let start = Instant::now();
    let mut levels: Vec<Level> = Vec::new();
    for bytes in FIRST.into_iter().chain(FURTHER) {
        if bytes > FIRST.last().copied().unwrap_or_default() && !is_worth_more(&levels, start) {
            break;
        }
        let level = match timeout(LONGEST, run(options, bytes)).await {
            Ok(Ok(level)) => level,
            // What was seen so far has to do.
            Ok(Err(EngineError::MemoryLimit(_))) | Err(_) if !levels.is_empty() => break,
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(EngineError::slow_forecast()),
        };
        let whole = level.scans.iter().all(|scan| scan.share >= 1.0);
        levels.push(level);
        if whole {
            break;
        }
    }
    let terms = Terms { budget: options.budget };
    model(&levels, &terms).ok_or_else(|| EngineError::Run("nothing was sampled".into()))
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

async fn run(options: &TaskOptions, bytes: u64) -> Result<Level, EngineError> {
    let start = Instant::now();
    options.watch.reset();
    let task = Task::new(TaskOptions { sample: Some(bytes), rejects: None, max_rejects: None, ..options.clone() })?;
    let mut running = task.start().await?;
    while running.next().await?.is_some() {}
    let seconds = start.elapsed().as_secs_f64();
    let plan = running.plan();
    let finished = running.finish()?;
    Ok(Level::of(&plan, &finished, seconds))
}
