//! A forecast as earlier runs correct it: a pure function of both. What they say of the query, others know.

use super::{
    Forecast, Mode, Range,
    level::number,
    mode,
    model::{ROUNDING, spilled, within},
};
use tidegate_memory::ByteCount;

/// A peak that runs taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taught {
    /// What is expected.
    pub expected: ByteCount,
    /// What 95 of 100 runs stay below.
    pub bound: ByteCount,
    /// How many runs taught it.
    pub runs: usize,
}

/// What runs of the query taught.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lessons {
    /// The peak if all is held in memory.
    pub in_memory: Option<Taught>,
    /// The peak where it spills within such a limit.
    pub spilling: Option<Taught>,
    /// Whether runs of this size within such a limit spilled; `None` if that is not known.
    pub spilled: Option<bool>,
}

impl Range {
    fn of(taught: &Taught) -> Self {
        let (expected, most) = (number(taught.expected.bytes()), number(taught.bound.max(taught.expected).bytes()));
        // As far below as above, in proportion.
        Self { least: expected * expected / most.max(1.0), expected, most }
    }
}

impl Forecast {
    /// Corrects it by what runs taught. Where they say how such a run went, that is what is expected of it.
    #[must_use]
    pub fn taught(mut self, lessons: &Lessons) -> Self {
        if let Some(taught) = lessons.in_memory.filter(|taught| taught.runs > 0) {
            self.correct(&taught);
        }
        let spills = matches!(self.mode, Mode::Spilling);
        match lessons.spilled {
            Some(true) if matches!(self.mode, Mode::Streaming | Mode::InMemory) => {
                (self.mode, self.reason) = (Mode::Spilling, "runs like it spilled within such a limit".into());
            }
            Some(false) if spills => {
                (self.mode, self.reason) = (Mode::InMemory, "runs like it did not spill within such a limit".into());
                self.spill = Range::default();
            }
            _ => {}
        }
        self.peak = within(self.in_memory, &self.terms, self.mode);
        if let (Mode::Spilling, Some(taught), Some(budget)) = (self.mode, &lessons.spilling, self.terms.budget) {
            self.peak = Range::of(taught).at_most(number(budget.limit.bytes()));
            self.runs = self.runs.max(taught.runs);
        }
        self
    }

    /// What does not grow stays as it was seen; what is more or less than expected is of what grows.
    fn correct(&mut self, taught: &Taught) {
        let before = self.in_memory;
        let grown = self.needs.held * (1.0 + ROUNDING);
        let fixed = before.expected - grown;
        self.in_memory = Range::of(taught);
        self.runs = taught.runs;
        let shift = |range: Range, of: fn(Range) -> f64| of(range) - of(before);
        let taught = self.in_memory;
        self.unlimited = Range {
            least: taught.least + shift(self.unlimited, |range| range.least),
            expected: taught.expected + shift(self.unlimited, |range| range.expected),
            most: taught.most + shift(self.unlimited, |range| range.most),
        };
        if grown <= 0.0 {
            return;
        }
        let held = |peak: f64| ((peak - fixed) / (1.0 + ROUNDING)).max(0.0);
        let factor = held(taught.expected) / self.needs.held;
        self.growing = self.growing.times(factor);
        self.needs.held = held(taught.expected);
        self.needs.held_at_most = held(taught.most);
        self.needs.rigid *= factor;
        (self.mode, self.reason) = mode::choose(&self.needs);
        self.spill = self.needs.may_have.map_or(Range::default(), |may_have| spilled(&self.growing, may_have));
    }
}
