//! Blocks of whole records, handed out to the threads of a scan in the order of the input.
//!
//! *Concurrency.* One mutex guards the place in the input. A thread takes it to read a block and to find where its last
//! record ends, and decodes outside of it. Reading from the page cache and finding a line end run at several GB/s, decoding
//! below 2, so that the lock is free most of the time; and because records are framed in order, a quoted field may hold
//! line ends, a pipe is read like a file, and line numbers are exact.
//!
//! Compressed files are read at a few hundred MB/s, by one thread each: as long as there are others, a thread takes one for
//! itself, into its [`Lane`]. The last is read under the lock, so that the others can decode what one decompresses; where it is
//! made of several parts, they decompress those that come next ([`Parts`](super::parts::Parts)).

use super::{
    ByteSource, InputFile,
    parts::{Ahead, Done, Job, Work},
    sample::Head,
};
use crate::{
    EngineError,
    progress::Progress,
    zones::{Gap, ScanZones, ZoneBuilder},
};
use memchr::{memchr, memchr_iter};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};
use tidegate_formats::{Counts, FileStart, Format, Framing};

/// The most bytes of one record. A longer one is a reject.
pub const RECORD_CAP: usize = 16 << 20;

/// The most of a record beyond the cap that is kept to show it.
const TOO_LONG_KEPT: usize = 64 << 10;

/// Bytes read to find the header of a file; more where it is longer.
const HEADER: usize = 256 << 10;

/// How blocks are cut.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// Bytes of a block, more only where a record is longer.
    pub block_bytes: usize,
    /// Whether every block knows its line number. Counting costs a tenth of the scan.
    pub numbered: bool,
    /// Threads that take blocks.
    pub threads: usize,
    /// Bytes that are read, or decompressed by one thread, ahead of those that are asked for.
    pub ahead_bytes: usize,
}

impl QueueOptions {
    /// Returns how far ahead a file is worked on that one thread reads, or all do.
    fn ahead(&self, shared: bool) -> Ahead {
        let stretches = if shared && self.threads > 1 { self.threads + 1 } else { 0 };
        Ahead { bytes: self.ahead_bytes, stretches }
    }
}

/// A block in a thread's buffer.
#[derive(Clone, Debug)]
pub struct LoadedBlock {
    /// The file's place in the scan.
    pub order: usize,
    /// The file's name.
    pub file: Arc<str>,
    /// How the file begins.
    pub start: Arc<FileStart>,
    /// The first byte's place in the file.
    pub offset: u64,
    /// The first line's number from 1, or 0 where it is not known.
    pub first_line: u64,
    /// The block is the beginning of one record beyond the cap, which is so many bytes long.
    pub too_long: Option<u64>,
}

/// The inputs of a scan, cut into blocks.
#[derive(Debug)]
pub struct BlockQueue {
    inputs: Arc<[InputFile]>,
    format: Format,
    options: QueueOptions,
    progress: Arc<Progress>,
    zones: ScanZones,
    /// For each input, what is passed over whatever it is.
    gaps: Vec<Vec<Gap>>,
    state: Mutex<State>,
    /// Told when a stretch of a compressed file was decompressed.
    decompressed: Condvar,
}

#[derive(Debug)]
struct State {
    next: usize,
    open: Option<Open>,
    /// The head of a stream that was read for inference. Taken by the first scan of it.
    head: Option<Head>,
}

/// A compressed file that one thread reads alone.
#[derive(Debug, Default)]
pub struct Lane(Option<Open>);

/// The input that is being read.
#[derive(Debug)]
struct Open {
    order: usize,
    source: ByteSource,
    start: Arc<FileStart>,
    /// Bytes read and not handed out, from `offset` on.
    carry: Vec<u8>,
    offset: u64,
    line: u64,
    ended: bool,
    /// Parts that are passed over, from `offset` on.
    gaps: VecDeque<Gap>,
}

/// What there is to do for a thread.
enum Next<'a> {
    Block(LoadedBlock),
    /// To read a compressed file alone.
    Alone(usize, &'a InputFile),
    End,
}

/// A stretch that a thread decompresses. It is put back whatever happens to the thread, because others wait for it.
struct Claim<'a> {
    queue: &'a BlockQueue,
    order: usize,
    job: Job,
    done: Option<Done>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let done = self.done.take().unwrap_or_else(|| self.job.nothing());
        let mut state = self.queue.lock();
        if let Some(open) = state.open.as_mut().filter(|open| open.order == self.order) {
            open.source.put(done);
        }
        self.queue.decompressed.notify_all();
    }
}

impl BlockQueue {
    /// Returns a queue over `inputs`; `head` is what was read of a stream already.
    pub fn new(
        inputs: Arc<[InputFile]>,
        format: Format,
        options: QueueOptions,
        head: Option<Head>,
        progress: Arc<Progress>,
    ) -> Self {
        let (zones, state) = (ScanZones::default(), Mutex::new(State { next: 0, open: None, head }));
        Self { inputs, format, options, progress, zones, gaps: Vec::new(), state, decompressed: Condvar::new() }
    }

