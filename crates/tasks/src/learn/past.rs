//! What the history knows of a query: its runs of before, and what follows from them for the next one.
//!
//! Three things can be learned of runs of the same shape, and each asks for other runs:
//!
//! - **By how much first sight is wrong** ([`Past::corrected`]): from runs whose data were looked at beforehand. What is compared
//!   is the peak if all is held in memory, as the same small samples show it each time, with the peak of runs that did hold all in memory.
//! - **What runs take, as it is** ([`Past::known`]): from peaks alone, by the line that lies nearest to them over the sizes of their
//!   inputs. Three alike runs that agree suffice, and nobody has to look at the data. Such a run has no first sight: one that
//!   was made up of the history would teach the history what it knows already, and be an echo among the lessons. So every so
//!   often, or where the peaks do not agree any more, the data are looked at again ([`Past::is_due`]).
//! - **Whether they spill** ([`Past::habit`]): from runs of about the same size and limit. What was held down by its limit teaches
//!   nothing of what it would have taken; what it held against what the limit leaves to those that spill ([`held_to`]) is
//!   learned apart.

use super::{ALIKE, Forecast, Learned, Lesson, distance, learn, line};
use crate::history::{NewRun, Outcome, Run};
use std::time::Duration;
use tidegate_memory::{Budget, ByteCount, Limit, START, START_AT_MOST, program_share};

/// Alike runs that suffice without a look at the data.
const ENOUGH: usize = 3;

/// The peaks of alike runs agree if the bound that they give is no more than so many times what they let expect.
const AGREE: f64 = 2.0;

/// The data are looked at by one in so many runs at least.
const LOOKED: usize = 16;

/// Runs that say whether others like them spill.
const HABIT: usize = 3;

/// Limits within so many percent are alike.
const NEAR: u64 = 10;

/// What a process holds before its task, about.
const BASELINE: ByteCount = ByteCount::mib(9);

/// How far what is expected of peaks is believed at first.
const CLAIMED: f64 = 1.5;

/// The runs of a shape, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Past {
    runs: Vec<Run>,
}

/// What runs like the next one took.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The peak, and its bound.
    pub peak: Learned,
    /// Whether they spilled.
    pub habit: Habit,
    /// What they spilled.
    pub spilled: ByteCount,
    /// How long they took.
    pub duration: Duration,
    /// How the newest of them that was forecast was expected to go about its memory.
    pub mode: Option<String>,
}

/// What runs like the next one did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// They held in memory what they had to hold.
    Held,
    /// They spilled.
    Spilled,
}

impl Past {
    /// Returns what runs of one shape say, the newest first.
    pub fn new(runs: Vec<Run>) -> Self {
        let done = runs.into_iter().filter(|run| run.facts.outcome == Outcome::Done);
        Self { runs: done.map(as_unlimited).collect() }
    }

    /// Returns how many runs there are.
    pub fn count(&self) -> usize {
        self.runs.len()
    }

    /// Corrects a forecast at first sight, of the peak within a limit if all is held in memory.
    pub fn corrected(&self, first_sight: Forecast, input: ByteCount, limit: Limit) -> Learned {
        let lessons: Vec<Lesson> = self.runs.iter().filter_map(Run::lesson).collect();
        let Forecast { expected, bound } = first_sight;
        let more = more_program(limit);
        within(learn(Forecast { expected: expected + more, bound: bound + more }, input, &lessons), limit)
    }

    /// Returns what runs of this size within this limit take, if enough of them agree.
    pub fn known(&self, input: ByteCount, limit: Limit) -> Option<Known> {
        let alike: Vec<&Run> = self.alike(input).collect();
        let free: Vec<&Run> = alike.iter().copied().filter(|run| !run.was_held()).collect();
        let held: Vec<&Run> = alike.iter().copied().filter(|run| run.was_held()).collect();
        let in_memory = peaks(&free, input).map(|learned| within(learned, limit));
        let habit = self.habit(input, limit).or_else(|| {
            // What never ran within such a limit spills if it does not fit.
            let bytes = limit.bytes()?;
            let expected = in_memory.as_ref()?.forecast.expected;
            Some(if expected > held_to(bytes) { Habit::Spilled } else { Habit::Held })
        });
        let habit = if limit.bytes().is_none() { Habit::Held } else { habit? };
        let (peak, runs, more) = match habit {
            Habit::Held => (in_memory?, free, more_program(limit)),
            Habit::Spilled => (spilling(&held, input, limit)?, held, ByteCount::ZERO),
        };
        let of = |value: fn(&Run) -> f64| {
            let points: Vec<_> = runs.iter().map(|run| (bytes(run.facts.input.bytes), value(run))).collect();
            line(&points, bytes(input))
        };
        let Forecast { expected, bound } = peak.forecast;
        let agree = bytes(bound + more) <= bytes(expected + more) * AGREE;
        (peak.runs >= ENOUGH && agree).then(|| Known {
            peak,
            habit,
            spilled: whole(of(|run| bytes(run.facts.spilled))),
            duration: Duration::try_from_secs_f64(of(|run| run.facts.duration.as_secs_f64())).unwrap_or_default(),
            mode: runs.iter().find_map(|run| run.facts.mode.clone()),
        })
    }

