//! The fixed parts: the preamble with which a side begins, and the header before each message.

use crate::WorkerError;
use std::{fmt, num::NonZeroU64};
use tidegate_memory::ByteCount;

/// The version of the protocol that this crate speaks. It goes up when a side of the version before would misunderstand;
/// a new field of a message that may be missing is no new version.
pub const VERSION: u32 = 1;

/// The length of a preamble.
pub const PREAMBLE: usize = 12;

/// The length of a header.
pub const HEADER: usize = 16;

const MAGIC: [u8; 8] = *b"TIDEGATE";

/// Before each message, so that a stream that lost its place is noticed at the next header.
const MARK: [u8; 2] = *b"TG";

/// The number of a task, unique for its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    /// The number of the first task.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// Returns the task of this number; none has the number zero.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// Returns the number.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// Returns the number of the task after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To the worker: begin a task.
    Start,
    /// To the worker: end the task, whatever it is doing.
    Cancel,
    /// To the worker: give memory back to the system.
    Release,
    /// To the worker: end.
    Exit,
    /// To the client, once and first: who the worker is.
    Hello,
    /// To the client: the beginning of the Arrow IPC stream.
    Schema,
    /// To the client: the next bytes of the Arrow IPC stream.
    Rows,
    /// To the client: how far the task is.
    Progress,
    /// To the client, as the last of a task: it is done.
    Finished,
    /// To the client, as the last of a task: it failed, or was cancelled.
    Failed,
    /// To the client: what was given back.
    Released,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Start,
        Self::Cancel,
        Self::Release,
        Self::Exit,
        Self::Hello,
        Self::Schema,
        Self::Rows,
        Self::Progress,
        Self::Finished,
        Self::Failed,
        Self::Released,
    ];

    /// Returns the number that stands for it in a header. Those to the worker begin at 1, those to the client at 16.
    pub fn code(self) -> u8 {
        match self {
            Self::Start => 1,
            Self::Cancel => 2,
            Self::Release => 3,
            Self::Exit => 4,
            Self::Hello => 16,
            Self::Schema => 17,
            Self::Rows => 18,
            Self::Progress => 19,
            Self::Finished => 20,
            Self::Failed => 21,
            Self::Released => 22,
        }
    }

    /// Returns the longest payload. A reader allocates no more than this, whatever the other side claims.
    pub fn most(self) -> usize {
        match self {
            Self::Cancel | Self::Release | Self::Exit => 0,
            Self::Hello | Self::Progress | Self::Released => 16 << 10,
            Self::Start | Self::Schema | Self::Rows | Self::Failed => 1 << 20,
            Self::Finished => 4 << 20,
        }
    }

    /// Returns whether it is about a task.
    pub fn names_task(self) -> bool {
        match self {
            Self::Release | Self::Exit | Self::Hello | Self::Released => false,
            Self::Start | Self::Cancel | Self::Schema | Self::Rows | Self::Progress | Self::Finished | Self::Failed => {
                true
            }
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Returns the payload's length as it stands in the header.
    ///
    /// # Errors
    /// [`WorkerError::TooLarge`].
    pub(crate) fn check(self, length: usize) -> Result<u32, WorkerError> {
        let fits = u32::try_from(length).ok().filter(|_| length <= self.most());
        fits.ok_or_else(|| WorkerError::TooLarge { kind: self, bytes: length.into(), most: self.most().into() })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Start => "start",
            Self::Cancel => "cancel",
            Self::Release => "release",
            Self::Exit => "exit",
            Self::Hello => "hello",
            Self::Schema => "schema",
            Self::Rows => "rows",
            Self::Progress => "progress",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Released => "released",
        })
    }
}

/// What stands before each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What follows.
    pub kind: Kind,
    /// The task it is about, for the kinds that are about one.
    pub task: Option<TaskId>,
    /// The bytes that follow.
    pub length: u32,
}

impl Header {
    /// Returns the header as bytes; numbers have their lowest byte first.
    pub fn encode(self) -> [u8; HEADER] {
        let [m0, m1] = MARK;
        let [l0, l1, l2, l3] = self.length.to_le_bytes();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = self.task.map_or(0, TaskId::number).to_le_bytes();
        [m0, m1, self.kind.code(), 0, l0, l1, l2, l3, t0, t1, t2, t3, t4, t5, t6, t7]
    }

    /// Reads a header, and checks all of it.
    ///
    /// # Errors
    /// [`WorkerError::Garbage`] or [`WorkerError::TooLarge`].
    pub fn decode(bytes: [u8; HEADER]) -> Result<Self, WorkerError> {
        let garbage = |what: String| WorkerError::Garbage { what };
        let [m0, m1, code, zero, l0, l1, l2, l3, t0, t1, t2, t3, t4, t5, t6, t7] = bytes;
        if [m0, m1] != MARK || zero != 0 {
            return Err(garbage(format!("`{}` in place of a header", bytes.escape_ascii())));
        }
        let kind = Kind::of_code(code).ok_or_else(|| garbage(format!("kind {code}")))?;
        let task = TaskId::new(u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]));
        if task.is_some() != kind.names_task() {
            return Err(garbage(format!("`{kind}` {} a task", if task.is_some() { "with" } else { "without" })));
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        kind.check(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Self { kind, task, length })
    }

    /// Returns the bytes that follow as a size in memory; checked, so they fit.
    pub(crate) fn size(self) -> usize {
        ByteCount::new(u64::from(self.length)).size()
    }
}

/// Returns the preamble of this version.
pub fn preamble() -> [u8; PREAMBLE] {
    let [m0, m1, m2, m3, m4, m5, m6, m7] = MAGIC;
    let [v0, v1, v2, v3] = VERSION.to_le_bytes();
    [m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, v2, v3]
}

/// Checks the preamble of the other side.
pub(super) fn check_preamble(bytes: [u8; PREAMBLE]) -> Result<(), WorkerError> {
    let [m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, v2, v3] = bytes;
    if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC {
        return Err(WorkerError::Garbage { what: format!("`{}` in place of a preamble", bytes.escape_ascii()) });
    }
    let theirs = u32::from_le_bytes([v0, v1, v2, v3]);
    if theirs == VERSION { Ok(()) } else { Err(WorkerError::Version { ours: VERSION, theirs }) }
}
