//! The file of the history.

use super::{Ending, Input, NewRun, Outcome, Prune, Run, RunFilter, RunId, process};
use crate::{
    Forecast, TasksError,
    database::{Database, Schema, loaded, stored},
};
use rusqlite::{Connection, Error, OptionalExtension, Row, named_params, params};
use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tidegate_memory::{ByteCount, Limit};

pub(super) static SCHEMA: Schema = Schema {
    name: "the history of runs",
    // "TdgH"
    application: 0x5464_6748,
    steps: &[
        "
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            text TEXT NOT NULL,
            shape TEXT NOT NULL,
            input_fingerprint TEXT,
            input_bytes INTEGER NOT NULL,
            input_rows INTEGER NOT NULL,
            memory_limit INTEGER,
            expected INTEGER,
            bound INTEGER,
            first_sight INTEGER,
            peak INTEGER NOT NULL,
            microseconds INTEGER NOT NULL,
            spilled INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            exit_code INTEGER NOT NULL,
            started INTEGER NOT NULL,
            record TEXT NOT NULL
        ) STRICT;
        CREATE INDEX runs_of_shape ON runs (shape, id);
        CREATE TABLE last_id (number INTEGER NOT NULL) STRICT;
        INSERT INTO last_id VALUES (0);
    ",
        "
        ALTER TABLE runs RENAME TO runs_1;
        DROP INDEX runs_of_shape;
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            text TEXT NOT NULL,
            shape TEXT NOT NULL,
            input_fingerprint TEXT,
            input_bytes INTEGER NOT NULL,
            input_rows INTEGER NOT NULL,
            memory_limit INTEGER,
            expected INTEGER,
            bound INTEGER,
            first_sight INTEGER,
            peak INTEGER NOT NULL,
            microseconds INTEGER NOT NULL,
            spilled INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            exit_code INTEGER NOT NULL,
            started INTEGER NOT NULL,
            mode TEXT,
            replans INTEGER NOT NULL,
            process TEXT,
            record TEXT NOT NULL
        ) STRICT;
        INSERT INTO runs
            SELECT id, kind, text, shape, input_fingerprint, input_bytes, input_rows, memory_limit, expected, bound,
                   first_sight, peak, microseconds, spilled, outcome, exit_code, started, NULL, 0, NULL, record
            FROM runs_1 ORDER BY id;
        DROP TABLE runs_1;
        CREATE INDEX runs_of_shape ON runs (shape, id);
        CREATE INDEX runs_not_over ON runs (id) WHERE process IS NOT NULL;
    ",
    ],
};

/// All columns but the process and the record, in the order of [`run`]. The record is the last: what comes behind a long text
/// is read with all of it.
const COLUMNS: &str = "id, kind, text, shape, input_fingerprint, input_bytes, input_rows, memory_limit, expected, bound, \
                       first_sight, peak, microseconds, spilled, outcome, exit_code, started, mode, replans";

/// How long a run waits to be kept before it begins: it is kept at its end as well.
const BEFORE: Duration = Duration::from_millis(20);

/// Old runs are dropped by one in so many runs: counting reads an index of all.
const SELDOM: i64 = 256;

/// The history of runs.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// use tidegate_tasks::history::{History, RunFilter};
/// let mut history = History::open(&folder.path().join("history.db"))?;
/// assert!(history.list(&RunFilter::default())?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct History {
    pub(super) database: Database,
}

impl History {
    /// Opens the history at `path`, or begins one; its folder is made. A file that is damaged, or no history, is set aside.
    ///
    /// # Errors
    /// If the place cannot be used, if a newer version wrote the file, or if it is locked for long.
    pub fn open(path: &Path) -> Result<Self, TasksError> {
        Ok(Self { database: Database::open(path, &SCHEMA)? })
    }

    /// Takes what the person should be warned of: that a damaged history was set aside. It can come with any call.
    pub fn take_notes(&mut self) -> Vec<String> {
        self.database.take_notes()
    }

