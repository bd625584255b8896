//! A compressed file that is made of several parts, decompressed by several threads.
//!
//! *Model.* A **part** is what `cat` can put behind another: a member of gzip, a frame of zstd, a stream of bzip2. `bgzip`,
//! `pzstd`, `pbzip2`, nginx and most collectors of logs write many small ones. A **stretch** is a run of whole parts. Threads
//! that have nothing to decode take stretches ahead of the place that is read ([`Parts::work`]), decompress them outside of
//! the lock ([`Job::run`]) and put them back ([`Parts::put`]); what is read comes in order.
//!
//! Where a part begins cannot be known before the one before it was decompressed: bytes that look like a beginning may be in
//! the middle of another. So a stretch is a guess. It counts only if the bytes before it end exactly where it begins, and else
//! it is dropped; whatever is not in a stretch is decompressed as it is read, as is what is damaged, so that an error comes
//! where it comes without any of this. A part that is larger than a stretch may be is decompressed as it is read too.

use super::compression::{Compression, FilePart, OnePart};
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read},
    mem,
    os::unix::fs::FileExt,
    sync::Arc,
};
use tidegate_memory::ByteCount;

/// Bytes that are looked through for the beginning of a part at a time, and how many of them are looked through again with
/// the next ones.
const LOOK: usize = 64 << 10;
const AGAIN: u64 = 16;

/// After it was found that parts are large, so many bytes are read before they are looked for again.
const REST: u64 = 8 << 20;

/// A stretch is cut at so small a share of what it may hold, because logs are ten times as large as they are compressed, and
/// its last part goes on behind it.
const SHARE: u64 = 32;

/// How far ahead of the place that is read a file is worked on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    /// The most bytes of a stretch after it is decompressed; of a file that is not compressed, what the system is told to read.
    pub bytes: usize,
    /// Stretches that are decompressed and not read yet, at most.
    pub stretches: usize,
}

impl Ahead {
    /// Reads everything as it is asked for.
    pub(crate) const NONE: Self = Self { bytes: 0, stretches: 0 };
}

/// A compressed file that is being read.
#[derive(Debug)]
pub(crate) struct Parts {
    file: Arc<File>,
    size: u64,
    compression: Compression,
    ahead: Ahead,
    /// Where the next byte comes from that is in no part that was begun.
    at: u64,
    /// Bytes that were decompressed, up to `taken` read already.
    ready: Vec<u8>,
    taken: usize,
    /// The part that is decompressed as it is read, or else the file.
    open: Option<OnePart>,
    input: Option<FilePart>,
    stretches: VecDeque<Stretch>,
    /// Where the next stretch begins, if that is known, or else from where on to look for it.
    next: Next,
    /// Bytes of the file that were told to be read.
    told: u64,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Begins(u64),
    After(u64),
}

#[derive(Debug)]
struct Stretch {
    start: u64,
    done: Option<Done>,
}

/// What a stretch holds, up to the end of its last whole part.
#[derive(Debug)]
pub(crate) struct Done {
    start: u64,
    bytes: Vec<u8>,
    /// Where its last whole part ends.
    end: u64,
}

/// What a thread can do for a file.
#[derive(Debug)]
pub(crate) enum Work {
    /// To read: enough is decompressed, or nobody else can do it.
    Read,
    /// To decompress a stretch.
    Decompress(Job),
    /// To wait until another thread has put its stretch back.
    Wait,
}

/// A stretch to decompress.
#[derive(Debug)]
pub(crate) struct Job {
    file: Arc<File>,
    size: u64,
    compression: Compression,
    start: u64,
    end: u64,
    most: usize,
}

impl Parts {
    /// Begins to read a file of `size` bytes.
    pub(super) fn new(file: File, size: u64, compression: Compression, ahead: Ahead) -> Self {
        let file = Arc::new(file);
        Self {
            input: Some(FilePart::new(&file, 0, size)),
            file,
            size,
            compression,
            ahead,
            at: 0,
            ready: Vec::new(),
            taken: 0,
            open: None,
            stretches: VecDeque::new(),
            next: Next::Begins(0),
            told: 0,
        }
    }

    /// Returns what the calling thread can do where `wanted` bytes are to be read.
    pub(super) fn work(&mut self, wanted: usize) -> Work {
        self.drop_passed();
        let (bytes, next) = self.in_order();
        if bytes >= wanted {
            return Work::Read;
        }
        if self.stretches.len() < self.ahead.stretches
            && let Some(job) = self.job()
        {
            return Work::Decompress(job);
        }
        let awaited = |stretch: &Stretch| Some(stretch.start) == next && stretch.done.is_none();
        if self.stretches.iter().any(awaited) { Work::Wait } else { Work::Read }
    }