    /// Passes over parts of each input. One up to [`u64::MAX`] is what is left of it.
    #[must_use]
    pub(crate) fn with_gaps(self, gaps: Vec<Vec<Gap>>) -> Self {
        Self { gaps, ..self }
    }

    /// Passes over the gaps of the files, and has the zones of others learned.
    #[must_use]
    pub(crate) fn with_zones(self, zones: ScanZones) -> Self {
        Self { zones, ..self }
    }

    /// Returns the format of the inputs.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Returns who learns the zones of files, if somebody does.
    pub(crate) fn builder(&self) -> Option<&ZoneBuilder> {
        self.zones.builder.as_ref()
    }

    /// Puts the next block into `buffer`, or returns `None` at the end of the last input.
    ///
    /// # Errors
    /// [`EngineError::File`] if an input cannot be opened or read.
    pub fn next(&self, lane: &mut Lane, buffer: &mut Vec<u8>) -> Result<Option<LoadedBlock>, EngineError> {
        buffer.clear();
        buffer.shrink_to(self.options.block_bytes * 2);
        loop {
            if let Some(open) = &mut lane.0 {
                if let Some(block) = self.load(open, buffer)? {
                    return Ok(Some(block));
                }
                lane.0 = None;
            }
            match self.next_shared(buffer)? {
                Next::Block(block) => return Ok(Some(block)),
                Next::Alone(order, input) => lane.0 = Some(self.open_alone(order, input)?),
                Next::End => return Ok(None),
            }
        }
    }