    /// Adds a run, and returns its id. Ids are in the order in which runs are added, by whatever process.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked for long.
    pub fn add(&mut self, run: &NewRun) -> Result<RunId, TasksError> {
        self.add_at(run, SystemTime::now())
    }

    pub(super) fn add_at(&mut self, run: &NewRun, now: SystemTime) -> Result<RunId, TasksError> {
        self.database.change(|connection| {
            let id = next_id(connection, now)?;
            put(connection, &Put { id: &id, run, process: None })?;
            Ok(id)
        })
    }

    /// Adds a run of this process that begins, and returns its id. Until it is ended, it is [`Outcome::Running`], or
    /// [`Outcome::Lost`] when the process is gone. Does not wait for others: who cannot add it now adds it when it is over.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked.
    pub fn begin(&mut self, run: &NewRun) -> Result<RunId, TasksError> {
        let process = process::own();
        self.database.wait_at_most(BEFORE);
        let begun = self.database.change(|connection| {
            let id = next_id(connection, SystemTime::now())?;
            put(connection, &Put { id: &id, run, process: process.as_deref() })?;
            Ok(id)
        });
        self.database.wait_as_usual();
        begun
    }

    /// Says how a run that was begun ended.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked for long.
    pub fn end(&mut self, id: &RunId, run: &NewRun) -> Result<(), TasksError> {
        self.database.change(|connection| put(connection, &Put { id, run, process: None }))
    }

    /// Says how a run that was begun ended of which little is known, because the process ends now. Does not wait for others.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked.
    pub fn end_now(&mut self, id: &RunId, ending: &Ending) -> Result<(), TasksError> {
        self.database.wait_at_most(BEFORE);
        let sql =
            "UPDATE runs SET outcome = ?2, exit_code = ?3, peak = ?4, microseconds = ?5, process = NULL WHERE id = ?1";
        let Ending { exit_code, peak, duration } = *ending;
        let values = params![
            id.as_str(),
            Outcome::of_exit_code(exit_code).name(),
            exit_code,
            stored(peak.bytes()),
            microseconds(duration)
        ];
        self.database.work(|connection| connection.execute(sql, values).map(drop))
    }

    /// Drops a run, as one that was begun and turned out to be none.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked for long.
    pub fn forget(&mut self, id: &RunId) -> Result<(), TasksError> {
        let sql = "DELETE FROM runs WHERE id = ?1";
        self.database.work(|connection| connection.execute(sql, [id.as_str()]).map(drop))
    }

