//! What is kept of a run.

use super::RunId;
use crate::{Fingerprint, learn::Lesson};
use std::time::{Duration, SystemTime};
use tidegate_memory::{ByteCount, Limit};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Done,
    /// By an error of the data, the query or the machine.
    Failed,
    /// It needed more memory than its limit.
    MemoryLimit,
    /// Too many lines were rejects.
    Rejects,
    /// Somebody ended it.
    Interrupted,
    /// Its process was lost.
    Lost,
    /// It is not over yet.
    Running,
}

/// What is known of a run whose process ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The exit code of the process.
    pub exit_code: u8,
    /// The peak that the kernel counted.
    pub peak: ByteCount,
    /// How long it took.
    pub duration: Duration,
}

/// What a run read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// What the inputs held, if that is known.
    pub fingerprint: Option<Fingerprint>,
    /// Bytes of all inputs.
    pub bytes: ByteCount,
    /// Rows of all inputs.
    pub rows: u64,
}

/// A run as it is added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// What started it, such as `query` or `task`.
    pub kind: String,
    /// The query or the command.
    pub text: String,
    /// What runs that can learn from each other have in common; whoever forecasts decides what that is.
    pub shape: String,
    /// What was read.
    pub input: Input,
    /// Its limit.
    pub limit: Limit,
    /// The forecast that was shown, if there was one.
    pub forecast: Option<crate::Forecast>,
    /// The expected peak, if all is held in memory, as a sample of the data showed it, before anything was learned: what
    /// [`crate::learn`] compares with the peak. `None` where nobody looked: what the history itself says teaches it nothing.
    pub first_sight: Option<ByteCount>,
    /// The peak that the kernel counted.
    pub peak: ByteCount,
    /// How long it took.
    pub duration: Duration,
    /// Bytes that were spilled.
    pub spilled: ByteCount,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of its process.
    pub exit_code: u8,
    /// When it started, by the clock.
    pub started: SystemTime,
    /// How it was expected to go about its memory, if that was forecast.
    pub mode: Option<String>,
    /// How often it was planned again, narrower.
    pub replans: u64,
    /// Everything else, as JSON.
    pub record: String,
}

/// A run that is kept. The record is apart ([`super::History::record`]), because it may be large.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// What is known of it; `record` is empty.
    pub facts: NewRun,
}

impl Run {
    /// Returns whether it was held down: it spilled, or was planned again, narrower. What it showed the kernel then says what its
    /// limit was, and not what it would have taken.
    pub fn was_held(&self) -> bool {
        self.facts.spilled > ByteCount::ZERO || self.facts.replans > 0
    }

    /// Returns what it teaches about runs that have the memory that they want, if it was one, ended well, and was forecast by a
    /// look at its data.
    pub fn lesson(&self) -> Option<Lesson> {
        let facts = &self.facts;
        let is_lesson = facts.outcome == Outcome::Done && !self.was_held();
        let first_sight = facts.first_sight.filter(|_| is_lesson)?;
        Some(Lesson { input: facts.input.bytes, first_sight, peak: facts.peak })
    }
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Done, Self::Failed, Self::MemoryLimit, Self::Rejects, Self::Interrupted, Self::Lost, Self::Running];

    /// Returns its name, as lists and filters write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::MemoryLimit => "memory-limit",
            Self::Rejects => "rejects",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
            Self::Running => "running",
        }
    }

    /// Returns what it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Well",
            Self::Failed => "By an error of the data, the query or the machine",
            Self::MemoryLimit => "It needed more memory than its limit",
            Self::Rejects => "Too many lines were rejects",
            Self::Interrupted => "Somebody ended it",
            Self::Lost => "Its process was lost",
            Self::Running => "It is not over yet",
        }
    }

    /// Returns the outcome of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Returns the outcome that an exit code of the command means.
    pub fn of_exit_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            3 => Self::MemoryLimit,
            4 => Self::Rejects,
            130 | 143 => Self::Interrupted,
            137 => Self::Lost,
            _ => Self::Failed,
        }
    }
}
