//! The database of a folder of outputs.

use super::{
    Marker,
    claim::Claim,
    left_behind,
    parts::{self, Sealed},
};
use crate::{
    Fingerprint, TasksError,
    database::{Database, Schema},
    file::HIDDEN,
    plan::Unit,
};
use rusqlite::{OptionalExtension, params};
use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

static SCHEMA: Schema = Schema {
    name: "the state of a task loop",
    // "TdgS"
    application: 0x5464_6753,
    steps: &["
        CREATE TABLE units (
            key TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            used TEXT,
            output TEXT,
            fingerprint TEXT,
            part TEXT
        ) STRICT;
        CREATE INDEX units_of_output ON units (output);
        CREATE TABLE parts (folder TEXT PRIMARY KEY) STRICT;
    "],
};

/// The state of a folder of outputs, claimed by this loop.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    own: PathBuf,
    database: Database,
    parts: Parts,
    notes: Vec<String>,
    /// Outputs whose bytes were read already, and what they were like then.
    verified: HashMap<PathBuf, (Stamp, Fingerprint)>,
    // The last field, so that the claim ends last.
    _claim: Claim,
}

/// The folders for parts of this loop.
#[derive(Debug)]
struct Parts {
    /// How the names of all begin, those of earlier loops as well.
    prefix: String,
    name: String,
    folders: BTreeSet<PathBuf>,
    count: u64,
}

/// What changes when a file does, unless somebody takes pains.
type Stamp = (u64, u64, u64, i64, i64);

/// What is recorded of a unit that is done.
struct Row {
    used: Option<String>,
    output: Option<String>,
    fingerprint: Option<Fingerprint>,
}

impl State {
    /// Claims a folder of outputs, which is made if need be, and finishes what a killed loop has left there.
    ///
    /// # Errors
    /// [`TasksError::InUse`] if another loop has the folder, or if it cannot be used.
    pub fn open(folder: &Path) -> Result<Self, TasksError> {
        let own = folder.join(HIDDEN);
        fs::create_dir_all(&own).map_err(|error| TasksError::io("make", &own, error))?;
        let claim = Claim::take(folder, &own)?;
        let marker = Marker::of(folder);
        left_behind::end(&marker);
        let prefix = parts::prefix(marker.folder);
        let name = parts::folder_name(&prefix);
        let mut state = Self {
            folder: folder.to_path_buf(),
            database: Database::open(&own.join("state.db"), &SCHEMA)?,
            own,
            parts: Parts { prefix, name, folders: BTreeSet::new(), count: 0 },
            notes: Vec::new(),
            verified: HashMap::new(),
            _claim: claim,
        };
        state.finish_renames()?;
        state.sweep()?;
        Ok(state)
    }

    /// Takes what the person should be told: that a damaged state was set aside, so that all is done anew, or that parts of an
    /// earlier loop could not be removed.
    pub fn take_notes(&mut self) -> Vec<String> {
        let mut notes = self.database.take_notes();
        notes.append(&mut self.notes);
        notes
    }

    /// Returns what processes of this loop carry in their environment.
    pub fn marker(&self) -> Marker {
        Marker::of(&self.folder)
    }

