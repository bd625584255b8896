//! What happens over time: how much is in use, which function allocates, which lines only grow.
//!
//! Nothing here grows with the length of the job: when a list is full, every other item goes, and the next ones come half as
//! often.

use crate::charge::{Charged, Ledger};
use std::{collections::HashMap, sync::Arc};
use tidegate_memory::ByteCount;
use tidegate_report::record::{Leak, Phase, Sample};

/// The most samples, phases and points of a line.
const SAMPLES: usize = 2000;
const PHASES: usize = 100;
const POINTS: usize = 48;
/// The most lines whose growth is followed.
const LINES: usize = 10_000;
/// The least time between two of each.
const SAMPLE_MS: u64 = 100;

/// A line has grown if so many looks saw it.
const LEAST_POINTS: usize = 6;
/// And by this.
const LEAST_GROWN: u64 = 8 << 20;

/// What happens over time.
#[derive(Debug)]
pub(crate) struct Growth {
    pub(crate) timeline: Vec<Sample>,
    every_ms: u64,
    pub(crate) phases: Vec<Phase>,
    /// Lines that were seen, each by its number.
    known: HashMap<Arc<Charged>, usize>,
    points: Vec<HashMap<usize, u64>>,
    times: Vec<u64>,
    points_every_ms: u64,
}

impl Default for Growth {
    fn default() -> Self {
        Self {
            timeline: Vec::new(),
            every_ms: SAMPLE_MS,
            phases: Vec::new(),
            known: HashMap::new(),
            points: Vec::new(),
            times: Vec::new(),
            points_every_ms: SAMPLE_MS,
        }
    }
}

impl Growth {
    /// Takes a sample; one that comes soon after another only raises it.
    pub(crate) fn sample(&mut self, sample: Sample) {
        if let Some(last) = self.timeline.last_mut().filter(|last| sample.ms < last.ms + self.every_ms) {
            last.resident = last.resident.max(sample.resident);
            last.anonymous = last.anonymous.max(sample.anonymous);
            return;
        }
        self.timeline.push(sample);
        if self.timeline.len() >= SAMPLES {
            self.every_ms *= 2;
            let pairs =
                self.timeline.chunks(2).filter_map(|pair| pair.iter().max_by_key(|sample| sample.resident).cloned());
            self.timeline = pairs.collect();
        }
    }

    /// Is told which function allocated last.
    pub(crate) fn phase(&mut self, function: &str, ms: u64, in_use: ByteCount) {
        if let Some(last) = self.phases.last_mut().filter(|last| last.function == function || function.is_empty()) {
            last.to_ms = ms;
            last.peak = last.peak.max(in_use);
            return;
        }
        if function.is_empty() {
            return;
        }
        if let Some(last) = self.phases.last_mut() {
            last.to_ms = ms;
        }
        if self.phases.len() < PHASES {
            self.phases.push(Phase { function: function.to_owned(), from_ms: ms, to_ms: ms, peak: in_use });
        }
    }

    /// Returns whether it is time for a look at all lines.
    pub(crate) fn is_due(&self, ms: u64) -> bool {
        self.times.last().is_none_or(|last| ms >= last + self.points_every_ms)
    }

    /// Takes what lives of each line.
    pub(crate) fn lines(&mut self, ms: u64, ledger: &Ledger) {
        let mut point = HashMap::new();
        for (line, amount) in ledger.lines.iter().filter(|(line, amount)| amount.live > 0 && !line.line.file.is_empty())
        {
            let next = self.known.len();
            let number = match self.known.get(line) {
                Some(number) => *number,
                None if next < LINES => *self.known.entry(Arc::clone(line)).or_insert(next),
                None => continue,
            };
            point.insert(number, amount.live);
        }
        self.points.push(point);
        self.times.push(ms);
        if self.points.len() >= POINTS {
            self.points_every_ms *= 2;
            let mut keep = [true, false].into_iter().cycle();
            self.points.retain(|_| keep.next().unwrap_or(true));
            let mut keep = [true, false].into_iter().cycle();
            self.times.retain(|_| keep.next().unwrap_or(true));
        }
    }

    /// Returns the lines whose memory only grew until the end.
    pub(crate) fn leaks(&self, ledger: &Ledger) -> Vec<Leak> {
        let mut leaks: Vec<Leak> =
            self.known.iter().filter_map(|(line, number)| self.leak(line, *number, ledger)).collect();
        leaks.sort_by_key(|leak| std::cmp::Reverse(leak.grown));
        leaks.truncate(8);
        leaks
    }

