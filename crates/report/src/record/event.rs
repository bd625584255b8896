//! What happened at one moment of a run.

use serde::{Deserialize, Serialize};

/// What happened at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Milliseconds since the start of the run.
    pub ms: u64,
    /// What kind of thing.
    pub kind: EventKind,
    /// More of it in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An operator wrote state to disk.
    Spill,
    /// Freed pages were given back.
    Purge,
    /// The program's own clean pages were dropped.
    PagesDropped,
    /// An operator was refused growth.
    Refusal,
    /// Scans waited.
    Pause,
    /// The query was planned again, narrower.
    Replan,
    /// The run ended.
    End,
    /// Something that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl EventKind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Spill,
        Self::Purge,
        Self::PagesDropped,
        Self::Refusal,
        Self::Pause,
        Self::Replan,
        Self::End,
        Self::Other,
    ];

    /// Returns the name, as in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spill => "spill",
            Self::Purge => "purge",
            Self::PagesDropped => "pages_dropped",
            Self::Refusal => "refusal",
            Self::Pause => "pause",
            Self::Replan => "replan",
            Self::End => "end",
            Self::Other => "other",
        }
    }
}