    /// Forgets what is done, so that all is done again.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn forget(&mut self) -> Result<(), TasksError> {
        self.database.change(|connection| connection.execute("DELETE FROM units", []).map(drop))
    }

    /// Returns whether a unit is done: it was recorded, used the same outputs of others, and its output is there, byte by byte.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn is_done(&mut self, unit: &Unit, used: Fingerprint) -> Result<bool, TasksError> {
        let Some(row) = self.row(unit)? else { return Ok(false) };
        if row.used != Some(used.to_string())
            || row.output.as_ref() != unit.output.as_ref().map(|output| &output.relative)
        {
            return Ok(false);
        }
        let Some(output) = &unit.output else { return Ok(true) };
        Ok(self.fingerprint(&output.path).is_some_and(|found| Some(found) == row.fingerprint))
    }

    /// Returns what the outputs of these units hold together: what a unit after them has used.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn used<'a>(&mut self, units: impl IntoIterator<Item = &'a Unit>) -> Result<Fingerprint, TasksError> {
        let mut texts = Vec::new();
        for unit in units {
            let fingerprint = self.row(unit)?.and_then(|row| row.fingerprint);
            texts.push(fingerprint.map(|fingerprint| fingerprint.to_string()).unwrap_or_default());
        }
        Ok(Fingerprint::of_texts(texts.iter().map(String::as_str)))
    }

    /// Records that a unit is started, and returns how often it was.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn start(&mut self, unit: &Unit) -> Result<u64, TasksError> {
        let key = unit.key.to_string();
        self.database.change(|connection| {
            let sql = "INSERT INTO units (key, name, state, attempts) VALUES (?1, ?2, 'started', 1)
                       ON CONFLICT (key) DO UPDATE SET name = ?2, state = 'started', attempts = attempts + 1
                       RETURNING attempts";
            connection.query_row(sql, params![key, unit.name], |row| row.get(0)).map(crate::database::loaded)
        })
    }

    /// Returns a path for a part of a unit that no other has; `None` if it has no output. Its folder is made.
    ///
    /// # Errors
    /// If the folder cannot be made or written down.
    pub fn part(&mut self, unit: &Unit) -> Result<Option<PathBuf>, TasksError> {
        let Some(output) = &unit.output else { return Ok(None) };
        let place = output.path.parent().unwrap_or(&self.folder).to_path_buf();
        let folder = place.join(&self.parts.name);
        if !self.parts.folders.contains(&folder) {
            fs::create_dir_all(&place).map_err(|error| TasksError::io("make", &place, error))?;
            // In case that the database was lost, which would know of them. What cannot be removed keeps nobody from working.
            let _ = parts::sweep(&place, &self.parts.prefix, Some(&self.parts.name));
            // Written down first: a folder that nobody knows of would never be removed.
            let relative = self.relative(&folder);
            self.database.change(|connection| {
                connection.execute("INSERT OR IGNORE INTO parts VALUES (?1)", [&relative]).map(drop)
            })?;
            fs::create_dir_all(&folder).map_err(|error| TasksError::io("make", &folder, error))?;
            self.parts.folders.insert(folder.clone());
        }
        self.parts.count += 1;
        let extension = output.path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
        Ok(Some(folder.join(format!("{}{}", self.parts.count, extension.unwrap_or_default()))))
    }

    /// Returns where a unit may log, without an extension. The folder is made.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn log(&self, unit: &Unit) -> Result<PathBuf, TasksError> {
        let folder = self.own.join("logs");
        fs::create_dir_all(&folder).map_err(|error| TasksError::io("make", &folder, error))?;
        let key = unit.key.to_string();
        Ok(folder.join(format!("{}-{}", unit.task, key.get(..8).unwrap_or(&key))))
    }

    /// Records that a unit is done. From here on, its output will appear whatever happens.
    ///
    /// # Errors
    /// If the database cannot be written: then the unit is not done.
    pub(crate) fn record(&mut self, unit: &Unit, used: Fingerprint, sealed: Option<&Sealed>) -> Result<(), TasksError> {
        let (key, used) = (unit.key.to_string(), used.to_string());
        let output = unit.output.as_ref().map(|output| output.relative.as_str());
        let fingerprint = sealed.map(|sealed| sealed.fingerprint.to_string());
        let part = sealed.map(|sealed| self.relative(&sealed.part));
        self.database.change(|connection| {
            // What was recorded of the same output is not there any more.
            connection.execute("DELETE FROM units WHERE output = ?1 AND key <> ?2", params![output, key])?;
            let sql = "INSERT INTO units (key, name, state, attempts, used, output, fingerprint, part)
                       VALUES (?1, ?2, 'done', 1, ?3, ?4, ?5, ?6)
                       ON CONFLICT (key) DO UPDATE SET
                       name = ?2, state = 'done', used = ?3, output = ?4, fingerprint = ?5, part = ?6";
            connection.execute(sql, params![key, unit.name, used, output, fingerprint, part]).map(drop)
        })
    }

    /// Makes the output of a unit that is done appear.
    ///
    /// # Errors
    /// If it cannot be renamed: then the unit is not done after all.
    pub(crate) fn appear(&mut self, unit: &Unit, sealed: &Sealed) -> Result<(), TasksError> {
        let Some(output) = &unit.output else { return Ok(()) };
        if let Err(error) = parts::appear(&sealed.part, &output.path) {
            self.fail(unit)?;
            return Err(error);
        }
        if let Ok(stamp) = stamp(&output.path) {
            self.verified.insert(output.path.clone(), (stamp, sealed.fingerprint));
        }
        let key = unit.key.to_string();
        self.database
            .change(|connection| connection.execute("UPDATE units SET part = NULL WHERE key = ?1", [&key]).map(drop))
    }

    /// Records that a unit failed.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn fail(&mut self, unit: &Unit) -> Result<(), TasksError> {
        let key = unit.key.to_string();
        self.database.change(|connection| {
            let sql = "UPDATE units SET state = 'failed', fingerprint = NULL, part = NULL WHERE key = ?1";
            connection.execute(sql, [&key]).map(drop)
        })
    }

    /// Renames the parts of units that are done.
    fn finish_renames(&mut self) -> Result<(), TasksError> {
        let sql = "SELECT key, part, output, fingerprint FROM units WHERE part IS NOT NULL AND output IS NOT NULL";
        let text = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, String>(at);
        let rows: Vec<[String; 4]> = self.database.work(|connection| {
            let mut statement = connection.prepare(sql)?;
            let rows =
                statement.query_map([], |row| Ok([text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?]))?;
            rows.collect()
        })?;
        for [key, part, output, fingerprint] in rows {
            let part = self.folder.join(part);
            // Its rename was the last thing that happened, or it was lost in a power cut: `is_done` will tell.
            let whole = File::open(&part).and_then(|file| Fingerprint::of_file(&file));
            if whole.is_ok_and(|found| found.to_string() == fingerprint) {
                // If something else stands in its place now, the unit is done again, and says so.
                let _ = parts::appear(&part, &self.folder.join(output));
            }
            let sql = "UPDATE units SET part = NULL WHERE key = ?1";
            self.database.change(|connection| connection.execute(sql, [&key]).map(drop))?;
        }
        Ok(())
    }

    /// Removes all folders for parts that earlier loops made.
    fn sweep(&mut self) -> Result<(), TasksError> {
        let folders: Vec<String> = self.database.work(|connection| {
            connection.prepare("SELECT folder FROM parts")?.query_map([], |row| row.get(0))?.collect()
        })?;
        for folder in folders {
            match parts::remove(&self.folder.join(&folder)) {
                Ok(()) => self.database.change(|connection| {
                    connection.execute("DELETE FROM parts WHERE folder = ?1", [&folder]).map(drop)
                })?,
                Err(error) => self.notes.push(format!("parts of an earlier loop are still there: {error}")),
            }
        }
        if let Err(error) = parts::sweep(&self.folder, &self.parts.prefix, None) {
            self.notes.push(format!("parts of an earlier loop are still there: {error}"));
        }
        Ok(())
    }

    /// Returns the fingerprint of an output, read again only if it changed since.
    fn fingerprint(&mut self, path: &Path) -> Option<Fingerprint> {
        let before = stamp(path).ok()?;
        if let Some((_, known)) = self.verified.get(path).filter(|(then, _)| *then == before) {
            return Some(*known);
        }
        let found = File::open(path).and_then(|file| Fingerprint::of_file(&file)).ok()?;
        self.verified.insert(path.to_path_buf(), (before, found));
        Some(found)
    }

    fn row(&mut self, unit: &Unit) -> Result<Option<Row>, TasksError> {
        let key = unit.key.to_string();
        self.database.work(|connection| {
            let sql = "SELECT used, output, fingerprint FROM units WHERE key = ?1 AND state = 'done'";
            let row = connection.query_row(sql, [&key], |row| {
                let fingerprint: Option<String> = row.get(2)?;
                let fingerprint = fingerprint.and_then(|text| text.parse().ok());
                Ok(Row { used: row.get(0)?, output: row.get(1)?, fingerprint })
            });
            row.optional()
        })
    }

    /// Returns a path below the folder of outputs, as it is recorded: the folder may be moved.
    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().into_owned()
    }
}

impl Drop for State {
    /// What is left in the folders for parts was given up. What cannot be removed now, the next loop removes.
    fn drop(&mut self) {
        for folder in &self.parts.folders {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    Ok((metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}
