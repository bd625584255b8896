//! Spill files: operator state on disk, in files without a name.
//!
//! A file is made in the spill folder by `O_TMPFILE` (or created and unlinked at once where the file system has no such
//! thing): nobody else can open it, and it is gone when it is closed, however the process ends. So there is no folder to
//! protect, to clean up on Ctrl-C or to sweep after `kill -9`.

use bytes::Bytes;
use datafusion::{
    common::{DataFusionError, Result},
    execution::spill_file::{SpillFile, SpillWriter, TempFileFactory},
};
use futures::{Stream, stream};
use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tidegate_memory::ByteCount;

/// Bytes read at a time.
const CHUNK: usize = 128 << 10;

/// Bytes collected before they are written.
const BUFFER: usize = 64 << 10;

/// Makes spill files in one folder and keeps account of them.
#[derive(Debug)]
pub struct SpillFiles {
    folder: PathBuf,
    account: Arc<Account>,
}

/// Sums over all files of one task. Independent numbers, so relaxed ordering suffices.
#[derive(Debug, Default)]
struct Account {
    written: AtomicU64,
    current: AtomicU64,
    files: AtomicU64,
    failure: Mutex<Option<SpillFailure>>,
}

/// What was spilled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpillReport {
    /// Bytes written in all.
    pub written: ByteCount,
    /// Bytes on disk now.
    pub current: ByteCount,
    /// Files made in all.
    pub files: u64,
}

/// The spill folder could not take what had to be spilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpillFailure {
    /// The folder.
    pub folder: PathBuf,
    /// What the system said.
    pub kind: io::ErrorKind,
    /// What it said in words.
    pub message: String,
    /// Bytes on disk when it happened.
    pub current: ByteCount,
}

impl SpillFiles {
    /// Returns a factory for files in `folder`, which must exist when the first file is made.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), account: Arc::default() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what was spilled so far.
    pub fn report(&self) -> SpillReport {
        SpillReport {
            written: ByteCount::new(self.account.written.load(Relaxed)),
            current: ByteCount::new(self.account.current.load(Relaxed)),
            files: self.account.files.load(Relaxed),
        }
    }

    /// Returns the first failure to make or write a file, if there was one.
    pub fn failure(&self) -> Option<SpillFailure> {
        self.account.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Account {
    fn fail(&self, folder: &Path, error: &io::Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| SpillFailure {
            folder: folder.to_path_buf(),
            kind: error.kind(),
            message: error.to_string(),
            current: ByteCount::new(self.current.load(Relaxed)),
        });
    }
}

impl TempFileFactory for SpillFiles {
    fn create_temp_file(&self, _description: &str) -> Result<Arc<dyn SpillFile>> {
        let file = tempfile::tempfile_in(&self.folder).inspect_err(|error| self.account.fail(&self.folder, error))?;
        self.account.files.fetch_add(1, Relaxed);
        let shared =
            Shared { file, size: AtomicU64::new(0), folder: self.folder.clone(), account: Arc::clone(&self.account) };
        Ok(Arc::new(UnnamedFile(Arc::new(shared))))
    }
}

struct UnnamedFile(Arc<Shared>);

/// The file itself; its last owner, a reader as often as not, takes it off the account.
struct Shared {
    file: File,
    size: AtomicU64,
    folder: PathBuf,
    account: Arc<Account>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.account.current.fetch_sub(self.size.load(Relaxed), Relaxed);
    }
}

impl SpillFile for UnnamedFile {
    fn size(&self) -> Option<u64> {
        Some(self.0.size.load(Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let start = (Arc::clone(&self.0), 0_u64);
        Ok(Box::pin(stream::try_unfold(start, |(shared, offset)| async move {
            let chunk = read_chunk(&shared.file, offset).map_err(DataFusionError::IoError)?;
            let next = offset + chunk.len() as u64;
            Ok((!chunk.is_empty()).then_some((chunk, (shared, next))))
        })))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer { shared: Arc::clone(&self.0), buffer: Vec::with_capacity(BUFFER) }))
    }
}

/// Reads where the file was written a moment ago: from the page cache as a rule, so the read does not leave the thread.
fn read_chunk(file: &File, offset: u64) -> io::Result<Bytes> {
    let mut chunk = vec![0; CHUNK];
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(filled);
    Ok(chunk.into())
}

/// Collects what is written in pieces: a batch is some fifty of them.
struct Writer {
    shared: Arc<Shared>,
    buffer: Vec<u8>,
}

impl Writer {
    fn write_out(&self, mut bytes: &[u8]) -> io::Result<()> {
        let Shared { file, size, folder, account } = self.shared.as_ref();
        while !bytes.is_empty() {
            match file.write_at(bytes, size.load(Relaxed)) {
                Ok(written) => {
                    size.fetch_add(written as u64, Relaxed);
                    account.written.fetch_add(written as u64, Relaxed);
                    account.current.fetch_add(written as u64, Relaxed);
                    bytes = bytes.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    account.fail(folder, &error);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            self.write_out(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    /// Makes what was written visible to readers: some begin before the last byte is written.
    fn flush(&mut self) -> io::Result<()> {
        self.write_out(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(self.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    fn read(file: &Arc<dyn SpillFile>) -> Vec<u8> {
        let chunks: Vec<Bytes> = futures::executor::block_on(file.read_stream().unwrap().try_collect()).unwrap();
        chunks.concat()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_has_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let files = SpillFiles::new(folder.path());
        let file = files.create_temp_file("sort").unwrap();
        let mut writer = file.open_writer().unwrap();
        let mut expected = Vec::new();
        for length in [1, BUFFER - 1, 1, BUFFER, 3 * BUFFER, 7] {
            let piece = vec![u8::try_from(length % 251).unwrap(); length];
            writer.write_all(&piece).unwrap();
            expected.extend(piece);
        }
        writer.flush().unwrap();
        assert_eq!(read(&file), expected, "a reader may begin before the writer is done");
        writer.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(files.report().current, ByteCount::from(expected.len()));
        drop((file, writer));
        let report = files.report();
        assert_eq!((report.current, report.written), (ByteCount::ZERO, ByteCount::from(expected.len())));
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_failure_that_is_kept() {
        let files = SpillFiles::new("/nowhere/at/all");
        assert!(files.create_temp_file("sort").is_err());
        assert_eq!(files.failure().unwrap().kind, io::ErrorKind::NotFound);
    }
}