    /// Takes a stretch back. One that was passed in the meantime is dropped.
    pub(super) fn put(&mut self, done: Done) {
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.start == done.start) {
            stretch.done = Some(done);
        }
    }

    /// Returns how many bytes of the file were read since the last call.
    pub(super) fn take_consumed(&mut self) -> u64 {
        let place = self.place();
        place.saturating_sub(mem::replace(&mut self.told, place))
    }

    /// Returns the first byte of the file of which nothing was read in order.
    fn place(&self) -> u64 {
        self.open.as_ref().map_or(self.at, OnePart::position)
    }

    /// Returns the bytes that can be read without anything to be decompressed, and where those after them come from if that is
    /// the beginning of a part.
    fn in_order(&self) -> (usize, Option<u64>) {
        let mut bytes = self.ready.len() - self.taken;
        if self.open.is_some() {
            return (bytes, None);
        }
        let mut at = self.at;
        for stretch in &self.stretches {
            match &stretch.done {
                Some(done) if done.start == at && done.end > at => (at, bytes) = (done.end, bytes + done.bytes.len()),
                _ => break,
            }
        }
        (bytes, Some(at))
    }

    /// Drops stretches that begin before the place that is read: no part began there.
    fn drop_passed(&mut self) {
        let place = self.place();
        while self.stretches.front().is_some_and(|first| first.start < place) {
            self.stretches.pop_front();
        }
        if let Next::Begins(known) | Next::After(known) = self.next
            && known < place
        {
            self.next = if self.open.is_some() { Next::After(place) } else { Next::Begins(place) };
        }
    }

    /// Takes the stretch that begins at the place that is read, if it was decompressed.
    fn take_stretch(&mut self) -> Option<Done> {
        let first = self.stretches.front_mut().filter(|first| first.start == self.at)?;
        let done = first.done.take();
        // Whoever decompresses it now would be too late, for it is read in another way.
        self.stretches.pop_front();
        let done = done?;
        if done.end == done.start {
            // A part larger than a stretch, or a damaged one: the next are likely to be so, too.
            self.stretches.clear();
            self.next = Next::After(self.at + REST);
            return None;
        }
        Some(done)
    }

    /// Returns the next stretch, if one is near, and notes that somebody decompresses it.
    fn job(&mut self) -> Option<Job> {
        let start = match self.next {
            Next::Begins(start) => start,
            Next::After(from) if from > self.place() + self.far() => return None,
            Next::After(from) => self.beginning(from)?,
        };
        let least = start.saturating_add((self.ahead.bytes as u64 / SHARE).max(1));
        let end = if least < self.size { self.beginning(least)? } else { self.size };
        // A file of one part is decompressed as it is read.
        if start >= self.size || (start, end) == (0, self.size) {
            return None;
        }
        self.next = Next::Begins(end);
        self.stretches.push_back(Stretch { start, done: None });
        let (file, most) = (Arc::clone(&self.file), self.ahead.bytes);
        Some(Job { file, size: self.size, compression: self.compression, start, end, most })
    }

    /// Returns where the next part may begin from a place on, or where the file ends. If neither is near, it is not looked for
    /// in the next bytes.
    fn beginning(&mut self, from: u64) -> Option<u64> {
        let mut bytes = vec![0; LOOK];
        let mut at = from;
        while at < from + self.far() {
            let read = self.file.read_at(&mut bytes, at).unwrap_or(0);
            if let Some(found) = self.compression.beginning(bytes.get(..read)?) {
                return Some(at + found as u64);
            }
            at += LOOK as u64 - AGAIN;
            if at >= self.size {
                return Some(self.size);
            }
        }
        self.next = Next::After(from + REST);
        None
    }

    /// Returns how far behind the least end of a stretch a part must begin. Where none does, parts are too large.
    fn far(&self) -> u64 {
        (self.ahead.bytes / 4).max(LOOK) as u64
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.ready.get(self.taken..).unwrap_or_default().read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.taken += count;
                return Ok(count);
            }
            if let Some(part) = &mut self.open {
                let count = part.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                self.at = part.position();
                self.input = self.open.take().map(OnePart::into_file);
            }
            self.drop_passed();
            (self.ready, self.taken) = (Vec::new(), 0);
            if let Some(done) = self.take_stretch() {
                (self.at, self.ready) = (done.end, done.bytes);
            } else if self.at >= self.size {
                return Ok(0);
            } else {
                let input = self.input.take();
                let mut input = input.unwrap_or_else(|| FilePart::new(&self.file, self.at, self.size));
                input.seek(self.at);
                self.open = Some(OnePart::open(input, self.compression)?);
            }
        }
    }
}

impl Job {
    /// Returns what is put back where the stretch could not be decompressed.
    pub(super) fn nothing(&self) -> Done {
        Done { start: self.start, bytes: Vec::new(), end: self.start }
    }

    /// Decompresses the stretch, up to the last whole part that it may hold. What fails is left to whoever reads it in order.
    pub(super) fn run(&self) -> Done {
        let mut done = Done { start: self.start, bytes: Vec::with_capacity(self.most / 2), end: self.start };
        let mut input = FilePart::new(&self.file, self.start, self.size);
        while done.end < self.end {
            let whole = done.bytes.len();
            let Some((end, rest)) = self.part(done.end, input, &mut done.bytes) else {
                done.bytes.truncate(whole);
                break;
            };
            (done.end, input) = (end, rest);
        }
        if done.end == self.start { self.nothing() } else { done }
    }

    /// Appends the part at `start` and returns where it ends and the file from there on, or `None` if it is damaged or too large.
    fn part(&self, start: u64, input: FilePart, bytes: &mut Vec<u8>) -> Option<(u64, FilePart)> {
        let mut part = OnePart::open(input, self.compression).ok()?;
        // Each thread has such a window, and would have it for nothing.
        if part.window() > ByteCount::from(self.most) {
            return None;
        }
        let room = self.most.saturating_sub(bytes.len()) as u64;
        part.by_ref().take(room).read_to_end(bytes).ok()?;
        let end = if part.read(&mut [0]).ok()? == 0 { part.position() } else { start };
        (end > start).then(|| (end, part.into_file()))
    }
}
