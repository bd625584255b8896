//! A run in the history from its first row on, so that it is there however it ends: by its own end, by the wall, by a second
//! signal, or by somebody who kills the process.
//!
//! Whatever is wrong with the history is a warning, and no run waits for it or ends of it. The connection stays open, because
//! who ends the process for lack of memory has none left to open one.

use crate::{args::HistoryArgs, history, printer::Printer};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::Instant,
};
use tidegate_memory::peak_resident;
use tidegate_tasks::{
    TasksError,
    history::{Ending, History, NewRun, RunId},
    learn::Past,
};

/// Runs of a shape that are learned from.
const LESSONS: usize = 64;

/// The history, and the run of this process in it.
#[derive(Clone)]
pub struct Kept {
    open: Arc<Mutex<Open>>,
    started: Instant,
    printer: Printer,
}

#[derive(Default)]
struct Open {
    history: Option<History>,
    run: Option<RunId>,
}

impl Kept {
    /// Opens the history. `run` is the run of this process that an earlier start of it began.
    pub fn open(arguments: &HistoryArgs, printer: Printer, run: Option<RunId>) -> Self {
        let open = Open { history: history::open(arguments, printer), run };
        Self { open: Arc::new(Mutex::new(open)), started: Instant::now(), printer }
    }

    /// Opens the history for what is in it. One that is not there is not begun.
    pub fn look(arguments: &HistoryArgs, printer: Printer) -> Self {
        let is_there = history::path(arguments).is_some_and(|path| path.exists());
        let open = Open { history: is_there.then(|| history::open(arguments, printer)).flatten(), run: None };
        Self { open: Arc::new(Mutex::new(open)), started: Instant::now(), printer }
    }

    /// Returns the runs of a shape.
    pub fn past(&self, shape: &str) -> Past {
        let mut open = self.lock();
        let runs = open.history.as_mut().and_then(|history| history.of_shape(shape, LESSONS).ok());
        Past::new(runs.unwrap_or_default())
    }

    /// Returns the run of this process, if it was begun.
    pub fn run(&self) -> Option<RunId> {
        self.lock().run.clone()
    }

    /// Keeps that a run begins. Where that would take long, it is kept when it is over.
    pub fn begin(&self, run: &NewRun) {
        let mut open = self.lock();
        let Open { history: Some(history), run: begun } = &mut *open else { return };
        if begun.is_none() {
            *begun = history.begin(run).ok();
        }
    }

    /// Keeps how the run ended.
    pub fn end(&self, run: &NewRun) {
        let mut open = self.lock();
        let Open { history: Some(history), run: begun } = &mut *open else { return };
        let kept = match begun.take() {
            Some(id) => history.end(&id, run),
            None => history.add(run).map(drop),
        };
        self.warn(kept.and_then(|()| history.prune_seldom(history::KEPT)));
        history.take_notes().iter().for_each(|note| self.printer.warning("history", note));
    }

    /// Keeps nothing of a run that turned out to be none.
    pub fn forget(&self) {
        let mut open = self.lock();
        let Open { history: Some(history), run: Some(id) } = &mut *open else { return };
        self.warn(history.forget(id));
    }

    /// Keeps how the run ended, for whoever ends the process now. If another thread is at it, which may wait for memory, the run
    /// counts as lost.
    pub fn end_now(&self, exit_code: u8) {
        let mut open = match self.open.try_lock() {
            Ok(open) => open,
            Err(TryLockError::Poisoned(open)) => open.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let Open { history: Some(history), run: Some(id) } = &mut *open else { return };
        let ending = Ending { exit_code, peak: peak_resident().unwrap_or_default(), duration: self.started.elapsed() };
        // There is nothing left to do about it.
        let _ = history.end_now(id, &ending);
    }

    fn warn(&self, result: Result<(), TasksError>) {
        if let Err(error) = result {
            history::warn(&error, self.printer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
