//! An SQLite file that several processes share, and that never ends a job: one that is damaged is set aside, and a new one is begun
//! in its place. What is no database of ours is left alone.
//!
//! *Concurrency.* The journal is a write-ahead log, so that readers never wait. Opening is under an advisory lock of its own
//! file (`.lock`): two processes that find the same damage must not set aside each other's new file, and SQLite does not wait
//! while a file turns to a write-ahead log.

use crate::TasksError;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, TransactionBehavior};
use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How an SQLite file begins, and where it has the number of the application (the file format of SQLite, 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";
const APPLICATION_AT: usize = 68;

/// Bytes of its header.
const HEADER: u64 = 100;

/// How long to wait for other processes.
const PATIENCE: Duration = Duration::from_secs(5);

/// What kind of database a file is.
#[derive(Debug)]
pub(crate) struct Schema {
    /// What people call it.
    pub name: &'static str,
    /// What SQLite files carry so that they can be told apart.
    pub application: i64,
    /// What makes version 1 of nothing, version 2 of version 1, and so on.
    pub steps: &'static [&'static str],
}

/// An open database.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    schema: &'static Schema,
    connection: Connection,
    notes: Vec<String>,
}

/// Why a database is not there.
enum Fault {
    /// The file is of no use; the text says why.
    Useless(String),
    Failed(TasksError),
}

impl Database {
    /// Opens or begins the database at `path`; its folder is made.
    pub fn open(path: &Path, schema: &'static Schema) -> Result<Self, TasksError> {
        let mut notes = Vec::new();
        let connection = connect_or_begin(path, schema, &mut notes)?;
        Ok(Self { path: path.to_path_buf(), schema, connection, notes })
    }

    /// Takes what the person should be told: that a file was set aside.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Waits for other processes no longer than that.
    pub fn wait_at_most(&mut self, time: Duration) {
        // Where that fails, it waits as it did.
        let _ = self.connection.busy_timeout(time);
    }

    /// Waits for other processes as long as is usual.
    pub fn wait_as_usual(&mut self) {
        self.wait_at_most(PATIENCE);
    }

    /// Does some work, once more with a new database if the file turns out to be damaged.
    pub fn work<T>(&mut self, work: impl Fn(&mut Connection) -> Result<T, Error>) -> Result<T, TasksError> {
        match work(&mut self.connection) {
            Err(error) if is_damage(&error) => {}
            result => return result.map_err(|error| failure(&self.path, error)),
        }
        // Perhaps another process has begun a new one already.
        self.connection = connect_or_begin(&self.path, self.schema, &mut self.notes)?;
        match work(&mut self.connection) {
            Err(error) if is_damage(&error) => {
                let _lock = lock(&self.path)?;
                self.notes.push(set_aside(&self.path, self.schema, &error.to_string())?);
                self.connection = connect(&self.path, self.schema).map_err(|fault| fault.error(&self.path))?;
            }
            result => return result.map_err(|error| failure(&self.path, error)),
        }
        work(&mut self.connection).map_err(|error| failure(&self.path, error))
    }

    /// Does some work in a transaction that nobody else writes beside.
    pub fn change<T>(&mut self, change: impl Fn(&Connection) -> Result<T, Error>) -> Result<T, TasksError> {
        self.work(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
    }
}

impl Fault {
    fn error(self, path: &Path) -> TasksError {
        match self {
            Self::Useless(reason) => TasksError::io("open", path, io::Error::other(reason)),
            Self::Failed(error) => error,
        }
    }
}

fn connect_or_begin(path: &Path, schema: &Schema, notes: &mut Vec<String>) -> Result<Connection, TasksError> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "not a file");
        return Err(TasksError::io("open", path, error));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| TasksError::io("make", folder, error))?;
    let had_lock = with_suffix(path, ".lock").exists();
    let _lock = lock(path)?;
    match connect(path, schema) {
        Ok(connection) => Ok(connection),
        Err(Fault::Failed(error @ TasksError::Foreign { .. })) => {
            if !had_lock {
                // Nothing of ours stays beside what is not ours.
                let _ = fs::remove_file(with_suffix(path, ".lock"));
            }
            Err(error)
        }
        Err(Fault::Useless(reason)) => {
            notes.push(set_aside(path, schema, &reason)?);
            connect(path, schema).map_err(|fault| fault.error(path))
        }
        Err(Fault::Failed(error)) => Err(error),
    }
}