    fn next_shared(&self, buffer: &mut Vec<u8>) -> Result<Next<'_>, EngineError> {
        let mut state = self.lock();
        loop {
            if state.open.is_none() {
                let Some(input) = self.inputs.get(state.next) else { return Ok(Next::End) };
                let order = state.next;
                state.next += 1;
                if input.compression.is_some() && state.next < self.inputs.len() {
                    return Ok(Next::Alone(order, input));
                }
                let head = state.head.take();
                state.open = Some(self.open(order, input, head)?);
            }
            let Some(open) = &mut state.open else { continue };
            match open.source.work(self.options.block_bytes) {
                Work::Read => {}
                Work::Decompress(job) => {
                    let mut claim = Claim { queue: self, order: open.order, job, done: None };
                    drop(state);
                    claim.done = Some(claim.job.run());
                    drop(claim);
                    state = self.lock();
                    continue;
                }
                Work::Wait => {
                    state = self.decompressed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            }
            match self.load(open, buffer) {
                Ok(Some(block)) => return Ok(Next::Block(block)),
                Ok(None) => state.open = None,
                Err(error) => {
                    // What comes behind what cannot be read is nobody's.
                    (state.open, state.next) = (None, self.inputs.len());
                    return Err(error);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a file that one thread reads.
    fn open_alone(&self, order: usize, input: &InputFile) -> Result<Open, EngineError> {
        self.begin(order, ByteSource::open(input, self.options.ahead(false))?, Vec::new())
    }

    /// Opens an input that all threads read.
    fn open(&self, order: usize, input: &InputFile, head: Option<Head>) -> Result<Open, EngineError> {
        match head {
            Some(Head { bytes, stream: Some(source), .. }) => self.begin(order, source, bytes),
            _ => self.begin(order, ByteSource::open(input, self.options.ahead(true))?, Vec::new()),
        }
    }

    /// Reads the header of an input, of which `carry` was read already.
    fn begin(&self, order: usize, source: ByteSource, mut carry: Vec<u8>) -> Result<Open, EngineError> {
        let (start, gaps) = (Arc::default(), self.gaps(order, &source));
        let mut open = Open { order, source, start, carry: Vec::new(), offset: 0, line: 1, ended: false, gaps };
        let mut target = HEADER;
        loop {
            while carry.len() < target && !open.ended {
                self.read_more(&mut open, &mut carry, target)?;
            }
            // Only delimited files have a header, which must be whole.
            let whole = self.format.framing() == Framing::Lines || self.format.framing().whole_records(&carry) > 0;
            if whole || open.ended || target >= RECORD_CAP {
                break;
            }
            target = (carry.len() * 2).min(RECORD_CAP);
        }
        let start = self.format.file_start(&carry);
        self.progress.read(open.source.progress(start.skip));
        carry.drain(..start.skip.min(carry.len()));
        open.offset = start.skip as u64;
        open.line += start.lines;
        open.start = Arc::new(start);
        open.carry = carry;
        Ok(open)
    }

    /// Returns the gaps of a file that was just opened, if it is still the one that they are of.
    fn gaps(&self, order: usize, source: &ByteSource) -> VecDeque<Gap> {
        if let Some(gaps) = self.gaps.get(order) {
            return gaps.iter().copied().collect();
        }
        let Some(Some(known)) = self.zones.gaps.get(order) else { return VecDeque::new() };
        if source.state() == Some(known.state) { known.gaps.iter().copied().collect() } else { VecDeque::new() }
    }

    /// Passes over a gap that begins here, and returns how many bytes are before the next.
    fn pass_over(&self, open: &mut Open) -> usize {
        while let Some(gap) = open.gaps.front().copied().filter(|gap| gap.start <= open.offset) {
            open.gaps.pop_front();
            if gap.end > open.offset {
                open.carry.clear();
                open.source.jump(gap.end);
                (open.offset, open.ended) = (gap.end, false);
                open.line += gap.lines;
                self.progress.decoded(Counts { passed_over: gap.lines, ..Counts::default() });
            }
        }
        let next = open.gaps.front().map_or(u64::MAX, |gap| gap.start - open.offset);
        usize::try_from(next).unwrap_or(usize::MAX)
    }

    /// Reads until `buffer` holds `target` bytes, or once from a stream, so that what trickles in is handed on.
    fn read_more(&self, open: &mut Open, buffer: &mut Vec<u8>, target: usize) -> Result<(), EngineError> {
        let stream = matches!(open.source, ByteSource::Stream(_));
        let mut filled = buffer.len();
        // No more than that: a record of 16 MiB does not take a buffer of twice its length.
        buffer.reserve_exact(target.saturating_sub(filled));
        buffer.resize(target.max(filled), 0);
        let result = loop {
            let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) else { break Ok(()) };
            match open.source.read(rest) {
                Ok(0) => {
                    open.ended = true;
                    break Ok(());
                }
                Ok(read) => filled += read,
                Err(error) => break Err(error),
            }
            if stream {
                break Ok(());
            }
        };
        buffer.truncate(filled);
        result.map_err(|error| self.read_error(open.order, error))
    }

    fn read_error(&self, order: usize, error: io::Error) -> EngineError {
        EngineError::file("read", self.inputs.get(order).map_or("-", |input| input.name.as_ref()), error)
    }

    fn load(&self, open: &mut Open, buffer: &mut Vec<u8>) -> Result<Option<LoadedBlock>, EngineError> {
        let most = self.pass_over(open);
        buffer.append(&mut open.carry);
        buffer.truncate(most);
        let mut target = self.options.block_bytes.min(most);
        let mut too_long = false;
        let whole = loop {
            if !open.ended && buffer.len() < target {
                self.read_more(open, buffer, target)?;
            }
            if open.ended || buffer.len() == most {
                break buffer.len();
            }
            let whole = self.format.framing().whole_records(buffer);
            if whole > 0 {
                break whole;
            }
            if buffer.len() >= RECORD_CAP {
                // In quoted text a quote that never closes looks like one endless record: only its first line is given up.
                let line = memchr(b'\n', buffer).filter(|_| self.format.framing() != Framing::Lines);
                too_long = line.is_none();
                break line.map_or(buffer.len(), |at| at + 1);
            }
            target = if buffer.len() < target { target } else { (buffer.len() * 2).min(RECORD_CAP).min(most) };
        };
        if whole == 0 {
            return Ok(None);
        }
        open.carry.extend_from_slice(buffer.get(whole..).unwrap_or_default());
        buffer.truncate(whole);
        self.progress.read(open.source.progress(whole));
        let mut block = self.block(open);
        open.offset += whole as u64;
        if block.first_line > 0 {
            open.line += memchr_iter(b'\n', buffer).count() as u64;
        }
        if too_long {
            buffer.truncate(TOO_LONG_KEPT);
            block.too_long = Some(whole as u64 + self.skip_line(open)?);
        }
        Ok(Some(block))
    }

    fn block(&self, open: &Open) -> LoadedBlock {
        // A line that is wanted later cannot be looked up in what is read once, or with much work.
        let numbered = self.options.numbered || !matches!(open.source, ByteSource::File(_));
        LoadedBlock {
            order: open.order,
            file: self.inputs.get(open.order).map_or_else(|| "-".into(), |input| Arc::clone(&input.name)),
            start: Arc::clone(&open.start),
            offset: open.offset,
            first_line: if numbered { open.line } else { 0 },
            too_long: None,
        }
    }

    /// Reads on to the next line end, keeps nothing of it, and returns how many bytes of the line that were.
    fn skip_line(&self, open: &mut Open) -> Result<u64, EngineError> {
        let mut chunk = Vec::new();
        let mut length = 0;
        while !open.ended {
            chunk.clear();
            self.read_more(open, &mut chunk, self.options.block_bytes)?;
            let end = memchr(b'\n', &chunk);
            let skipped = end.map_or(chunk.len(), |at| at + 1);
            length += end.unwrap_or(chunk.len()) as u64;
            open.offset += skipped as u64;
            self.progress.read(open.source.progress(skipped));
            if end.is_some() {
                open.line += 1;
                open.carry.extend_from_slice(chunk.get(skipped..).unwrap_or_default());
                break;
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