    /// Marks the runs as lost whose process is gone without a word.
    fn settle(&mut self) -> Result<(), TasksError> {
        let sql = "SELECT id, process FROM runs WHERE process IS NOT NULL";
        let begun: Vec<(String, String)> = self.database.work(|connection| {
            connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        let gone: Vec<_> = begun.into_iter().filter(|(_, process)| process::is_gone(process)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE runs SET outcome = ?2, exit_code = 137, process = NULL WHERE id = ?1 AND process IS NOT NULL";
        self.database.change(|connection| {
            gone.iter().try_for_each(|(id, _)| connection.execute(sql, params![id, Outcome::Lost.name()]).map(drop))
        })
    }

    /// Returns a run by its id, by a beginning of it that no other has, or the newest by `last`.
    ///
    /// # Errors
    /// [`TasksError::NoRun`] or [`TasksError::Ambiguous`], or if the file cannot be read.
    pub fn get(&mut self, id: &str) -> Result<Run, TasksError> {
        self.settle()?;
        if id == "last" {
            let newest = self.list(&RunFilter { count: Some(1), ..RunFilter::default() })?;
            return newest.into_iter().next().ok_or_else(|| TasksError::NoRun { id: id.to_owned() });
        }
        let none = || TasksError::NoRun { id: id.to_owned() };
        let beginning: RunId = id.parse().map_err(|()| none())?;
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id");
        let found = self.database.work(|connection| all(connection, &sql, params![beginning.as_str()]))?;
        match found.len() {
            0 | 1 => found.into_iter().next().ok_or_else(none),
            count => Err(TasksError::Ambiguous { id: id.to_owned(), count }),
        }
    }

    /// Returns the full record of a run, as JSON.
    ///
    /// # Errors
    /// [`TasksError::NoRun`], or if the file cannot be read.
    pub fn record(&mut self, id: &RunId) -> Result<String, TasksError> {
        let sql = "SELECT record FROM runs WHERE id = ?1";
        let found =
            self.database.work(|connection| connection.query_row(sql, [id.as_str()], |row| row.get(0)).optional());
        found?.ok_or_else(|| TasksError::NoRun { id: id.to_string() })
    }

    /// Returns the runs that fit the filter, the newest first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn list(&mut self, filter: &RunFilter) -> Result<Vec<Run>, TasksError> {
        self.settle()?;
        let sql = format!(
            "SELECT {COLUMNS} FROM runs
             WHERE (:text IS NULL OR instr(lower(text), lower(:text)) > 0)
               AND (:outcome IS NULL OR outcome = :outcome)
               AND (:since IS NULL OR started >= :since)
               AND (:kind IS NULL OR kind = :kind)
             ORDER BY id DESC LIMIT :count"
        );
        self.database.work(|connection| {
            let values = named_params! {
                ":text": filter.text,
                ":outcome": filter.outcome.map(Outcome::name),
                ":since": filter.since.map(milliseconds),
                ":kind": filter.kind,
                // All, to SQLite.
                ":count": filter.count.map_or(-1, |count| stored(count as u64)),
            };
            all(connection, &sql, values)
        })
    }

    /// Returns the newest runs of a shape, at most `count`, the newest first: what a forecast learns from.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of_shape(&mut self, shape: &str, count: usize) -> Result<Vec<Run>, TasksError> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE shape = ?1 ORDER BY id DESC LIMIT ?2");
        self.database.work(|connection| all(connection, &sql, params![shape, stored(count as u64)]))
    }

    /// Drops runs, and returns how many.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked for long.
    pub fn prune(&mut self, prune: Prune) -> Result<usize, TasksError> {
        self.database.change(|connection| match prune {
            Prune::KeepNewest(count) => {
                let sql = "DELETE FROM runs WHERE id NOT IN (SELECT id FROM runs ORDER BY id DESC LIMIT ?1)";
                connection.execute(sql, [stored(count as u64)])
            }
            Prune::Before(time) => connection.execute("DELETE FROM runs WHERE started < ?1", [milliseconds(time)]),
        })
    }

    /// Drops all runs but the newest `count`, one time in many: for whoever has just added one.
    ///
    /// # Errors
    /// If the file cannot be written, or is locked for long.
    pub fn prune_seldom(&mut self, count: usize) -> Result<(), TasksError> {
        let sql = "SELECT max(rowid) FROM runs";
        let newest: Option<i64> = self.database.work(|connection| connection.query_row(sql, [], |row| row.get(0)))?;
        if newest.is_some_and(|newest| newest % SELDOM == 0) {
            self.prune(Prune::KeepNewest(count))?;
        }
        Ok(())
    }

    /// Returns how many runs are kept.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn count(&mut self) -> Result<u64, TasksError> {
        let sql = "SELECT count(*) FROM runs";
        self.database.work(|connection| connection.query_row(sql, [], |row| row.get(0))).map(loaded)
    }
}

fn next_id(connection: &Connection, now: SystemTime) -> Result<RunId, Error> {
    let sql = "UPDATE last_id SET number = max(number + 1, ?1) RETURNING number";
    let number = connection.query_row(sql, [milliseconds(now)], |row| row.get(0))?;
    Ok(RunId::of(loaded(number)))
}

