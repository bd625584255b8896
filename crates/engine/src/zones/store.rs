//! Where zone maps are kept: a file for each log and column, in a folder that holds nothing which cannot be made again.

use super::{Zone, ZoneMap};
use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, Metadata},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    slice::EscapeAscii,
    time::{Duration, SystemTime},
};
use tempfile::NamedTempFile;
use tidegate_memory::ByteCount;
use xxhash_rust::xxh3::xxh3_64;

const VERSION: &str = "tidegate zones 1";

/// The most maps that are kept; the oldest go first.
const MOST: usize = 1000;

/// Files that are at least as large are worth a map: smaller ones are read in a few milliseconds.
const WORTH: ByteCount = ByteCount::mib(16);

/// A file that was changed less than this ago may be changed again within the same tick of the file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// The folder of the maps.
#[derive(Clone, Debug)]
pub struct ZoneStore {
    folder: PathBuf,
    least: ByteCount,
    rest: Duration,
}

impl ZoneStore {
    /// Returns the store in a folder, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, least: WORTH, rest: SETTLED }
    }

    /// Keeps maps of files of so many bytes that were not changed for so long.
    #[must_use]
    pub fn of_files(self, least: ByteCount, rest: Duration) -> Self {
        Self { least, rest, ..self }
    }

    /// Returns the key of a column of a file, if the file is worth a map and has rested.
    pub fn key(&self, path: &Path, column: &str) -> Option<FileKey> {
        let path = fs::canonicalize(path).ok()?;
        let state = FileState::of(&fs::metadata(&path).ok()?);
        let worth = state.size >= self.least.bytes() && state.rests_for(self.rest);
        worth.then(|| FileKey { path, state, column: column.into() })
    }

    /// Returns the map of a file, if there is one of the file as it is.
    pub fn load(&self, key: &FileKey) -> Option<ZoneMap> {
        let text = fs::read_to_string(self.folder.join(key.name())).ok()?;
        let (body, checksum) = text.split_once("\nchecksum ")?;
        if checksum.trim_end() != format!("{:016x}", xxh3_64(body.as_bytes())) {
            return None;
        }
        let mut lines = body.strip_prefix(&key.header())?.lines();
        let start = lines.next()?.parse().ok()?;
        Some(ZoneMap { start, zones: lines.map(parse).collect::<Option<_>>()? })
    }

    /// Keeps a map in the place of an older one.
    ///
    /// # Errors
    /// If the folder cannot be made or written to.
    pub fn save(&self, key: &FileKey, map: &ZoneMap) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut text = format!("{}{}", key.header(), map.start);
        for Zone { end, lines, low, high } in &map.zones {
            // Writing into a string does not fail.
            let _ = write!(text, "\n{end} {lines} {low} {high}");
        }
        let checksum = xxh3_64(text.as_bytes());
        let _ = writeln!(text, "\nchecksum {checksum:016x}");
        let mut file = NamedTempFile::new_in(&self.folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(self.folder.join(key.name()))?;
        self.prune()
    }

    fn prune(&self) -> io::Result<()> {
        let entries = fs::read_dir(&self.folder)?.filter_map(Result::ok);
        let aged = entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
        let mut aged: Vec<_> = aged.collect();
        aged.sort_unstable();
        for (_, path) in aged.iter().take(aged.len().saturating_sub(MOST)) {
            // Another process may have been faster.
            let _ = fs::remove_file(path);
        }
        Ok(())
    }
}

fn parse(line: &str) -> Option<Zone> {
    let mut words = line.split(' ');
    let zone = Zone {
        end: words.next()?.parse().ok()?,
        lines: words.next()?.parse().ok()?,
        low: words.next()?.parse().ok()?,
        high: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(zone)
}

/// A file as it was at a moment, and a column of it.
#[derive(Clone, Debug)]
pub struct FileKey {
    path: PathBuf,
    state: FileState,
    /// The column's name and the format that it was read by.
    column: String,
}

impl FileKey {
    /// Returns the size that the file had.
    pub fn size(&self) -> u64 {
        self.state.size
    }

    /// Returns what the file was.
    pub fn state(&self) -> FileState {
        self.state
    }

    /// Returns whether the file was not changed since.
    pub fn is_as_it_was(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| FileState::of(&metadata) == self.state)
    }

    fn name(&self) -> String {
        format!("{:016x}.zones", xxh3_64(format!("{}\n{}", self.shown(), self.column).as_bytes()))
    }

    fn header(&self) -> String {
        format!("{VERSION}\n{}\n{:?}\n{:?}\n", self.shown(), self.column, self.state)
    }

    /// The path in one line, whatever bytes it has.
    fn shown(&self) -> EscapeAscii<'_> {
        self.path.as_os_str().as_encoded_bytes().escape_ascii()
    }
}

/// What changes when the content of a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last write, and of the last change of anything.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    /// Returns the state of a file.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn rests_for(&self, rest: Duration) -> bool {
        let changed = Duration::from_secs(u64::try_from(self.changed.0).unwrap_or_default());
        (SystemTime::UNIX_EPOCH + changed).elapsed().is_ok_and(|since| since >= rest)
    }
}
