//! Rejects of one task: counted, the first few kept, all of them written where a file was named.
//!
//! *Concurrency.* Counting is one atomic. The samples and the file are behind a mutex each, taken only for a reject.

use crate::{
    EngineError,
    input::{Place, line_at},
    sink::OutputFile,
};
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

/// The most of a reject's text that is written: a line may be megabytes long.
const RAW_KEPT: usize = 64 << 10;

/// Rejects that are kept as samples, and bytes that are kept of the text and of the reason of each.
const SAMPLES: usize = 5;
const RAW_SAMPLED: usize = 200;
const REASON_SAMPLED: usize = 500;

/// The line of a sample is counted on from the one before it, over so many bytes at most.
const COUNTED_ON: u64 = 16 << 20;

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

/// One of the first rejects of a task: those of the first file come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampledReject {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1, where it is known.
    pub line: Option<u64>,
    /// The first byte's place in the file.
    pub offset: u64,
    /// Why it was rejected.
    pub reason: String,
    /// The beginning of its text; bytes that are no text are replaced.
    pub raw: String,
    /// The file's place in the scan; orders rejects of different files.
    order: usize,
}

/// What was rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RejectReport {
    /// Rejected lines.
    pub count: u64,
    /// The first few of them, in the order of the files and in them.
    pub samples: Vec<SampledReject>,
}

/// Collects the rejects of one task.
#[derive(Debug)]
pub struct RejectLog {
    count: AtomicU64,
    samples: Mutex<Vec<SampledReject>>,
    writes: bool,
    /// Taken when the task ends: streams that were cancelled may hold the log longer, and what they still reject belongs to no
    /// answer.
    file: Mutex<Option<OutputFile>>,
}

impl RejectLog {
    /// Returns a log that writes every reject to `file`, if there is one.
    pub fn new(file: Option<OutputFile>) -> Self {
        let (writes, file) = (file.is_some(), Mutex::new(file));
        Self { count: AtomicU64::new(0), samples: Mutex::default(), writes, file }
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
            self.sample(order, block, reject, line);
            return Ok(());
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.as_mut() else { return Ok(()) };
        // Counted while the file is held, so that the count is that of the lines in it.
        self.count.fetch_add(1, Relaxed);
        self.sample(order, block, reject, line);
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

    fn sample(&self, order: usize, block: &Block<'_>, reject: &Reject<'_>, line: Option<u64>) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let place = samples.partition_point(|kept| (kept.order, kept.offset) < (order, reject.offset));
        if place >= SAMPLES {
            return;
        }
        samples.truncate(SAMPLES - 1);
        samples.insert(
            place,
            SampledReject {
                file: Arc::clone(&block.file),
                line,
                offset: reject.offset,
                reason: beginning(reject.reason.to_string(), REASON_SAMPLED),
                raw: text(reject.raw),
                order,
            },
        );
    }

    /// Returns the number of rejects so far.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Returns the rejects. Lines that are not known are counted in the files: that of the first sample, and those of others
    /// where they are not far from the one before.
    pub fn report(&self) -> RejectReport {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut before: Option<SampledReject> = None;
        for sample in &mut samples {
            sample.line = sample.line.or_else(|| counted_line(sample, before.as_ref()));
            before = Some(sample.clone());
        }
        RejectReport { count: self.count(), samples }
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
    /// Returns the first of them.
    pub fn first(&self) -> Option<&SampledReject> {
        self.samples.first()
    }

    /// Returns whether there are more rejects than allowed among `others`, lines that are none, and the rejects together.
    #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
    pub fn exceeds(&self, allowed: MaxRejects, others: u64) -> bool {
        match allowed {
            MaxRejects::Lines(lines) => self.count > lines,
            MaxRejects::Percent(percent) => self.count as f64 * 100.0 > percent * (self.count + others) as f64,
        }
    }
}

/// Counts lines up to a sample: from the beginning of its file if it is the first, else on from the one before it.
fn counted_line(sample: &SampledReject, before: Option<&SampledReject>) -> Option<u64> {
    let from = match before {
        Some(before) if before.order == sample.order => Place { offset: before.offset, line: before.line? },
        _ => Place { offset: 0, line: 1 },
    };
    let is_near = before.is_none() || sample.offset - from.offset <= COUNTED_ON;
    let line = || line_at(sample.file.as_ref(), from, sample.offset).ok();
    is_near.then(line).flatten()
}

/// Returns the beginning of a line as text, with a mark where there was more.
fn text(raw: &[u8]) -> String {
    const MARK: char = '\u{2026}';
    // A character has four bytes at most, so that one that is cut here is cut off below.
    let kept = raw.get(..RAW_SAMPLED + 3).unwrap_or(raw);
    let text = String::from_utf8_lossy(kept).into_owned();
    if text.len() <= RAW_SAMPLED {
        return text;
    }
    let mut text = beginning(text, RAW_SAMPLED - MARK.len_utf8());
    text.reserve_exact(MARK.len_utf8());
    text.push(MARK);
    text
}

/// Cuts a text between two characters, and lets the rest of it go.
fn beginning(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_share_is_exact_at_its_border() {
        let report = |count| RejectReport { count, samples: Vec::new() };
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

    fn add(log: &RejectLog, order: usize, offset: u64, raw: &[u8]) {
        let file = format!("no/such/file{order}").into();
        let block = Block { file, first_line: 0, offset: 0, bytes: b"" };
        let reason = tidegate_formats::Reason::Malformed("no end");
        let reject = Reject { line_in_block: 0, offset, reason, raw, length: raw.len() as u64 };
        log.add(order, &block, &reject).unwrap();
    }

    #[test]
    fn the_first_few_are_kept_whatever_the_order_in_which_they_come() {
        let log = RejectLog::new(None);
        for (order, offset) in [(1, 5), (0, 9), (2, 1), (0, 3), (1, 4), (0, 7), (3, 0), (0, 1)] {
            add(&log, order, offset, b"x");
        }
        let report = log.report();
        let places: Vec<_> = report.samples.iter().map(|sample| (sample.order, sample.offset)).collect();
        assert_eq!((report.count, places), (8, vec![(0, 1), (0, 3), (0, 7), (0, 9), (1, 4)]));
        assert_eq!(report.first().and_then(|first| first.line), None, "the file is gone");
    }

    #[test]
    fn of_a_line_the_beginning_is_kept_as_text() {
        let check = |raw: &[u8], kept: &str| assert_eq!(text(raw), kept);
        check(b"<script>\xff\0", "<script>\u{fffd}\0");
        check(&[b'a'; 200], &"a".repeat(200));
        check(&[b'a'; 1000], &format!("{}\u{2026}", "a".repeat(197)));
        check(&[b"a", "\u{6f22}".repeat(500).as_bytes()].concat(), &format!("a{}\u{2026}", "\u{6f22}".repeat(65)));
        check("\u{1f30a}".repeat(50).as_bytes(), &"\u{1f30a}".repeat(50));
        let long = text(&vec![0xff; 1 << 20]);
        assert!(long.len() <= RAW_SAMPLED && long.capacity() <= RAW_SAMPLED);
    }
}
