//! Rejects of one task: counted, the first one kept, all of them written where a file was named.
//!
//! *Concurrency.* Counting is one atomic. The first reject and the file are behind a mutex each, taken only for a reject.

use crate::{EngineError, sink::OutputFile};
use serde_json::json;
use std::{
    io::Write,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tidegate_formats::{Block, Reject};

/// The most of a reject's text that is kept: a line may be megabytes long.
const RAW_KEPT: usize = 64 << 10;

/// Which share of the lines may be rejects before a task counts as failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRejects {
    /// This share in percent.
    Percent(f64),
    /// This many lines.
    Lines(u64),
}

impl Default for MaxRejects {
    fn default() -> Self {
        Self::Percent(1.0)
    }
}

impl FromStr for MaxRejects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || format!("`{text}` is neither a share such as 1% nor a number of lines");
        match text.trim().strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| error())?;
                if (0.0..=100.0).contains(&percent) { Ok(Self::Percent(percent)) } else { Err(error()) }
            }
            None => text.trim().parse().map(Self::Lines).map_err(|_| error()),
        }
    }
}

/// The first reject of a task: the first file's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstReject {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1. `None` until it is looked up.
    pub line: Option<u64>,
    /// The first byte's place in the file.
    pub offset: u64,
    /// Why it was rejected.
    pub reason: String,
    /// The file's place in the scan; orders rejects of different files.
    order: usize,
}

/// What was rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RejectReport {
    /// Rejected lines.
    pub count: u64,
    /// The first of them.
    pub first: Option<FirstReject>,
}

/// Collects the rejects of one task.
#[derive(Debug)]
pub struct RejectLog {
    count: AtomicU64,
    first: Mutex<Option<FirstReject>>,
    writes: bool,
    /// Taken when the task ends: streams that were cancelled may hold the log longer, and what they still reject belongs to no
    /// answer.
    file: Mutex<Option<OutputFile>>,
}

impl RejectLog {
    /// Returns a log that writes every reject to `file`, if there is one.
    pub fn new(file: Option<OutputFile>) -> Self {
        let (writes, file) = (file.is_some(), Mutex::new(file));
        Self { count: AtomicU64::new(0), first: Mutex::new(None), writes, file }
    }

    /// Returns whether line numbers are needed as rejects come.
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Adds a reject of `block`, whose file stands at `order` in the scan.
    ///
    /// # Errors
    /// If the file of rejects cannot be written.
    pub fn add(&self, order: usize, block: &Block<'_>, reject: &Reject<'_>) -> Result<(), EngineError> {
        let line = (block.first_line > 0).then_some(block.first_line + reject.line_in_block);
        if !self.writes {
            self.count.fetch_add(1, Relaxed);
            self.note_first(order, block, reject, line);
            return Ok(());
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.as_mut() else { return Ok(()) };
        // Counted while the file is held, so that the count is that of the lines in it.
        self.count.fetch_add(1, Relaxed);
        self.note_first(order, block, reject, line);
        let kept = reject.raw.get(..RAW_KEPT).unwrap_or(reject.raw);
        let mut record = json!({
            "file": block.file.as_ref(),
            "line": line,
            "offset": reject.offset,
            "reason": reject.reason.to_string(),
            "raw": String::from_utf8_lossy(kept),
        });
        if (kept.len() as u64) < reject.length
            && let Some(object) = record.as_object_mut()
        {
            object.insert("bytes".into(), reject.length.into());
        }
        writeln!(file, "{record}").map_err(|error| file.error(error))
    }

    fn note_first(&self, order: usize, block: &Block<'_>, reject: &Reject<'_>, line: Option<u64>) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|first| (order, reject.offset) < (first.order, first.offset)) {
            *first = Some(FirstReject {
                file: Arc::clone(&block.file),
                line,
                offset: reject.offset,
                reason: reject.reason.to_string(),
                order,
            });
        }
    }

    /// Returns the number of rejects so far.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Returns the rejects; the first one's line is looked up in the file if it is not known.
    pub fn report(&self) -> RejectReport {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(first) = &mut first
            && first.line.is_none()
        {
            first.line = crate::input::line_at(first.file.as_ref(), first.offset).ok();
        }
        RejectReport { count: self.count(), first }
    }

    /// Makes the file of rejects appear under its name. What is rejected from now on is neither written nor counted.
    ///
    /// # Errors
    /// If it cannot be written to the end.
    pub fn commit(&self) -> Result<(), EngineError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        file.map_or(Ok(()), OutputFile::commit)
    }
}

impl RejectReport {
    /// Returns whether there are more rejects than allowed among `others`, lines that are none, and the rejects together.
    #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
    pub fn exceeds(&self, allowed: MaxRejects, others: u64) -> bool {
        match allowed {
            MaxRejects::Lines(lines) => self.count > lines,
            MaxRejects::Percent(percent) => self.count as f64 * 100.0 > percent * (self.count + others) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_share_is_exact_at_its_border() {
        let report = |count| RejectReport { count, first: None };
        assert!(!report(1).exceeds(MaxRejects::Percent(1.0), 99));
        assert!(report(1).exceeds(MaxRejects::Percent(1.0), 98));
        assert!(!report(0).exceeds(MaxRejects::Percent(0.0), 0));
        assert!(report(1).exceeds(MaxRejects::Lines(0), 1_000_000));
        assert_eq!("1%".parse(), Ok(MaxRejects::Percent(1.0)));
        assert_eq!("12".parse(), Ok(MaxRejects::Lines(12)));
        for bad in ["", "-1%", "101%", "one", "1.5"] {
            assert!(bad.parse::<MaxRejects>().is_err(), "{bad}");
        }
    }
}