/// A run as it is put into the file.
struct Put<'a> {
    id: &'a RunId,
    run: &'a NewRun,
    /// Whose it is while it runs.
    process: Option<&'a str>,
}

/// Adds a run, or what has become of one that was begun.
fn put(connection: &Connection, put: &Put<'_>) -> Result<(), Error> {
    let Put { id, run, process } = *put;
    let sql = format!(
        "INSERT INTO runs ({COLUMNS}, process, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
         ON CONFLICT (id) DO UPDATE SET
             input_bytes = excluded.input_bytes, input_rows = excluded.input_rows, expected = excluded.expected,
             bound = excluded.bound, first_sight = excluded.first_sight, peak = excluded.peak,
             microseconds = excluded.microseconds, spilled = excluded.spilled, outcome = excluded.outcome,
             exit_code = excluded.exit_code, started = excluded.started, mode = excluded.mode,
             replans = excluded.replans, process = excluded.process, record = excluded.record"
    );
    let bytes = |count: ByteCount| stored(count.bytes());
    let values = params![
        id.as_str(),
        run.kind,
        run.text,
        run.shape,
        run.input.fingerprint.map(|fingerprint| fingerprint.to_string()),
        bytes(run.input.bytes),
        stored(run.input.rows),
        run.limit.bytes().map(bytes),
        run.forecast.map(|forecast| bytes(forecast.expected)),
        run.forecast.map(|forecast| bytes(forecast.bound)),
        run.first_sight.map(bytes),
        bytes(run.peak),
        microseconds(run.duration),
        bytes(run.spilled),
        if process.is_some() { Outcome::Running.name() } else { run.outcome.name() },
        run.exit_code,
        milliseconds(run.started),
        run.mode,
        stored(run.replans),
        process,
        run.record,
    ];
    connection.execute(&sql, values).map(drop)
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Run>, Error> {
    connection.prepare(sql)?.query_map(values, run)?.collect()
}

fn run(row: &Row<'_>) -> Result<Run, Error> {
    let bytes = |at: usize| row.get(at).map(|number| ByteCount::new(loaded(number)));
    let maybe = |at: usize| row.get(at).map(|number: Option<i64>| number.map(|number| ByteCount::new(loaded(number))));
    let fingerprint: Option<String> = row.get(4)?;
    let input = Input {
        fingerprint: fingerprint.and_then(|text| text.parse().ok()),
        bytes: bytes(5)?,
        rows: row.get(6).map(loaded)?,
    };
    let facts = NewRun {
        kind: row.get(1)?,
        text: row.get(2)?,
        shape: row.get(3)?,
        input,
        limit: maybe(7)?.map_or(Limit::Unlimited, Limit::Bytes),
        forecast: maybe(8)?.zip(maybe(9)?).map(|(expected, bound)| Forecast { expected, bound }),
        first_sight: maybe(10)?,
        peak: bytes(11)?,
        duration: row.get(12).map(|number| Duration::from_micros(loaded(number)))?,
        spilled: bytes(13)?,
        outcome: Outcome::of_name(&row.get::<_, String>(14)?).unwrap_or(Outcome::Failed),
        exit_code: row.get(15)?,
        started: row.get(16).map(time)?,
        mode: row.get(17)?,
        replans: row.get(18).map(loaded)?,
        record: String::new(),
    };
    let id: String = row.get(0)?;
    let id = id.parse().map_err(|()| Error::InvalidColumnName(format!("id `{id}`")))?;
    Ok(Run { id, facts })
}

/// Milliseconds since 1970, negative before.
fn milliseconds(time: SystemTime) -> i64 {
    let signed = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    time.duration_since(UNIX_EPOCH).map_or_else(|before| -signed(before.duration()), signed)
}

fn time(milliseconds: i64) -> SystemTime {
    let distance = Duration::from_millis(milliseconds.unsigned_abs());
    let time = if milliseconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}
