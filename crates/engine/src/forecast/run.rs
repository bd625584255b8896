//! The runs over samples.

use super::{
    Forecast,
    growth::is_uncertain,
    level::Level,
    model::{Terms, forecast as model, keys},
};
use crate::{EngineError, Task, TaskOptions};
use std::time::{Duration, Instant};
use tidegate_memory::ByteCount;

/// Bytes of the samples that are always read, and of those that are read as well where growth is not clear.
const FIRST: [u64; 3] = [2 << 20, 4 << 20, 8 << 20];
const FURTHER: [u64; 3] = [16 << 20, 32 << 20, 64 << 20];

/// A forecast takes little longer than this.
const PATIENCE: Duration = Duration::from_millis(450);

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
        let level = match run(options, bytes).await {
            // What was seen so far has to do.
            Err(EngineError::MemoryLimit(_)) if !levels.is_empty() => break,
            level => level?,
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
    let Some(last) = levels.last() else { return true };
    let held: f64 = last.operators.iter().map(|held| held.peak).sum();
    let lasts = Duration::from_secs_f64(last.seconds * 2.0);
    if start.elapsed() + lasts > PATIENCE || held * 2.0 > super::level::number(MODEST.bytes()) {
        return false;
    }
    (0..last.operators.len()).any(|at| is_uncertain(&keys(levels, at)))
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
