//! One spill file: blocks are appended to it and read from it.

use super::{
    block::{Block, Stamp},
    cache::{Behind, WINDOW, let_go},
    failure::{Damage, SpillFailure, SpillName},
    files::Account,
    reader::Reader,
    writer::Writer,
};
use bytes::Bytes;
use datafusion::{
    common::Result,
    execution::spill_file::{SpillFile, SpillWriter},
};
use futures::Stream;
use rustix::{
    buffer::spare_capacity,
    io::{Errno, pread},
};
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// What DataFusion sees of a spill file.
pub(super) struct UnnamedFile(Arc<Shared>);

/// The file itself; its last owner, a reader as often as not, takes it off the account.
pub(super) struct Shared {
    file: File,
    name: SpillName,
    id: u64,
    account: Arc<Account>,
    /// Bytes that readers may read: whole blocks.
    size: AtomicU64,
    /// Set when a block could not be written: what follows it is missing.
    is_cut: AtomicBool,
    was_read: AtomicBool,
    end: Mutex<End>,
}

/// Where the next block goes.
struct End {
    stamp: Stamp,
    offset: u64,
    behind: Behind,
}

impl UnnamedFile {
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    #[cfg(test)]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl SpillFile for UnnamedFile {
    fn size(&self) -> Option<u64> {
        Some(self.0.size())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        Ok(Box::pin(Reader::new(Arc::clone(&self.0))))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer::new(Arc::clone(&self.0))))
    }
}

impl Shared {
    pub fn new(file: File, name: SpillName, id: u64, account: Arc<Account>) -> Self {
        Self {
            file,
            name,
            id,
            account,
            size: AtomicU64::new(0),
            is_cut: AtomicBool::new(false),
            was_read: AtomicBool::new(false),
            end: Mutex::new(End { stamp: Stamp { file: id, number: 0 }, offset: 0, behind: Behind::default() }),
        }
    }

    /// Returns the stamp of the first block.
    pub fn first(&self) -> Stamp {
        Stamp { file: self.id, number: 0 }
    }

    /// Returns the bytes that may be read.
    pub fn size(&self) -> u64 {
        self.size.load(Acquire)
    }

    #[cfg(test)]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Writes a block behind the last one and empties it.
    pub fn append(&self, block: &mut Block) -> Result<(), SpillFailure> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = block.seal(end.stamp);
        let length = bytes.len() as u64;
        let written = self.account.charge(length).and_then(|()| {
            self.file.write_all_at(bytes, end.offset).map_err(|error| {
                self.account.discharge(length);
                self.account.write_failed(&self.name.folder, &error)
            })
        });
        if let Err(failure) = written {
            self.is_cut.store(true, Relaxed);
            return Err(failure);
        }
        self.account.wrote(length);
        end.stamp = end.stamp.next();
        end.offset += length;
        self.size.store(end.offset, Release);
        // What came before the last window has had the time to be written: it is dropped, while the last is begun.
        let offset = end.offset;
        if let Some(passed) = end.behind.pass(offset).filter(|_| self.account.is_beyond_cache()) {
            let_go(&self.file, passed.start.saturating_sub(WINDOW)..passed.end);
        }
        drop(end);
        block.clear();
        Ok(())
    }

    /// Begins to write out the rest, when nothing more is to come.
    pub fn finish(&self) {
        if self.account.is_beyond_cache() {
            let size = self.size();
            let_go(&self.file, size.saturating_sub(2 * WINDOW)..size);
        }
    }

    /// Returns whether this is the first reading. What is read a second time, as by a join, is better kept in the cache.
    pub fn begin_reading(&self) -> bool {
        !self.was_read.swap(true, Relaxed)
    }

    /// Drops what a reader has passed from the page cache, if that has no room for it.
    pub fn passed(&self, behind: &mut Behind, offset: u64) {
        if let Some(passed) = behind.pass(offset).filter(|_| self.account.is_beyond_cache()) {
            let_go(&self.file, passed);
        }
    }

    /// Reads as many bytes as the buffer has room for, but none beyond what was written. Where the file was written a moment
    /// ago they come from the page cache as a rule, so the read does not leave the thread.
    pub fn read(&self, room: usize, offset: u64) -> Result<Bytes, SpillFailure> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = room.min(left);
        let mut bytes = Vec::with_capacity(wanted);
        while bytes.len() < wanted {
            let at = offset + bytes.len() as u64;
            match pread(&self.file, spare_capacity(&mut bytes), at) {
                Ok(0) => return Err(self.damaged(at, Damage::Missing)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(self.read_failed(&error.into())),
            }
        }
        // A vector may have more room than was asked for, and what follows may be half of a block.
        bytes.truncate(wanted);
        Ok(bytes.into())
    }

    /// Says that a reader has come to the end, and whether it is one.
    pub fn check_end(&self, offset: u64) -> Result<(), SpillFailure> {
        if self.is_cut.load(Relaxed) { Err(self.damaged(offset, Damage::Missing)) } else { Ok(()) }
    }

    /// Keeps and returns the failure of a block.
    pub fn damaged(&self, at: u64, damage: Damage) -> SpillFailure {
        self.account.fail(SpillFailure::Damaged { name: self.name.clone(), at, damage })
    }

    fn read_failed(&self, error: &io::Error) -> SpillFailure {
        self.account.fail(SpillFailure::Read {
            name: self.name.clone(),
            kind: error.kind(),
            message: error.to_string(),
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.account.discharge(self.size());
    }
}
