//! How a run ended.

use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ended {
    /// In which way.
    pub how: How,
    /// The exit code of the command.
    pub exit_code: i32,
    /// The error, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// The ways in which a run ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// With all of its result.
    Answered,
    /// With an error.
    Failed,
    /// With an error, because the limit could not be held otherwise.
    MemoryLimit,
    /// By a signal.
    Interrupted,
    /// With more rejects than allowed.
    TooManyRejects,
    /// It is not over.
    Running,
    /// Its process was lost: something killed it.
    Lost,
    /// The record does not say.
    #[default]
    #[serde(other)]
    Unknown,
}

impl How {
    /// Returns the name, as in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::MemoryLimit => "memory_limit",
            Self::Interrupted => "interrupted",
            Self::TooManyRejects => "too_many_rejects",
            Self::Running => "running",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }
}
