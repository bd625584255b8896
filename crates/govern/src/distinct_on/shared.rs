//! What the streams of one execution share: the keys of their inputs, and rows that went to disk.
//!
//! *Concurrency.* A stream whose input has ended, and which left rows on disk, waits until all inputs have ended, for others may
//! have rows of the same keys. So the streams must be polled at the same time, as they are below an exchange or a sink. A stream
//! that is dropped counts as ended.

use super::keys::Keys;
use crate::spill::{Divided, FILES};
use datafusion::{
    common::{Result, internal_err},
    execution::{SpillFile, memory_pool::MemoryReservation},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Files whose rows may have the same keys, and no other files have.
pub(super) type Together = Vec<Arc<dyn SpillFile>>;

/// What is shared.
pub(super) struct Shared {
    /// The keys of the inputs.
    pub(super) keys: Keys,
    state: Mutex<State>,
    /// How many inputs have not ended.
    running: watch::Sender<usize>,
}

struct State {
    /// The partitions whose streams began.
    begun: Vec<bool>,
    left: Vec<Together>,
}

impl Shared {
    pub(super) fn new(partitions: usize, held: MemoryReservation) -> Self {
        let state = State { begun: vec![false; partitions], left: vec![Together::new(); FILES] };
        Self { keys: Keys::new(held), state: Mutex::new(state), running: watch::Sender::new(partitions) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the stream of a partition.
    pub(super) fn begin(self: &Arc<Self>, partition: usize) -> Result<Running> {
        match self.lock().begun.get_mut(partition) {
            Some(begun) if !*begun => *begun = true,
            _ => {
                return internal_err!(
                    "DISTINCT ON was executed twice, or in partition {partition} that it does not have"
                );
            }
        }
        Ok(Running(Arc::clone(self)))
    }

    /// Waits until all inputs have ended.
    pub(super) async fn all_ended(&self) -> Result<()> {
        let Ok(_) = self.running.subscribe().wait_for(|running| *running == 0).await else {
            return internal_err!("nobody knows whether all inputs have ended");
        };
        Ok(())
    }

    /// Returns files that nobody has taken, once all inputs have ended. Whoever left files waits for that.
    pub(super) fn take(&self) -> Option<Together> {
        if *self.running.borrow() > 0 {
            return None;
        }
        let mut state = self.lock();
        while let Some(together) = state.left.pop() {
            if !together.is_empty() {
                return Some(together);
            }
        }
        None
    }
}

/// An input that has not ended.
pub(super) struct Running(Arc<Shared>);

impl Running {
    /// Ends it, and leaves its files to whoever comes first.
    pub(super) fn end(self, divided: Divided) {
        let mut state = self.0.lock();
        for (file, together) in divided.into_iter().zip(&mut state.left) {
            together.extend(file);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.0.keys.clear();
            }
        });
    }
}