fn connect(path: &Path, schema: &Schema) -> Result<Connection, Fault> {
    // SQLite takes a file of few bytes for an empty one.
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if (1..HEADER).contains(&length) && path.extension().is_none_or(|extension| extension != "db") {
        return Err(Fault::Failed(foreign(path, schema)));
    }
    // Made here for its mode, which SQLite's own files take from it. A file that is there is never opened beside SQLite:
    // closing it would drop the locks that this process holds on it.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Fault::Failed(TasksError::io("write", path, error))),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|mut connection| {
        connection.busy_timeout(PATIENCE)?;
        let origin = origin(&connection, schema)?;
        if let Origin::Ours(version) = origin
            && let Some(steps) = steps_from(schema, version)
        {
            prepare(&mut connection)?;
            if !steps.is_empty() {
                bring_up(&mut connection, schema)?;
            }
        }
        Ok((connection, origin))
    });
    match opened {
        Ok((_, Origin::Foreign)) => Err(Fault::Failed(foreign(path, schema))),
        Ok((_, Origin::Ours(version))) if steps_from(schema, version).is_none() => {
            Err(Fault::Failed(TasksError::Newer { path: path.to_path_buf(), version }))
        }
        Ok((connection, Origin::Ours(_))) => Ok(connection),
        Err(error) if is_damage(&error) && may_be_ours(path, schema) => Err(Fault::Useless(error.to_string())),
        Err(error) if is_damage(&error) => Err(Fault::Failed(foreign(path, schema))),
        Err(error) => Err(Fault::Failed(failure(path, error))),
    }
}

fn foreign(path: &Path, schema: &Schema) -> TasksError {
    TasksError::Foreign { path: path.to_path_buf(), name: schema.name }
}

/// Returns whether a damaged file may be a database of ours: it says so, or its name says that it is a database and nothing in
/// it says whose.
fn may_be_ours(path: &Path, schema: &Schema) -> bool {
    let mut head = [0; APPLICATION_AT + 4];
    let is_whole = File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok();
    if is_whole && head.starts_with(MAGIC) {
        let application = head.last_chunk().map(|number| i64::from(u32::from_be_bytes(*number)));
        return application == Some(schema.application);
    }
    path.extension().is_some_and(|extension| extension == "db")
}

/// Whose file it is.
enum Origin {
    /// Ours, of this version; a new file has version 0.
    Ours(i64),
    Foreign,
}

fn origin(connection: &Connection, schema: &Schema) -> Result<Origin, Error> {
    let number = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_new = application == 0 && version == 0 && tables == 0;
    Ok(if is_new || application == schema.application { Origin::Ours(version) } else { Origin::Foreign })
}

/// Returns what is to be done from a version on; `None` if it is newer than all that is known.
fn steps_from(schema: &Schema, version: i64) -> Option<&'static [&'static str]> {
    usize::try_from(version).ok().and_then(|version| schema.steps.get(version..))
}

fn prepare(connection: &mut Connection) -> Result<(), Error> {
    // Where a file system cannot share memory, SQLite stays with its old journal, which works as well.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // A power cut may lose what was written last, never tear it: what that means is up to the caller.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF")
}

/// Makes the newest version of an older one, or of nothing.
fn bring_up(connection: &mut Connection, schema: &Schema) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let steps = steps_from(schema, version).unwrap_or_default();
    if !steps.is_empty() {
        for step in steps {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", schema.application)?;
        transaction.pragma_update(None, "user_version", i64::try_from(schema.steps.len()).unwrap_or(i64::MAX))?;
    }
    transaction.commit()
}

/// Renames the file and what SQLite keeps beside it, and returns what the person should know.
fn set_aside(path: &Path, schema: &Schema, reason: &str) -> Result<String, TasksError> {
    let candidates = (1_u32..).map(|number| with_suffix(path, &format!(".damaged-{number}")));
    let aside = candidates.into_iter().find(|aside| !aside.exists()).unwrap_or_default();
    fs::rename(path, &aside).map_err(|error| TasksError::io("set aside", path, error))?;
    for suffix in ["-wal", "-shm"] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(TasksError::io("set aside", with_suffix(path, suffix), error));
            }
            _ => {}
        }
    }
    let (path, aside, name) = (path.display(), aside.display(), schema.name);
    Ok(format!("`{path}` cannot be used as {name} ({reason}): it is now `{aside}`, and a new one was begun"))
}

/// Takes the lock of opening, which ends with the file that is returned.
fn lock(path: &Path) -> Result<File, TasksError> {
    let name = with_suffix(path, ".lock");
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&name);
    let file = opened.map_err(|error| TasksError::io("write", &name, error))?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            // On a file system without locks, SQLite's own are of no more use.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            Err(TryLockError::WouldBlock) => return Err(TasksError::Locked { path: path.to_path_buf() }),
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn is_damage(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn failure(path: &Path, source: Error) -> TasksError {
    let path = path.to_path_buf();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => TasksError::Locked { path },
        Some(ErrorCode::DiskFull) => TasksError::DiskFull { path },
        _ => TasksError::Database { path, source },
    }
}

/// Returns a number as SQLite keeps it, which has no unsigned ones.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a number that SQLite kept.
pub(crate) fn loaded(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
