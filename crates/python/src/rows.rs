//! The bytes of a query's Arrow stream, read from its worker; signals and progress are looked after in between.

use crate::{
    faults::{Fault, Slot, look_after_signals},
    feed::Feed,
    pool::{Again, Begun, Shared, progress_object},
    sockets::Noted,
};
use pyo3::{Py, PyAny, PyResult, Python, exceptions::PyKeyboardInterrupt, types::PyAnyMethods};
use serde_json::Value;
use std::{
    io::{self, Cursor, Read},
    mem, process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tidegate_memory::ByteCount;
use tidegate_worker::{
    Canceller, Event, Poll, Running, WorkerError,
    protocol::{Failure, Finished, Progress},
};

/// How long a signal may wait while the worker says nothing.
const LOOK: Duration = Duration::from_millis(50);

/// Between two calls of the function that is told of progress.
const TELL: Duration = Duration::from_millis(100);

/// A query as everybody sees it who holds it.
#[derive(Debug)]
pub(crate) struct Query {
    /// The worker's process; another one after the query began anew.
    pid: AtomicU32,
    /// The process that began it.
    pub(crate) owner: u32,
    canceller: Mutex<Canceller>,
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
    /// How the query can begin once more: as long as its worker, which had waited for it, has said nothing.
    again: Option<Again>,
    /// What the worker showed the kernel when the query began.
    resident: Option<ByteCount>,
    piece: Cursor<Vec<u8>>,
    looked: Instant,
    told: Instant,
    query: Arc<Query>,
    pool: Arc<Shared>,
    owner: u32,
    noted: Noted,
    /// What the query reads from this process; closed when nobody reads it any more.
    feeds: Vec<Feed>,
}

impl Query {
    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Relaxed)
    }

    pub(crate) fn cancel(&self) {
        self.canceller().cancel();
    }

    /// Cancels this task in place of the one before, from now on or at once.
    fn goes_on_as(&self, running: &Running) {
        let mut canceller = self.canceller();
        let before = mem::replace(&mut *canceller, running.canceller());
        self.pid.store(running.pid(), Relaxed);
        if before.is_cancelled() {
            canceller.cancel();
        }
    }

    fn canceller(&self) -> MutexGuard<'_, Canceller> {
        self.canceller.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(crate) fn new(begun: Begun, pool: Arc<Shared>, on_progress: Option<Py<PyAny>>) -> Self {
        let Begun { running, resident, again } = begun;
        let query = Query {
            pid: AtomicU32::new(running.pid()),
            owner: process::id(),
            canceller: Mutex::new(running.canceller()),
            on_progress,
            told: Mutex::default(),
            slot: Arc::default(),
            foreign: AtomicBool::new(false),
        };
        let now = Instant::now();
        Self {
            noted: Noted::new(&running),
            running: Some(running),
            again,
            resident,
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
        if self.owner != process::id() {
            return Err(Fault::Usage("a result cannot be read in a process that was forked from its own".into()));
        }
        loop {
            let Some(running) = &mut self.running else { return Ok(None) };
            if self.looked.elapsed() >= LOOK {
                self.looked = Instant::now();
                look_after_signals()?;
            }
            match running.poll(LOOK) {
                Ok(Poll::Event(event)) => {
                    self.again = None;
                    return Ok(Some(event));
                }
                Ok(Poll::Nothing) => {}
                Ok(Poll::Over) => return Ok(None),
                Err(error) => self.begin_anew(error)?,
            }
        }
    }

    /// Begins the query in another worker, if the one that is gone had waited for it and has said nothing of it: it may have
    /// been killed before it was asked.
    fn begin_anew(&mut self, error: WorkerError) -> Result<(), Fault> {
        let again = self.again.take().filter(|_| matches!(&error, WorkerError::Lost(loss) if !loss.out_of_memory()));
        let Some(Again { task, limit }) = again else {
            let reading = |resident| Progress { resident, ..Progress::default() };
            let last = self.query.progress().or_else(|| self.resident.map(reading));
            return Err(Fault::Worker(Box::new(error), last));
        };
        if let Some(gone) = self.running.take() {
            self.pool.give_back(gone);
        }
        let Begun { running, resident, .. } = self.pool.run_anew(&task, limit)?;
        self.query.goes_on_as(&running);
        self.resident = resident;
        drop(mem::replace(&mut self.noted, Noted::new(&running)));
        self.running = Some(running);
        Ok(())
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
            mem::forget(running);
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
