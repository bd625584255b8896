//! The claim of one loop on a folder of outputs.

use super::left_behind::session;
use crate::{Fingerprint, TasksError};
use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long to wait for a process that is about to end. A child that a killed loop was just starting holds the lock until it
/// is the program that it is to be.
const PATIENCE: Duration = Duration::from_millis(300);

/// A claim, which ends with this value or with the process.
#[derive(Debug)]
pub(super) struct Claim {
    lock: File,
}

/// What processes that a loop starts carry in their environment as [`Marker::VARIABLE`], so that the next loop over the same
/// outputs finds those that outlived a killed one.
///
/// It names the folder of outputs and the session: a process that has begun a session of its own, as services do, was meant
/// to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub(super) folder: Fingerprint,
    pub(super) session: i32,
}

impl Claim {
    /// Claims the folder of outputs by a file in the loop's own folder there.
    pub fn take(folder: &Path, own: &Path) -> Result<Self, TasksError> {
        let path = own.join("lock");
        let failed = |error| TasksError::io("lock", &path, error);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(failed)?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Who it is helps, and is not needed.
                    let _ = file.read_to_string(&mut holder);
                    let holder = if holder.is_empty() { "process unknown".to_owned() } else { holder };
                    return Err(TasksError::InUse { folder: folder.to_path_buf(), holder });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let name = format!("process {}", std::process::id());
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(name.as_bytes())).map_err(failed)?;
        Ok(Self { lock: file })
    }
}

impl Drop for Claim {
    /// Not by closing the file: a child that is being started has it as well.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Marker {
    /// The name of the variable.
    pub const VARIABLE: &str = "TIDEGATE_LOOP";

    /// Returns the marker of a folder, for processes of this session.
    pub(super) fn of(folder: &Path) -> Self {
        let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        Self { folder: Fingerprint::of_texts([real.to_string_lossy().as_ref()]), session: session() }
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.folder, self.session)
    }
}
