//! How far a task is: counters that scans add to and anybody may read.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tidegate_memory::ByteCount;

/// Counters of one task. Independent numbers, so relaxed ordering suffices.
#[derive(Debug, Default)]
pub struct Progress {
    total_bytes: AtomicU64,
    bytes: AtomicU64,
    rows: AtomicU64,
    unlined: AtomicU64,
    blank: AtomicU64,
    passed_over: AtomicU64,
    rows_out: AtomicU64,
    scans: AtomicU64,
    notes: Mutex<BTreeSet<String>>,
    inputs: Mutex<Inputs>,
}

/// The files of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The first of them, by name and size; a stream has none.
    pub first: Vec<(String, Option<ByteCount>)>,
    /// How many there are.
    pub count: usize,
    /// What they take together.
    pub bytes: ByteCount,
}

/// Files that are kept by name.
const NAMED: usize = 100;

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes that all scans will read, as far as known.
    pub total_bytes: ByteCount,
    /// Bytes read.
    pub bytes: ByteCount,
    /// Rows read.
    pub rows: u64,
    /// Those among them that are no lines of text.
    pub unlined: u64,
    /// Blank lines read, which are neither rows nor rejects.
    pub blank: u64,
    /// Lines that a filter passed over unread: no row that it wants can come of them.
    pub passed_over: u64,
    /// Rows of the result.
    pub rows_out: u64,
    /// Scans that were begun: none if the query reads no file.
    pub scans: u64,
}

impl Snapshot {
    /// Returns the lines that were no rejects, blank ones left out.
    pub fn lines(&self) -> u64 {
        self.rows - self.unlined.min(self.rows) + self.passed_over
    }
}

impl Progress {
    /// Returns the counters now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            total_bytes: ByteCount::new(self.total_bytes.load(Relaxed)),
            bytes: ByteCount::new(self.bytes.load(Relaxed)),
            rows: self.rows.load(Relaxed),
            unlined: self.unlined.load(Relaxed),
            blank: self.blank.load(Relaxed),
            passed_over: self.passed_over.load(Relaxed),
            rows_out: self.rows_out.load(Relaxed),
            scans: self.scans.load(Relaxed),
        }
    }

    /// Begins anew, for another plan of the same task.
    pub fn restart(&self) {
        let lines = [&self.rows, &self.unlined, &self.blank, &self.passed_over];
        for counter in [&self.total_bytes, &self.bytes, &self.rows_out, &self.scans].into_iter().chain(lines) {
            counter.store(0, Relaxed);
        }
        *self.inputs.lock().unwrap_or_else(PoisonError::into_inner) = Inputs::default();
    }

    /// Adds a file that the query names.
    pub(crate) fn input(&self, name: &str, size: Option<ByteCount>) {
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        if inputs.first.len() < NAMED {
            inputs.first.push((name.to_owned(), size));
        }
        inputs.count += 1;
        inputs.bytes += size.unwrap_or_default();
    }

    /// Returns the files that the query names.
    pub fn inputs(&self) -> Inputs {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds something that the person should know about the answer, once whatever the number of plans.
    pub fn note(&self, note: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note);
    }

    /// Returns what was noted.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Adds input that a scan is about to read.
    pub fn expect(&self, bytes: ByteCount) {
        self.scans.fetch_add(1, Relaxed);
        self.total_bytes.fetch_add(bytes.bytes(), Relaxed);
    }

    /// Adds input that was read.
    pub fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Adds records that were decoded.
    pub fn decoded(&self, counts: tidegate_formats::Counts) {
        self.rows.fetch_add(counts.rows, Relaxed);
        self.blank.fetch_add(counts.blank, Relaxed);
        self.passed_over.fetch_add(counts.passed_over, Relaxed);
    }

    /// Adds rows that were read, and are no lines of text.
    pub(crate) fn unlined(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Relaxed);
        self.unlined.fetch_add(rows as u64, Relaxed);
    }

    /// Adds rows of the result.
    pub fn delivered(&self, rows: usize) {
        self.rows_out.fetch_add(rows as u64, Relaxed);
    }
}
