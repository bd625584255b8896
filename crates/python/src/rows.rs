//! The bytes of a query's Arrow stream, read from its worker; signals and progress are looked after in between.

use crate::{
    faults::{Fault, Slot},
    feed::Feed,
    pool::{Shared, progress_object},
    sockets::Noted,
};
use pyo3::{Py, PyAny, PyResult, Python, exceptions::PyKeyboardInterrupt, types::PyAnyMethods};
use serde_json::Value;
use std::{
    io::{self, Cursor, Read},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tidegate_worker::{
    Canceller, Event, Poll, Running,
    protocol::{Failure, Finished, Progress},
};

/// How long a signal may wait while the worker says nothing.
const LOOK: Duration = Duration::from_millis(50);

/// Between two calls of the function that is told of progress.
const TELL: Duration = Duration::from_millis(100);

/// A query as everybody sees it who holds it.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) pid: u32,
    /// The process that began it.
    pub(crate) owner: u32,
    canceller: Canceller,
    on_progress: Option<Py<PyAny>>,
    told: Mutex<Told>,
    /// What ended the query.
    pub(crate) slot: Arc<Slot>,
    /// An interrupt is for code that does not see our exceptions: it is raised once more.
    pub(crate) foreign: AtomicBool,
}

#[derive(Debug, Default)]
struct Told {
    progress: Option<Progress>,
    record: Option<Value>,
}

/// Reads the bytes. Whatever ends them before their time is in the [`Slot`] of the query.
#[derive(Debug)]
pub(crate) struct RowSource {
    running: Option<Running>,
    piece: Cursor<Vec<u8>>,
    looked: Instant,
    told: Instant,
    query: Arc<Query>,
    pool: Arc<Shared>,
    owner: u32,
    _noted: Noted,
    /// What the query reads from this process; closed when nobody reads it any more.
    feeds: Vec<Feed>,
}

impl Query {
    pub(crate) fn cancel(&self) {
        self.canceller.cancel();
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.told().progress
    }

    pub(crate) fn record(&self) -> Option<Value> {
        self.told().record.clone()
    }

    /// Ends the query because of something on this side, which is what is raised.
    pub(crate) fn fail(&self, fault: Fault) {
        self.slot.put(fault);
        self.cancel();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowSource {
    pub(crate) fn new(running: Running, pool: Arc<Shared>, on_progress: Option<Py<PyAny>>) -> Self {
        let query = Query {
            pid: running.pid(),
            owner: process::id(),
            canceller: running.canceller(),
            on_progress,
            told: Mutex::default(),
            slot: Arc::default(),
            foreign: AtomicBool::new(false),
        };
        let now = Instant::now();
        Self {
            _noted: Noted::new(&running),
            running: Some(running),
            piece: Cursor::default(),
            looked: now,
            told: now,
            query: Arc::new(query),
            pool,
            owner: process::id(),
            feeds: Vec::new(),
        }
    }

    /// Begins to write a table that the query reads.
    pub(crate) fn feed(&mut self, feed: Feed) -> Result<(), Fault> {
        self.feeds.push(feed.begin(&self.query)?);
        Ok(())
    }

    pub(crate) fn query(&self) -> &Arc<Query> {
        &self.query
    }

    /// Reads what comes after the last row: how the query ended.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        let mut rest = [0; 64];
        while self.read_some(&mut rest)? > 0 {}
        Ok(())
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        loop {
            match self.piece.read(buffer) {
                Ok(0) if !buffer.is_empty() => {}
                read => return read.map_err(|error| Fault::System("read rows", error)),
            }
            if !self.fill()? {
                return Ok(0);
            }
        }
    }

    /// Waits for the next bytes of rows; returns whether there are any before the end.
    pub(crate) fn fill(&mut self) -> Result<bool, Fault> {
        loop {
            match self.next_event()? {
                Some(Event::Schema(bytes) | Event::Rows(bytes)) => {
                    self.piece = Cursor::new(bytes);
                    return Ok(true);
                }
                Some(Event::Progress(progress)) => self.tell(progress)?,
                Some(Event::Finished(Finished { record })) => {
                    self.query.told().record = Some(record);
                    self.give_back();
                }
                Some(Event::Failed(failure)) => return Err(self.failed(failure)),
                None => return Ok(false),
            }
        }
    }

    /// Waits for an event, and looks after signals meanwhile. `None` is that the query is over.
    fn next_event(&mut self) -> Result<Option<Event>, Fault> {
        let Some(running) = &mut self.running else { return Ok(None) };
        if self.owner != process::id() {
            return Err(Fault::Usage("a result cannot be read in a process that was forked from its own".into()));
        }
        loop {
            if self.looked.elapsed() >= LOOK {
                self.looked = Instant::now();
                // Nothing is looked after while the interpreter shuts down.
                Python::try_attach(|py| py.check_signals()).transpose()?;
            }
            match running.poll(LOOK) {
                Ok(Poll::Event(event)) => return Ok(Some(event)),
                Ok(Poll::Nothing) => {}
                Ok(Poll::Over) => return Ok(None),
                Err(error) => return Err(Fault::Worker(Box::new(error), self.query.progress())),
            }
        }
    }

    fn tell(&mut self, progress: Progress) -> Result<(), Fault> {
        self.query.told().progress = Some(progress);
        let Some(function) = &self.query.on_progress else { return Ok(()) };
        if self.told.elapsed() < TELL {
            return Ok(());
        }
        self.told = Instant::now();
        let told = Python::try_attach(|py| function.call1(py, (progress_object(py, &progress)?,)).map(drop));
        told.transpose().map_err(Fault::Python).map(drop)
    }

    fn failed(&mut self, failure: Failure) -> Fault {
        self.query.told().record.clone_from(&failure.record);
        self.give_back();
        // What this side ended it for says more than that it was cancelled.
        self.query.slot.take().unwrap_or_else(|| Fault::Failed(Box::new(failure)))
    }

    fn give_back(&mut self) {
        self.feeds.clear();
        if let Some(running) = self.running.take() {
            self.pool.give_back(running);
        }
    }

    /// Ends the query if it has not ended; its worker is kept.
    fn give_up(&mut self) {
        self.feeds.clear();
        let Some(running) = self.running.take() else { return };
        if self.owner == process::id() {
            self.pool.retire(running);
        } else {
            // The worker is the parent's.
            std::mem::forget(running);
        }
    }

    /// An interrupt that code of others has waited in comes again, after that code.
    fn raise_again(&self, fault: &Fault) {
        if let (Fault::Python(error), true) = (fault, self.query.foreign.load(Relaxed)) {
            let again = |py: Python<'_>| -> PyResult<()> {
                if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                    py.import("_thread")?.getattr("interrupt_main")?.call0()?;
                }
                Ok(())
            };
            let _ = Python::try_attach(again);
        }
    }
}

impl Read for RowSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(|fault| {
            self.raise_again(&fault);
            let said = fault.text();
            self.query.slot.put(fault);
            self.give_up();
            io::Error::other(said)
        })
    }
}

impl Drop for RowSource {
    fn drop(&mut self) {
        self.give_up();
    }
}
