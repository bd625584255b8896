//! A file that appears under its name when it is whole, or not at all.
//!
//! It is written without a name (`O_TMPFILE`), synced, linked beside the target, renamed over it, and the folder is synced.
//! So neither Ctrl-C nor `kill -9` leaves a part of it behind, and a power cut leaves the old file or the new one. Where
//! the file system has no unnamed files, a hidden temporary name stands in.
//!
//! What is no file, such as a pipe or a device, cannot be replaced by one: it is written as the bytes come. A link stays, and
//! what it leads to is replaced. A file that is replaced keeps its mode.

use crate::EngineError;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use tidegate_memory::ByteCount;

/// Bytes collected before they are written.
const BUFFER: usize = 256 << 10;

/// Links followed before they are taken for a circle, as many as the kernel follows.
const LINKS: usize = 40;

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
    /// A pipe or a device: what is written is there at once.
    Direct(File),
}

/// What stands at the path of an output.
enum Place {
    /// Nothing yet, or a file of this mode.
    File { path: PathBuf, mode: Option<Permissions> },
    /// What can be written and not replaced.
    Direct,
}

impl OutputFile {
    /// Begins a file that will appear at `path`, or opens the pipe or the device there.
    ///
    /// # Errors
    /// If the folder does not exist or cannot be written, or if `path` is a folder.
    pub fn create(path: &Path) -> Result<Self, EngineError> {
        let failed = |error| EngineError::file("write", path, error);
        let (path, file) = match place(path).map_err(failed)? {
            Place::File { path, mode } => {
                let file = unfinished(folder_of(&path), mode).map_err(failed)?;
                (path, file)
            }
            Place::Direct => {
                // Where the standard output is a file to which others append, what they wrote stays.
                let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
                (path.to_path_buf(), Unfinished::Direct(file))
            }
        };
        Ok(Self { path, writer: BufWriter::with_capacity(BUFFER, file), written: 0 })
    }

    /// Makes the file appear under its name, in place of what was there.
    ///
    /// # Errors
    /// If it cannot be written to the end. A failed sync is final: then nothing appears.
    pub fn commit(mut self) -> Result<(), EngineError> {
        if matches!(self.writer.get_ref(), Unfinished::Direct(_)) {
            return self.writer.flush().map_err(|error| self.error(error));
        }
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
            Unfinished::Direct(_) => Ok(()),
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
            io::ErrorKind::BrokenPipe => EngineError::BrokenPipe,
            _ => EngineError::file("write", &self.path, error),
        }
    }
}

impl Unfinished {
    fn file(&self) -> &File {
        match self {
            Self::Unnamed(file) | Self::Direct(file) => file,
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

/// Looks at what is there, through links.
fn place(path: &Path) -> io::Result<Place> {
    let descriptor = ["/dev/fd", "/dev/stdout", "/dev/stderr", "/proc"].iter().any(|folder| path.starts_with(folder));
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        Ok(metadata) if metadata.is_file() && !descriptor => {
            Ok(Place::File { path: followed(path.to_path_buf()), mode: Some(metadata.permissions()) })
        }
        Ok(_) => Ok(Place::Direct),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Place::File { path: followed(path.to_path_buf()), mode: None })
        }
        Err(error) => Err(error),
    }
}

/// Follows links to what they lead to, which need not exist.
fn followed(mut path: PathBuf) -> PathBuf {
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder_of(&path).join(target);
    }
    path
}

/// Begins a file in `folder` that has no name, or a hidden one.
fn unfinished(folder: &Path, mode: Option<Permissions>) -> io::Result<Unfinished> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = match openat(CWD, folder, flags, Mode::from_raw_mode(0o666)) {
        Ok(file) => Unfinished::Unnamed(File::from(file)),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            let mode = Permissions::from_mode(0o666);
            Unfinished::Named(tempfile::Builder::new().prefix(".tidegate-").permissions(mode).tempfile_in(folder)?)
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(mode) = mode {
        file.file().set_permissions(mode)?;
    }
    Ok(file)
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

    #[test]
    fn a_replaced_file_keeps_its_mode_and_the_links_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, dangling) =
            (folder.path().join("out.csv"), folder.path().join("link"), folder.path().join("dangling"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink("out.csv", &link).unwrap();
        std::os::unix::fs::symlink("new.csv", &dangling).unwrap();
        for path in [&link, &dangling] {
            let mut output = OutputFile::create(path).unwrap();
            output.write_all(b"new").unwrap();
            output.commit().unwrap();
        }
        assert_eq!(names(folder.path()), ["dangling", "link", "new.csv", "out.csv"]);
        assert!(link.is_symlink() && dangling.is_symlink());
        assert_eq!((fs::read(&file).unwrap(), fs::read(&dangling).unwrap()), (b"new".to_vec(), b"new".to_vec()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_pipe_is_written_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o600)).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        let mut output = OutputFile::create(&pipe).unwrap();
        output.write_all(b"rows").unwrap();
        output.commit().unwrap();
        assert_eq!(reader.join().unwrap(), b"rows");
        assert_eq!(names(folder.path()), ["pipe"]);
        assert!(!fs::metadata(&pipe).unwrap().is_file());
    }
}
