//! How a program went, told as a record and an exit code.

use crate::{
    Options, Outcome,
    advice::{self, Job, REPEATS, Repeated},
    analysis::{self, Questions},
    charge::{Amount, Charged},
    export::Stacks,
    variables::{Variable, Variables},
    watch::{Counts, Seen},
};
use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tidegate_check::FileUse;
use tidegate_memory::ByteCount;
use tidegate_report::record::{
    ColumnHeld, Ended, Environment, Guarded, How, Kind, LineHeld, Memory, RunRecord, VERSION, VariableHeld,
};

/// The most lines and variables that are recorded.
const LINES: usize = 200;
const VARIABLES: usize = 40;
/// Lines below this share of the peak are left out, in thousandths.
const LEAST_SHARE: u64 = 1;
/// The longest text of a line, and of a command.
const CODE: usize = 160;
const TEXT: usize = 4000;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: io::Result<ExitStatus>,
    pub(crate) ended_by_guard: bool,
    /// The wall ended a process.
    pub(crate) by_wall: bool,
    /// What else ended a process for lack of memory.
    pub(crate) killed_by: Option<String>,
}

/// Why a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// By itself, with this code.
    Itself(i32),
    /// By a signal.
    Signal(i32),
    /// By a `MemoryError` after it was refused memory.
    Refused,
    /// By the wall.
    Wall,
    /// By the guard, as there was no wall.
    Watchdog,
    /// By somebody else's limit.
    Others(String),
}

/// All that is known.
pub(crate) struct Story<'a> {
    pub(crate) options: &'a Options,
    pub(crate) seen: Seen,
    pub(crate) end: End,
    pub(crate) started: SystemTime,
    pub(crate) seconds: f64,
    pub(crate) notes: Vec<String>,
    pub(crate) wall: String,
    /// The folder that relative paths are of.
    pub(crate) place: PathBuf,
}

/// Which variables hold the memory, and what is known of them.
struct Holders {
    held: Vec<VariableHeld>,
    repeated: Vec<Repeated>,
    reading: FileUse,
}

impl End {
    fn codes(&self) -> (Option<i32>, Option<i32>) {
        self.status.as_ref().map_or((None, None), |status| (status.code(), status.signal()))
    }

    /// Returns why the program ended. `uncaught` is whether its last word was a `MemoryError`.
    fn cause(&self, counts: &Counts, uncaught: bool) -> Cause {
        const ABORT: i32 = 6;
        const KILL: i32 = 9;
        let (code, signal) = self.codes();
        if self.ended_by_guard {
            return Cause::Watchdog;
        }
        if code == Some(0) {
            return Cause::Itself(0);
        }
        if self.by_wall {
            return Cause::Wall;
        }
        let was_refused = counts.refused + counts.raised > 0;
        match (code, signal) {
            (_, Some(KILL)) if self.killed_by.is_some() => Cause::Others(self.killed_by.clone().unwrap_or_default()),
            (_, Some(ABORT)) if was_refused => Cause::Refused,
            (Some(_), _) if was_refused && uncaught => Cause::Refused,
            // A program that has a hook of its own for exceptions tells the guard of none.
            (Some(1), _) if was_refused && counts.other_errors == 0 => Cause::Refused,
            (Some(code), _) => Cause::Itself(code),
            (None, Some(signal)) => Cause::Signal(signal),
            (None, None) => Cause::Itself(1),
        }
    }
}

