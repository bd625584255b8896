//! The spill files of a task, and their sums.

use super::{
    CacheRoom,
    failure::{SpillFailure, SpillName},
    file::{Shared, UnnamedFile},
};
use datafusion::{
    common::Result,
    execution::spill_file::{SpillFile, TempFileFactory},
};
use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
};
use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tidegate_memory::{ByteCount, Limit};

/// Where and how much a task spills.
#[derive(Clone, Debug)]
pub struct SpillOptions {
    /// The folder. It must exist when the first file is made.
    pub folder: PathBuf,
    /// The most that may be on disk at a time.
    pub limit: Limit,
    /// The most that may be left to the page cache.
    pub cache_room: CacheRoom,
}

/// Makes spill files in one folder and keeps account of them.
#[derive(Debug)]
pub struct SpillFiles {
    folder: Arc<Path>,
    account: Arc<Account>,
    /// Random keys, from which every file gets an id: no block of one file fits another.
    ids: RandomState,
}

/// What was spilled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpillReport {
    /// Bytes written in all.
    pub written: ByteCount,
    /// Bytes on disk now.
    pub current: ByteCount,
    /// The most bytes on disk at a time.
    pub largest: ByteCount,
    /// Files made in all.
    pub files: u64,
}

/// What is allowed to the files of one plan, and what has failed.
#[derive(Debug)]
pub(super) struct Account {
    limit: Limit,
    cache_room: CacheRoom,
    sums: Arc<Sums>,
    failure: Mutex<Option<SpillFailure>>,
}

/// Sums over all files of one task. Independent numbers, so relaxed ordering suffices.
#[derive(Debug, Default)]
struct Sums {
    written: AtomicU64,
    current: AtomicU64,
    largest: AtomicU64,
    files: AtomicU64,
}

impl SpillFiles {
    /// Returns a factory for files of a task.
    pub fn new(options: SpillOptions) -> Self {
        let SpillOptions { folder, limit, cache_room } = options;
        let account = Account { limit, cache_room, sums: Arc::default(), failure: Mutex::new(None) };
        Self { folder: folder.into(), account: Arc::new(account), ids: RandomState::new() }
    }

    /// Returns a factory that adds to the same sums, and in which nothing has failed yet: for another plan of the task.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let Account { limit, ref cache_room, ref sums, .. } = *self.account;
        let (cache_room, sums) = (cache_room.clone(), Arc::clone(sums));
        let account = Account { limit, cache_room, sums, failure: Mutex::new(None) };
        Self { folder: Arc::clone(&self.folder), account: Arc::new(account), ids: RandomState::new() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what was spilled so far.
    pub fn report(&self) -> SpillReport {
        SpillReport {
            written: ByteCount::new(self.account.sums.written.load(Relaxed)),
            current: self.account.current(),
            largest: ByteCount::new(self.account.sums.largest.load(Relaxed)),
            files: self.account.sums.files.load(Relaxed),
        }
    }

    /// Returns the first failure to make, write or read a file, if there was one. A task that had one has no answer, also
    /// where an operator did not pass the failure on.
    pub fn failure(&self) -> Option<SpillFailure> {
        self.account.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn create(&self, purpose: &str) -> Result<UnnamedFile, SpillFailure> {
        let file = unnamed(&self.folder).map_err(|error| self.account.write_failed(&self.folder, &error))?;
        let number = self.account.sums.files.fetch_add(1, Relaxed) + 1;
        let name = SpillName { folder: Arc::clone(&self.folder), purpose: purpose.into(), number };
        Ok(UnnamedFile::new(Shared::new(file, name, self.ids.hash_one(number), Arc::clone(&self.account))))
    }
}

impl TempFileFactory for SpillFiles {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(self.create(description)?))
    }
}

/// Makes a file that no name leads to, readable by nobody else whatever the umask.
fn unnamed(folder: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    match open(folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // What kernels and file systems without `O_TMPFILE` say. The file is then made with mode 0600 and unlinked at once.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => tempfile::tempfile_in(folder),
        Err(error) => Err(error.into()),
    }
}

impl Account {
    pub fn current(&self) -> ByteCount {
        ByteCount::new(self.sums.current.load(Relaxed))
    }

    /// Returns whether more is on disk than the page cache has room for.
    pub fn is_beyond_cache(&self) -> bool {
        self.current() > self.cache_room.bytes()
    }

    /// Puts bytes that are about to be written on the account.
    pub fn charge(&self, bytes: u64) -> Result<(), SpillFailure> {
        let before = ByteCount::new(self.sums.current.fetch_add(bytes, Relaxed));
        let Limit::Bytes(limit) = self.limit else { return Ok(()) };
        if before + ByteCount::new(bytes) <= limit {
            return Ok(());
        }
        self.discharge(bytes);
        Err(self.fail(SpillFailure::Quota { limit, current: before }))
    }

    /// Takes bytes off the account that are not on disk.
    pub fn discharge(&self, bytes: u64) {
        self.sums.current.fetch_sub(bytes, Relaxed);
    }

    /// Counts bytes that are written.
    pub fn wrote(&self, bytes: u64) {
        self.sums.written.fetch_add(bytes, Relaxed);
        self.sums.largest.fetch_max(self.sums.current.load(Relaxed), Relaxed);
    }

    /// Keeps a failure to write.
    pub fn write_failed(&self, folder: &Path, error: &io::Error) -> SpillFailure {
        self.fail(SpillFailure::Write {
            folder: folder.to_path_buf(),
            kind: error.kind(),
            message: error.to_string(),
            current: self.current(),
        })
    }

    /// Keeps a failure, unless there was one before, and returns it.
    pub fn fail(&self, failure: SpillFailure) -> SpillFailure {
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| failure.clone());
        failure
    }
}
