//! What the loop tells while it runs.

use super::{Ended, Failure};
use crate::{TasksError, plan::Unit, release::Release};
use tidegate_memory::ByteCount;

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A unit was done before, and is not done again.
    AlreadyDone(&'a Unit),
    /// A unit was started.
    Started {
        /// The unit.
        unit: &'a Unit,
        /// Its limit.
        limit: ByteCount,
    },
    /// A unit is done, and its output is about to appear.
    Recorded(&'a Unit),
    /// A unit is done, and its output is there.
    Finished {
        /// The unit.
        unit: &'a Unit,
        /// How it ended.
        ended: &'a Ended,
    },
    /// A unit failed and is tried again.
    Retrying {
        /// The unit.
        unit: &'a Unit,
        /// Why it failed.
        failure: &'a Failure,
    },
    /// A unit failed for good.
    Failed {
        /// The unit.
        unit: &'a Unit,
        /// Why.
        failure: &'a Failure,
        /// How it ended, if it ran.
        ended: Option<&'a Ended>,
    },
    /// A unit is left out because one before it failed.
    Skipped {
        /// The unit.
        unit: &'a Unit,
        /// The task that failed.
        because: &'a str,
    },
    /// So many units wait, for others or for memory; told whenever the loop has started what it can.
    Waiting(usize),
    /// Memory was given back between two units.
    Released(Release),
    /// Files cannot be run as they are. The loop goes on without them, and tells so once.
    WatchFailed(&'a TasksError),
}

/// Is told what happens: prints it, or keeps it in the history.
pub trait Witness {
    /// Is told of one event. The loop waits for it.
    fn told(&mut self, event: &Event<'_>);
}

/// A witness who keeps it to itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Witness for Silent {
    fn told(&mut self, _event: &Event<'_>) {}
}