impl Story<'_> {
    /// Tells it.
    pub(crate) fn told(mut self) -> Outcome {
        let uncaught = self.seen.thrown.as_ref().is_some_and(|thrown| thrown.reason == "uncaught");
        let cause = self.end.cause(&self.seen.counts, uncaught);
        let by_peak = self.seen.ledger.by_peak();
        let mut files = BTreeMap::new();
        let lines = self.lines(&by_peak, &mut files);
        // What was thrown tells of the moment that matters; else the peak does.
        let thrown = self.seen.thrown.take();
        let of_error =
            thrown.as_ref().filter(|thrown| !thrown.variables.is_empty() && cause != Cause::Itself(0)).cloned();
        let variables = of_error.or_else(|| self.seen.variables.take()).unwrap_or_default();
        let Holders { held, repeated, reading } = self.variables(variables, &lines);
        let (limit, peak) = (self.options.limit.bytes(), self.seen.peak);
        let advice = advice::advice(&Job {
            lines: &lines,
            variables: &held,
            repeated: &repeated,
            reading: &reading,
            peak,
            limit,
            asked: self.asked(&cause, thrown.as_ref()),
        });
        let mut ended = self.ended(&cause, thrown.as_ref(), &lines);
        ended.help = advice.first().cloned().filter(|_| ended.how == How::MemoryLimit);
        let exit_code = u8::try_from(ended.exit_code).unwrap_or(1);
        let owned = self.seen.ledger.at_peak();
        let explained = self.seen.base + owned;
        let leaks = self.seen.growth.leaks(&self.seen.ledger);
        let notes = self.notes(matches!(cause, Cause::Itself(_)));
        let counts = self.seen.counts;
        let guarded = Guarded {
            lines,
            variables: held,
            base: self.seen.base,
            unexplained: peak - explained,
            untouched: explained - peak,
            leaks,
            phases: std::mem::take(&mut self.seen.growth.phases),
            advice,
            notes,
            processes: counts.processes,
            refused: counts.refused + counts.raised,
            trims: counts.trims,
            collections: counts.collections,
            wall: self.wall.clone(),
        };
        let stacks = Stacks::of(&self.seen.ledger);
        let mut record = self.record(ended, guarded);
        analysis::add_rules(&mut record);
        Outcome { record, exit_code, stacks }
    }

    fn record(self, ended: Ended, guarded: Guarded) -> RunRecord {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        RunRecord {
            version: VERSION,
            kind: Kind::Command,
            text: command_line(self.options),
            started_ms: u64::try_from(started.as_millis()).ok(),
            seconds: self.seconds,
            ended,
            limit: self.options.limit.bytes(),
            // Who ends before the first look was not seen.
            peak: Some(self.seen.peak).filter(|peak| *peak > ByteCount::ZERO),
            resident_before: Some(guarded.base).filter(|base| *base > ByteCount::ZERO),
            resident_after: self.seen.after,
            memory: Memory { timeline: self.seen.growth.timeline, ..Memory::default() },
            environment: Environment {
                tidegate_version: Some(env!("CARGO_PKG_VERSION").into()),
                ..Environment::default()
            },
            guard: Some(guarded),
            ..RunRecord::default()
        }
    }

    fn lines(&self, by_peak: &[(Arc<Charged>, Amount)], files: &mut BTreeMap<String, Vec<String>>) -> Vec<LineHeld> {
        let least = self.seen.peak.bytes() / 1000 * LEAST_SHARE;
        let mut lines: Vec<LineHeld> = Vec::new();
        for (charged, amount) in by_peak {
            let line = &charged.line;
            let same = lines.iter_mut().find(|held| held.file == line.file && held.line == line.line);
            let [bytes, at_end, total] = [amount.at_peak, amount.live, amount.total].map(ByteCount::new);
            if let Some(held) = same {
                held.bytes += bytes;
                held.at_end += at_end;
                held.total += total;
                continue;
            }
            if lines.len() >= LINES || amount.at_peak.max(amount.live) < least && amount.total / 4 < least {
                continue;
            }
            lines.push(LineHeld {
                file: line.file.clone(),
                line: line.line,
                function: line.function.clone(),
                through: charged.through.clone(),
                threads: charged.by.words().into(),
                text: code(files, &self.place, &line.file, line.line),
                bytes,
                at_end,
                total,
                ..LineHeld::default()
            });
        }
        lines.sort_by_key(|line| std::cmp::Reverse((line.bytes, line.total)));
        lines
    }

    fn variables(&self, mut all: Variables, lines: &[LineHeld]) -> Holders {
        all.variables.truncate(VARIABLES);
        let reading = advice::reads(lines).map(|line| (line.file.as_str(), line.line));
        let questions = Questions { variables: &all, reading, place: &self.place };
        let (fates, reading) = analysis::answers(&questions);
        let mut repeated = Vec::new();
        let held = all.variables.iter().zip(fates).map(|(variable, fate)| {
            let (used, delete_after, reason) =
                if variable.file.is_empty() { Default::default() } else { advice::recorded(fate) };
            repeated.extend(repeats(variable));
            let columns = variable.columns.iter().map(|column| ColumnHeld {
                name: column.name.clone(),
                dtype: column.dtype.clone(),
                bytes: column.bytes,
            });
            VariableHeld {
                name: variable.name.clone(),
                file: variable.file.clone(),
                function: variable.function.clone(),
                line: variable.line,
                kind: variable.kind.clone(),
                bytes: variable.bytes,
                shape: variable.shape.clone(),
                dtype: variable.dtype.clone(),
                allocated: short(&variable.allocated),
                shared_with: variable.shared_with.clone(),
                used,
                delete_after,
                reason,
                columns: columns.collect(),
            }
        });
        Holders { held: held.collect(), repeated, reading }
    }

    fn ended(&self, cause: &Cause, thrown: Option<&Variables>, lines: &[LineHeld]) -> Ended {
        let limit = self.options.limit;
        let last = lines.first().filter(|line| !line.file.is_empty());
        let last = last.map(|line| format!("; {}:{} held the most", name(&line.file), line.line)).unwrap_or_default();
        let at_limit =
            |message: String| Ended { how: How::MemoryLimit, exit_code: 3, message: Some(message), help: None };
        let ended = match cause {
            Cause::Refused => at_limit(self.refusal(thrown)),
            Cause::Wall => at_limit(format!("the kernel ended it at the limit of {limit}{last}")),
            Cause::Watchdog => at_limit(format!("it stayed above the limit of {limit}, and the guard ended it{last}")),
            Cause::Others(who) => Ended {
                how: How::Lost,
                exit_code: 137,
                message: Some(format!("the kernel ended it for {who}, not for the limit of the guard{last}")),
                help: None,
            },
            Cause::Signal(number) => Ended {
                how: if matches!(number, 2 | 15) { How::Interrupted } else { How::Lost },
                exit_code: 128 + number,
                message: Some(format!("it was ended by signal {number}")),
                help: None,
            },
            Cause::Itself(0) => Ended { how: How::Answered, exit_code: 0, message: None, help: None },
            Cause::Itself(code) => {
                let message = thrown.filter(|thrown| thrown.reason == "uncaught").map(|_| self.refusal(thrown));
                Ended { how: How::Failed, exit_code: *code, message, help: None }
            }
        };
        match self.options.fail_above {
            Some(most) if self.seen.peak > most && ended.exit_code == 0 => Ended {
                how: How::Failed,
                exit_code: 3,
                message: Some(format!(
                    "the peak of {} is above {}, from where on it fails{last}",
                    self.seen.peak,
                    most.as_limit()
                )),
                help: None,
            },
            _ => ended,
        }
    }

    /// Returns what was asked for, where, and what was there.
    fn refusal(&self, thrown: Option<&Variables>) -> String {
        let error = thrown.and_then(|thrown| thrown.error.clone()).unwrap_or_default();
        let refused = self.seen.refused.clone().unwrap_or_default();
        let (file, function, line) = if error.file.is_empty() {
            (refused.file, refused.function, refused.line)
        } else {
            (error.file, error.function, error.line)
        };
        let place = if file.is_empty() { String::new() } else { format!(" at {}:{line} in {function}", name(&file)) };
        let bytes = error.bytes.or(Some(refused.bytes)).filter(|bytes| *bytes > ByteCount::ZERO);
        let asked = match (bytes, error.shape.is_empty()) {
            (Some(bytes), false) => {
                format!(": asked for {bytes}, an array of shape {} and type {}", error.shape, error.dtype)
            }
            (Some(bytes), true) => format!(": asked for {bytes}"),
            (None, _) => String::new(),
        };
        let limit = match self.options.limit.bytes() {
            Some(limit) => format!(
                "; {} of {} were in use",
                if refused.in_use > ByteCount::ZERO { refused.in_use } else { self.seen.peak },
                limit.as_limit()
            ),
            None => String::new(),
        };
        format!("MemoryError{place}{asked}{limit}")
    }

    /// Returns what was asked for and refused at the end, beside what was in use.
    fn asked(&self, cause: &Cause, thrown: Option<&Variables>) -> ByteCount {
        let of_error = thrown.and_then(|thrown| thrown.error.as_ref()).and_then(|error| error.bytes);
        let refused = self.seen.refused.as_ref().map(|refused| refused.bytes);
        of_error.or(refused).filter(|_| *cause == Cause::Refused).unwrap_or_default()
    }

    fn notes(&self, went_on: bool) -> Vec<String> {
        let counts = &self.seen.counts;
        let mut notes = self.notes.clone();
        let mut note = |count: u64, text: &str| {
            if count > 0 {
                notes.push(text.to_owned());
            }
        };
        let caught = if went_on { counts.refused + counts.raised } else { 0 };
        note(caught, "memory was refused at the limit, and the program went on: what it computed may lack something");
        note(counts.failed, "frames of this Python are not where they should be: its lines cannot be seen");
        note(counts.unknown_version, "this version of Python is not known: its lines cannot be seen");
        note(counts.free_threaded, "a Python without the global lock: its lines cannot be seen");
        note(counts.pypy, "PyPy has frames of another kind: its lines cannot be seen");
        note(counts.other_malloc, "another preloaded library has `malloc`: what passes it is not seen, nor refused");
        note(
            counts.spared,
            "allocations past the limit were let through: their library is not known to take a refusal",
        );
        note(counts.dropped, "some samples found no place: small amounts are missing");
        let has_seen = counts.processes > 0 || self.notes.iter().any(|note| note.contains("cannot be seen"));
        if !has_seen && self.seen.peak > ByteCount::mib(64) {
            notes.push(
                "no process told what it allocated: the environment was cleared, or it is no ordinary program".into(),
            );
        }
        if self.seen.variables.as_ref().is_some_and(|variables| variables.is_cut) {
            notes.push("there was no time to look at all variables".into());
        }
        notes
    }
}

