//! What the loop asks of those who do the work.

use super::turning::Message;
use crate::{
    Forecast, TasksError,
    plan::Unit,
    release::Release,
    state::{Marker, Sealed},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Sender},
};
use tidegate_memory::ByteCount;

/// Does the work of units. The command implements it with worker processes; [`super::CommandRunner`] runs programs.
pub trait Runner {
    /// Returns what a unit will need, or `None` if nobody knows. Asked once, when all that comes before the unit is done.
    fn forecast(&mut self, unit: &Unit) -> Option<Forecast> {
        let _ = unit;
        None
    }

    /// Starts a unit and returns at once. When the unit has ended, on whatever thread, `done` is told.
    ///
    /// # Errors
    /// If it cannot be started.
    fn start(&mut self, order: Order, done: Done) -> Result<Box<dyn Running>, Failure>;

    /// Returns the memory of the worker that is kept for the next unit, if there is one.
    fn memory(&self) -> Option<RunnerMemory> {
        None
    }

    /// Gives memory back between two units.
    fn release(&mut self, release: Release) {
        let _ = release;
    }
}

/// A unit that runs.
pub trait Running {
    /// Asks the unit to end soon. It still tells its [`Done`].
    fn cancel(&mut self);
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    /// The unit.
    pub unit: Arc<Unit>,
    /// The most memory it may use.
    pub limit: ByteCount,
    /// The file to write, which is not there yet; its folder is. `None` if the unit has no output.
    pub part: Option<PathBuf>,
    /// Where it may log, without an extension.
    pub log: PathBuf,
    /// How often the unit failed before: each time, its threads are halved.
    pub retry: u32,
    /// What processes carry in their environment as [`Marker::VARIABLE`].
    pub marker: Marker,
}

impl Order {
    /// Returns how many threads the unit gets of those that there are.
    pub fn threads(&self, all: usize) -> usize {
        all.checked_shr(self.retry).unwrap_or_default().max(1)
    }
}

/// How a unit ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// Its memory.
    pub memory: UnitMemory,
    /// All else that is known of its run, as JSON.
    pub record: Option<String>,
}

/// Resident memory of a unit's process, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitMemory {
    /// Before the unit.
    pub before: Option<ByteCount>,
    /// The most while it ran.
    pub peak: Option<ByteCount>,
    /// When it had ended.
    pub after: Option<ByteCount>,
}

/// Memory of a worker that is kept between units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunnerMemory {
    /// Resident now.
    pub used: ByteCount,
    /// Resident before its first unit.
    pub baseline: ByteCount,
    /// Resident when all was given back last, if it ever was.
    pub floor: Option<ByteCount>,
}

/// Why a unit failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The exit code that a command of its own would have: 1 failure, 2 usage, 3 memory limit, 4 rejects.
    pub exit_code: u8,
    /// Whether trying again can help.
    pub retry: Retry,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It can, with less parallelism: memory was short, or a process was lost.
    Can,
    /// It cannot: the query is wrong, or the data are.
    Cannot,
}

impl Failure {
    /// Returns a failure that trying again cannot help.
    pub fn for_good(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, exit_code: 1, retry: Retry::Cannot }
    }

    /// Returns the failure that an error of the loop is to one unit.
    pub(super) fn of(error: &TasksError) -> Self {
        Self { message: error.to_string(), help: error.help(), exit_code: error.exit_code(), retry: Retry::Cannot }
    }

    fn of_part(part: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "it ended well and wrote no output".to_owned(),
            _ => format!("write `{}`: {error}", part.display()),
        };
        Self::for_good(message)
    }
}

/// The way back from a unit to the loop. If it is dropped untold, the unit counts as lost.
#[derive(Debug)]
pub struct Done {
    pub(super) place: usize,
    pub(super) unit: Arc<Unit>,
    pub(super) part: Option<PathBuf>,
    /// Taken when the loop is told.
    pub(super) sender: Option<Sender<Message>>,
}

impl Done {
    /// Tells the loop that the unit has ended: its output is written, and nobody writes to it any more.
    pub fn ended(mut self, mut ended: Ended) {
        let mut sealed = None;
        if ended.failure.is_none() {
            match self.seal() {
                Ok(seal) => sealed = seal,
                Err(failure) => ended.failure = Some(failure),
            }
        }
        self.tell(ended, sealed);
    }

    /// Waits for the disk, and expects that inputs are what they were.
    fn seal(&self) -> Result<Option<Sealed>, Failure> {
        let sealed = match &self.part {
            Some(part) => Some(Sealed::seal(part).map_err(|error| Failure::of_part(part, &error))?),
            None => None,
        };
        self.unit.check_inputs().map_err(|message| Failure {
            help: Some("run again when nobody writes to the input".into()),
            ..Failure::for_good(message)
        })?;
        Ok(sealed)
    }

    fn tell(&mut self, ended: Ended, sealed: Option<Sealed>) {
        if let Some(sender) = self.sender.take() {
            // A loop that has gone away needs no telling.
            let _ = sender.send(Message::Ended { place: self.place, ended: Box::new(ended), sealed });
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        let failure = Failure { retry: Retry::Can, ..Failure::for_good("its worker was lost") };
        self.tell(Ended { failure: Some(failure), ..Ended::default() }, None);
    }
}
