//! A file that appears under its name when it is whole, or not at all.
//!
//! It is written without a name (`O_TMPFILE`), synced, linked beside the target, renamed over it, and the folder is synced.
//! So neither Ctrl-C nor `kill -9` leaves a part of it behind, and a power cut leaves the old file or the new one. Where
//! the file system has no unnamed files, a hidden temporary name stands in.

use crate::EngineError;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use tidegate_memory::ByteCount;

/// Bytes collected before they are written.
const BUFFER: usize = 256 << 10;

/// A file on its way.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    writer: BufWriter<Unfinished>,
    written: u64,
}

#[derive(Debug)]
enum Unfinished {
    Unnamed(File),
    Named(NamedTempFile),
}

impl OutputFile {
    /// Begins a file that will appear at `path`.
    ///
    /// # Errors
    /// If the folder does not exist or cannot be written, or if `path` is a folder.
    pub fn create(path: &Path) -> Result<Self, EngineError> {
        let failed = |error| EngineError::file("write", path, error);
        if path.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let folder = folder_of(path);
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = match openat(CWD, folder, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => Unfinished::Unnamed(File::from(file)),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
                Unfinished::Named(NamedTempFile::with_prefix_in(".tidegate-", folder).map_err(failed)?)
            }
            Err(error) => return Err(failed(error.into())),
        };
        Ok(Self { path: path.to_path_buf(), writer: BufWriter::with_capacity(BUFFER, file), written: 0 })
    }

    /// Makes the file appear under its name, in place of what was there.
    ///
    /// # Errors
    /// If it cannot be written to the end. A failed sync is final: then nothing appears.
    pub fn commit(mut self) -> Result<(), EngineError> {
        let finished = self.writer.flush().and_then(|()| self.writer.get_ref().file().sync_all());
        finished.map_err(|error| self.error(error))?;
        let folder = folder_of(&self.path).to_path_buf();
        let path = self.path.clone();
        self.appear()?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| EngineError::file("write", path, error))
    }

    /// Makes the file appear as [`OutputFile::commit`] does, without waiting for the disk. For what can be made again: a power
    /// cut may lose it or leave it short.
    ///
    /// # Errors
    /// If it cannot be written to the end.
    pub fn commit_unsynced(mut self) -> Result<(), EngineError> {
        self.writer.flush().map_err(|error| self.error(error))?;
        self.appear()
    }

    fn appear(self) -> Result<(), EngineError> {
        let Self { path, writer, .. } = self;
        let (unfinished, _) = writer.into_parts();
        let named = match unfinished {
            Unfinished::Unnamed(file) => link(&file, folder_of(&path), &path),
            Unfinished::Named(file) => file.persist(&path).map(drop).map_err(|error| error.error),
        };
        named.map_err(|error| EngineError::file("write", &path, error))
    }

    /// Returns the error of a write, with what was written so far if the disk is full.
    pub fn error(&self, error: io::Error) -> EngineError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => EngineError::DiskFull {
                path: self.path.clone(),
                needed: format!("more than the {} written so far", ByteCount::new(self.written)),
                spilling: false,
            },
            _ => EngineError::file("write", &self.path, error),
        }
    }
}

impl Unfinished {
    fn file(&self) -> &File {
        match self {
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Gives an unnamed file a hidden name and moves it over the target: linking alone cannot replace.
fn link(file: &File, folder: &Path, path: &Path) -> io::Result<()> {
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let hidden = folder.join(format!(".{name}.tidegate-{}", std::process::id()));
    linkat(CWD, source.as_str(), CWD, &hidden, AtFlags::SYMLINK_FOLLOW)?;
    fs::rename(&hidden, path).inspect_err(|_| {
        // The rename's own error is what matters.
        let _ = fs::remove_file(&hidden);
    })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_when_it_is_committed_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        fs::write(&path, "old").unwrap();
        let mut file = OutputFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.flush().unwrap();
        assert_eq!((names(folder.path()), fs::read(&path).unwrap()), (vec!["out.csv".to_owned()], b"old".to_vec()));
        file.commit().unwrap();
        assert_eq!((names(folder.path()), fs::read(&path).unwrap()), (vec!["out.csv".to_owned()], b"new".to_vec()));
    }

    #[test]
    fn a_file_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = OutputFile::create(&folder.path().join("out.csv")).unwrap();
        file.write_all(&vec![b'x'; BUFFER * 2]).unwrap();
        drop(file);
        assert!(names(folder.path()).is_empty());
        assert!(OutputFile::create(&folder.path().join("none/out.csv")).is_err());
    }
}