    fn leak(&self, line: &Arc<Charged>, number: usize, ledger: &Ledger) -> Option<Leak> {
        let points = &self.points;
        // Modules are loaded once, if slowly.
        if line.through.starts_with("_find_and_load") || line.through.starts_with("_handle_fromlist") {
            return None;
        }
        // Of the first third, when most programs load what they work on, nothing is said.
        let skipped = points.len() / 3;
        let series: Vec<u64> =
            points.iter().skip(skipped).map(|point| point.get(&number).copied().unwrap_or(0)).collect();
        let (first, last) = (*series.first()?, *series.last()?);
        let grown = last.saturating_sub(first);
        let steps: Vec<(u64, u64)> = series.iter().copied().zip(series.iter().copied().skip(1)).collect();
        let rises = steps.iter().filter(|(before, after)| after > before).count();
        let falls = steps.iter().any(|(before, after)| *after < before - before / 10);
        // Growth is spread over the time: one step up is a load.
        let largest = steps.iter().map(|(before, after)| after.saturating_sub(*before)).max().unwrap_or(0);
        let is_leak = series.len() >= LEAST_POINTS && rises * 2 >= steps.len() && !falls && largest * 2 <= grown;
        if !is_leak || grown < LEAST_GROWN {
            return None;
        }
        let amount = ledger.lines.get(line).copied().unwrap_or_default();
        let each = amount.total.saturating_mul(1000) / amount.allocations.max(1);
        let seconds = self.times.last()?.saturating_sub(*self.times.get(skipped)?);
        Some(Leak {
            file: line.line.file.clone(),
            line: line.line.line,
            grown: ByteCount::new(grown),
            // Small objects are seen by the arenas that they are in, which says nothing of one.
            each: if matches!(each, 0x4_0000 | 0x10_0000) { ByteCount::ZERO } else { ByteCount::new(each) },
            bytes_per_second: per_second(grown, seconds),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a speed is shown with three digits")]
fn per_second(bytes: u64, ms: u64) -> f64 {
    bytes as f64 * 1000.0 / ms.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{charge::Amount, counted::Line};

    fn ledger(live: u64) -> Ledger {
        let place = Line { file: "a.py".into(), function: "f".into(), line: 3 };
        let amount = Amount { live, total: live, allocations: live / 1000, ..Amount::default() };
        Ledger {
            lines: [(Arc::new(Charged { line: place, ..Charged::default() }), amount)].into(),
            ..Ledger::default()
        }
    }

    fn leaks(lives: &[u64]) -> Vec<Leak> {
        let mut growth = Growth::default();
        for (at, live) in lives.iter().enumerate() {
            growth.lines(at as u64 * 100, &ledger(live << 20));
        }
        growth.leaks(&ledger(lives.last().unwrap() << 20))
    }

    #[test]
    fn a_line_that_only_grows_is_told() {
        let found = leaks(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]);
        assert_eq!((found.len(), found[0].line, found[0].grown), (1, 3, ByteCount::mib(70)));
        assert!((999_000..1_001_000).contains(&found[0].each.bytes()), "{}", found[0].each);
    }

    #[test]
    fn what_is_loaded_once_or_given_back_is_no_leak() {
        let lives: [&[u64]; 3] =
            [&[0, 0, 0, 0, 100, 100, 100, 100, 100, 100], &[0, 50, 0, 50, 0, 50, 0, 50, 0, 50], &[0, 10, 20]];
        for lives in lives {
            assert!(leaks(lives).is_empty(), "{lives:?}");
        }
    }

    #[test]
    fn nothing_grows_with_the_length_of_the_job() {
        let mut growth = Growth::default();
        for ms in 0..1_000_000 {
            growth.sample(Sample { ms: ms * 100, resident: ByteCount::new(ms % 7), ..Sample::default() });
            growth.phase(&format!("f{}", ms % 3), ms * 100, ByteCount::ZERO);
        }
        assert!(growth.timeline.len() < SAMPLES && growth.phases.len() <= PHASES);
        for ms in 0..1000 {
            growth.lines(ms, &ledger(1));
        }
        assert!(growth.points.len() < POINTS && growth.points.len() == growth.times.len());
    }
}