/// Returns columns of text whose values repeat.
fn repeats(variable: &Variable) -> Vec<Repeated> {
    let repeats = variable.columns.iter().filter(|column| column.distinct.is_some_and(|distinct| distinct <= REPEATS));
    let of = |column: &crate::variables::Column| Repeated {
        variable: variable.name.clone(),
        column: column.name.clone(),
        bytes: column.bytes,
    };
    repeats.map(of).collect()
}

/// Returns the end of a path.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `/home/a/etl.py:3` is shown as `etl.py:3`.
fn short(place: &str) -> String {
    name(place).to_owned()
}

/// Returns the text of a line; of what is no file, nothing.
fn code(files: &mut BTreeMap<String, Vec<String>>, place: &Path, file: &str, line: u32) -> String {
    const LARGEST: u64 = 4 << 20;
    let read = || {
        let path = place.join(file);
        let is_text = fs::metadata(&path).is_ok_and(|facts| facts.is_file() && facts.len() < LARGEST);
        let bytes = is_text.then(|| fs::read(&path).ok()).flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().map(|line| line.trim().chars().take(CODE).collect()).collect()
    };
    let lines = files.entry(file.to_owned()).or_insert_with(read);
    let at = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
    at.and_then(|at| lines.get(at)).cloned().unwrap_or_default()
}

fn command_line(options: &Options) -> String {
    let quoted = |word: &std::ffi::OsString| {
        let word = word.to_string_lossy().into_owned();
        let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c));
        if is_plain { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    let text = options.command.iter().map(quoted).collect::<Vec<_>>().join(" ");
    text.chars().take(TEXT).collect()
}

#[cfg(test)]
mod tests;