    /// Returns what runs of this size did within such a limit, if at least two of the newest agree and none differs.
    pub fn habit(&self, input: ByteCount, limit: Limit) -> Option<Habit> {
        let limit = limit.bytes()?;
        let near = |other: ByteCount| other.bytes().abs_diff(limit.bytes()) <= limit.percent(NEAR).bytes();
        let alike = self.alike(input).filter(|run| run.facts.limit.bytes().is_some_and(near));
        let spilled: Vec<bool> = alike.take(HABIT).map(|run| run.facts.spilled > ByteCount::ZERO).collect();
        let first = *spilled.first().filter(|_| spilled.len() >= 2)?;
        let agree = spilled.iter().all(|spilled| *spilled == first);
        agree.then_some(if first { Habit::Spilled } else { Habit::Held })
    }

    /// Returns what the peak of a run is that spills, if such runs are known.
    pub fn spilling(&self, input: ByteCount, limit: Limit) -> Option<Learned> {
        let held: Vec<&Run> = self.runs.iter().filter(|run| run.was_held()).collect();
        spilling(&held, input, limit)
    }

    /// Returns whether the data are to be looked at again, however well runs are known.
    pub fn is_due(&self) -> bool {
        self.runs.iter().take(LOOKED).all(|run| run.facts.first_sight.is_none())
    }

    /// Returns how long so much input takes, by the newest run.
    pub fn duration(&self, input: ByteCount) -> Option<Duration> {
        let newest = self.runs.first()?;
        let each = newest.facts.duration.as_secs_f64() / bytes(newest.facts.input.bytes).max(1.0);
        Duration::try_from_secs_f64(each * bytes(input)).ok()
    }

    fn alike(&self, input: ByteCount) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| distance(run.facts.input.bytes, input) <= ALIKE.ln() + 1e-9)
    }
}

/// Returns how many more of its own pages a process shows that has no limit.
fn more_program(limit: Limit) -> ByteCount {
    program_share(Limit::Unlimited) - program_share(limit)
}

/// Returns a run with what it would have shown of the program without a limit, so that runs within different ones can stand
/// beside each other. What was held down by its limit stays as it is.
fn as_unlimited(run: Run) -> Run {
    if run.was_held() || run.facts.peak == ByteCount::ZERO {
        return run;
    }
    let more = more_program(run.facts.limit);
    let (peak, first_sight) = (run.facts.peak + more, run.facts.first_sight.map(|sight| sight + more));
    Run { facts: NewRun { first_sight, peak, ..run.facts }, ..run }
}

/// Returns what was learned without a limit for a run within one.
fn within(learned: Learned, limit: Limit) -> Learned {
    let (Forecast { expected, bound }, more) = (learned.forecast, more_program(limit));
    let less = |whole: ByteCount, least: ByteCount| (whole - more).max(least.min(whole));
    Learned { forecast: Forecast { expected: less(expected, START), bound: less(bound, START_AT_MOST) }, ..learned }
}

/// Returns what is left of a limit to a query that spills: all but the reserve.
pub fn held_to(limit: ByteCount) -> ByteCount {
    limit - Budget::of(limit, BASELINE).reserve
}

/// Returns the peak that the peaks of runs let expect of an input, and their spread around what they let expect.
fn peaks(runs: &[&Run], input: ByteCount) -> Option<Learned> {
    let peaks: Vec<_> = runs.iter().filter(|run| run.facts.peak > ByteCount::ZERO).collect();
    let points: Vec<_> = peaks.iter().map(|run| (bytes(run.facts.input.bytes), bytes(run.facts.peak))).collect();
    let expected = |input: ByteCount| whole(line(&points, bytes(input)));
    let lesson = |run: &&&Run| Lesson {
        input: run.facts.input.bytes,
        first_sight: expected(run.facts.input.bytes),
        peak: run.facts.peak,
    };
    let lessons: Vec<Lesson> = peaks.iter().map(lesson).collect();
    let claim = Forecast { expected: expected(input), bound: whole(line(&points, bytes(input)) * CLAIMED) };
    (!lessons.is_empty()).then(|| learn(claim, input, &lessons))
}

/// Returns the peak of a run that spills, by what others held of what their limits left them.
fn spilling(held: &[&Run], input: ByteCount, limit: Limit) -> Option<Learned> {
    let lesson = |run: &&Run| {
        let limit = run.facts.limit.bytes()?;
        Some(Lesson { input: run.facts.input.bytes, first_sight: held_to(limit), peak: run.facts.peak })
    };
    let lessons: Vec<Lesson> = held.iter().filter_map(lesson).collect();
    let limit = limit.bytes().filter(|_| !lessons.is_empty())?;
    let mut learned = learn(Forecast { expected: held_to(limit), bound: limit }, input, &lessons);
    let Forecast { expected, bound } = learned.forecast;
    learned.forecast = Forecast { expected: expected.min(limit), bound: bound.min(limit) };
    Some(learned)
}

#[expect(clippy::cast_precision_loss, reason = "a forecast needs few digits")]
fn bytes(count: ByteCount) -> f64 {
    count.bytes() as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn whole(bytes: f64) -> ByteCount {
    ByteCount::new(bytes.max(0.0).round() as u64)
}
