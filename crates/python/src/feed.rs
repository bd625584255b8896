//! Tables of this process on their way to a worker: a file without a name that can be read again, or a pipe.
//!
//! The worker opens both by `/proc/PID/fd/N`, so that nothing lies about in a folder, whatever becomes of this process.
//!
//! *Concurrency.* A thread writes each pipe. It ends when the batches do, when they fail, which fails the query, or
//! when nobody reads: the worker has closed its end, and so has this process with the query.

use crate::{
    batches::Batches,
    faults::{Fault, look_after_signals},
    rows::Query,
    sockets::Noted,
};
use arrow_array::RecordBatchReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use pyo3::{Py, PyErr, Python, pyfunction};
use std::{
    fs::File,
    io::{self, BufWriter, PipeReader, PipeWriter, Write, pipe},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    thread,
};

/// What is written between two looks for signals.
const PIECE: usize = 16 << 20;

/// A pipe that a query reads.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Keeps the pipe open until the worker has opened it.
    _reader: PipeReader,
    _noted: Noted,
    waiting: Option<(Py<Batches>, PipeWriter)>,
}

impl Feed {
    /// Returns a pipe for these batches, and the path that a worker opens.
    pub(crate) fn new(batches: Py<Batches>) -> Result<(Self, PathBuf), Fault> {
        let (reader, writer) = pipe().map_err(|error| Fault::System("make a pipe for a table", error))?;
        let path = path_of(&reader);
        Ok((Self { _noted: Noted::new(&reader), _reader: reader, waiting: Some((batches, writer)) }, path))
    }

    /// Begins to write.
    pub(crate) fn begin(mut self, query: &Arc<Query>) -> Result<Self, Fault> {
        let Some((batches, writer)) = self.waiting.take() else { return Ok(self) };
        let query = Arc::clone(query);
        let write = move || {
            let noted = Noted::new(&writer);
            match write_batches(&batches, writer) {
                Ok(()) => {}
                Err(Fault::System(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(fault) => query.fail(fault),
            }
            drop(noted);
            let _ = Python::try_attach(|_| drop(batches));
        };
        let spawned = thread::Builder::new().name("tidegate-feed".into()).spawn(write);
        spawned.map_err(|error| Fault::System("start a thread for a table", error))?;
        Ok(self)
    }
}

fn write_batches(batches: &Py<Batches>, writer: PipeWriter) -> Result<(), Fault> {
    batches.get().read(|open| write_ipc(open, writer))
}

/// Writes batches as an Arrow IPC stream.
fn write_ipc(reader: &mut (dyn RecordBatchReader + Send), file: impl Write) -> Result<(), Fault> {
    let failed = |error: ArrowError| match error {
        ArrowError::IoError(_, error) => match error.downcast::<PyErr>() {
            Ok(raised) => Fault::Python(raised),
            Err(error) => Fault::System("write a table for a worker", error),
        },
        error => Fault::Arrow(error),
    };
    // Whole batches pass it by; it gathers the small pieces between them.
    let mut writer =
        StreamWriter::try_new(BufWriter::with_capacity(64 << 10, file), &reader.schema()).map_err(failed)?;
    for batch in reader {
        writer.write(&batch?).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    writer.flush().map_err(failed)
}

/// A file that looks after signals before every piece: one batch may be all of a table.
struct Attentive<'a>(&'a File);

impl Write for Attentive<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        look_after_signals()?;
        self.0.write(bytes.get(..PIECE).unwrap_or(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A table that can be read again, in a file without a name.
#[derive(Debug)]
pub(crate) struct Kept {
    file: File,
    bytes: u64,
}

impl Kept {
    /// Writes batches into a file of this folder.
    pub(crate) fn new(reader: &mut (dyn RecordBatchReader + Send), folder: &Path) -> Result<Self, Fault> {
        let failed = |error| Fault::System("write a table for a worker", error);
        let file = tempfile::tempfile_in(folder).map_err(failed)?;
        write_ipc(reader, Attentive(&file))?;
        let bytes = file.metadata().map_err(failed)?.len();
        Ok(Self { file, bytes })
    }

    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.file)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Returns the folder for tables on their way: the first of the usual ones that is not held in memory.
#[pyfunction]
pub(crate) fn spool_folder(usual: PathBuf) -> PathBuf {
    const TMPFS: u64 = 0x0102_1994;
    let in_memory = rustix::fs::statfs(&usual).is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|kind| kind == TMPFS));
    if in_memory { "/var/tmp".into() } else { usual }
}

fn path_of(end: &impl AsRawFd) -> PathBuf {
    format!("/proc/{}/fd/{}", process::id(), end.as_raw_fd()).into()
}
