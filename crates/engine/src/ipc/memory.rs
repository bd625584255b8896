//! Memory for what is read whole: messages that come by a pipe, those that are compressed, and dictionaries.

use super::IpcError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use std::sync::Arc;

/// Asks the pool for what is more than a batch.
#[derive(Debug)]
pub(crate) struct Asking {
    reservation: MemoryReservation,
    /// So much nobody asks for: it is what scans of logs hold.
    free: u64,
}

/// Memory that was granted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Granted {
    _reservation: MemoryReservation,
}

impl Asking {
    /// Returns one for a scan; `free` bytes at a time are not asked for.
    pub fn new(pool: &Arc<dyn MemoryPool>, free: usize) -> Self {
        Self { reservation: MemoryConsumer::new("ArrowScan").register(pool), free: free as u64 }
    }

    /// Asks for so many bytes.
    ///
    /// # Errors
    /// [`IpcError::Refused`] if there is no place for them.
    pub fn ask(&self, bytes: u64) -> Result<Granted, IpcError> {
        let reservation = self.reservation.new_empty();
        if bytes > self.free {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            reservation.try_grow(bytes).map_err(IpcError::Refused)?;
        }
        Ok(Granted { _reservation: reservation })
    }
}
