//! The load, answered by pandas: one Python, a thread for each request at a time.
//!
//! What holds the limit is a cgroup, where one may be made: the kernel kills what does not fit. Elsewhere this process looks
//! every few milliseconds and kills in its place. (`ulimit -v` bounds addresses, not memory.)

use super::{
    load::{Load, Request},
    measured::{By, Contender, Fate, Measured},
    sampler::Sampler,
};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Lines, Write},
    mem,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tidegate_engine::EngineError;
use tidegate_memory::{ByteCount, Limit};
use tidegate_worker::Group;

const SCRIPT: &str = include_str!("pandas_load.py");

/// What becomes of tables after a request: all are kept, or dropped, or dropped and the memory given back.
pub(super) const MODES: [&str; 3] = ["keep", "drop", "trim"];

/// A Python that has pandas.
#[derive(Clone, Debug)]
pub(super) struct Pandas {
    python: PathBuf,
    /// The versions, in words.
    pub(super) version: String,
}

/// How the load is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct PandasService<'a> {
    /// Which pandas.
    pub(super) pandas: &'a Pandas,
    /// What becomes of tables.
    pub(super) mode: &'static str,
    /// The limit.
    pub(super) limit: ByteCount,
    /// Requests at a time.
    pub(super) concurrency: NonZeroUsize,
}

/// A Python that answers the load, in turns with whatever it is measured beside.
pub(super) struct Serving<'a> {
    service: PandasService<'a>,
    child: Arc<Mutex<Child>>,
    process: u32,
    /// Where it is told of turns, and what it says; both end with it.
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    group: Option<Group>,
    stop: &'a Arc<AtomicBool>,
    /// Whether it was killed for what it held.
    killed: Arc<AtomicBool>,
    told: Told,
    peak: ByteCount,
    /// After how much of its turns it ended by itself.
    ended: Option<Duration>,
}

/// What a Python said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    done: bool,
    times: Vec<Duration>,
    /// The turns that are over, each to its last answer.
    elapsed: Duration,
    /// When the last answer of this turn came.
    last: Duration,
    failure: Option<String>,
}

/// What may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Ready,
    TurnOver,
    Other,
}

impl Pandas {
    /// Looks for pandas, and tells why there is none.
    pub(super) fn find(python: &Path) -> Result<Self, String> {
        let code = "import sys, pandas; print(pandas.__version__, 'of Python', sys.version.split()[0])";
        let output = Command::new(python).args(["-c", code]).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("`{}` does not start: {error}", python.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim();
            return Err(format!("`{}` has no pandas: {last}", python.display()));
        }
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { python: python.to_path_buf(), version })
    }

    /// Writes the answers of requests into a folder, by their places.
    ///
    /// # Errors
    /// If it does not do so.
    pub(super) fn write_answers(&self, load: &Load, requests: &[Request], folder: &Path) -> Result<(), EngineError> {
        let failed = |what: String| EngineError::Run(format!("pandas: {what}"));
        let asked = Asked { requests, mode: "drop", concurrency: 0, answers: Some(folder) };
        // It is told of no turn.
        let (child, _) = self.start(load, &asked).map_err(|error| failed(error.to_string()))?;
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(())
    }

    /// Starts it and tells it the load.
    fn start(&self, load: &Load, asked: &Asked<'_>) -> std::io::Result<(Child, Option<ChildStdin>)> {
        let files: Vec<_> =
            load.files.iter().map(|file| json!({ "path": file.path, "format": file.format_name() })).collect();
        let plan: Vec<_> = asked.requests.iter().map(|request| json!([request.file, request.question.name])).collect();
        let load = json!({
            "mode": asked.mode,
            "concurrency": asked.concurrency,
            "files": files,
            "plan": plan,
            "answers": asked.answers,
        });
        let mut command = Command::new(&self.python);
        // Of what nobody reads, nothing may wait to be read.
        let stderr = if asked.answers.is_some() { Stdio::piped() } else { Stdio::null() };
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // One that ends without reading says why.
            let _ = writeln!(stdin, "{load}");
        }
        Ok((child, stdin))
    }
}

/// What a Python is asked to do.
struct Asked<'a> {
    requests: &'a [Request],
    mode: &'static str,
    concurrency: usize,
    answers: Option<&'a Path>,
}

impl<'a> PandasService<'a> {
    /// Starts a Python, and waits until it has pandas.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn serve(self, load: &Load, stop: &'a Arc<AtomicBool>) -> Result<Serving<'a>, EngineError> {
        let Self { pandas, mode, limit, concurrency } = self;
        let asked = Asked { requests: &load.plan, mode, concurrency: concurrency.get(), answers: None };
        let group = Group::make(Limit::Bytes(limit)).ok();
        let (mut child, stdin) = pandas.start(load, &asked).map_err(|error| failed(&error))?;
        let process = child.id();
        let stdout = child.stdout.take().ok_or_else(|| EngineError::Run("pandas: no pipe from it".to_owned()))?;
        let group = group.filter(|group| group.take_in(process).is_ok());
        let mut serving = Serving {
            service: self,
            child: Arc::new(Mutex::new(child)),
            process,
            stdin,
            lines: BufReader::new(stdout).lines(),
            group,
            stop,
            killed: Arc::default(),
            told: Told::default(),
            peak: ByteCount::ZERO,
            ended: None,
        };
        serving.listen(Heard::Ready);
        Ok(serving)
    }

    /// Returns what holds a limit, in words.
    pub(super) fn held_by(limit: ByteCount) -> &'static str {
        if Group::make(Limit::Bytes(limit)).is_ok() { "a cgroup" } else { "this process, which looks and kills" }
    }
}

impl Serving<'_> {
    /// Listens until something was said, or to the end of the process.
    fn listen(&mut self, until: Heard) {
        let started = Instant::now();
        for line in self.lines.by_ref().map_while(Result::ok) {
            if self.told.hear(&line) == until {
                return;
            }
        }
        self.ended.get_or_insert(self.told.elapsed + started.elapsed());
    }

    /// Looks at what it holds, and kills it above the limit, or when all is to end.
    fn sampler(&self) -> Sampler {
        let (child, killed, stop) = (Arc::clone(&self.child), Arc::clone(&self.killed), Arc::clone(self.stop));
        let (process, limit) = (self.process, self.service.limit);
        Sampler::start(
            move || vec![process],
            move |resident| {
                let over = resident > limit;
                if over || stop.load(Relaxed) {
                    killed.fetch_or(over, Relaxed);
                    // One that has ended needs no killing.
                    let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
                }
            },
        )
    }
}

impl Contender for Serving<'_> {
    fn turn(&mut self, time: Duration) -> Result<(), EngineError> {
        let sampler = self.sampler();
        if let Some(stdin) = &mut self.stdin {
            // One that has ended is heard no more.
            let _ = writeln!(stdin, "{}", time.as_secs_f64());
        }
        self.listen(Heard::TurnOver);
        self.peak = self.peak.max(sampler.end());
        Ok(())
    }

    fn over(&self) -> bool {
        self.ended.is_some()
    }

    fn end(mut self: Box<Self>) -> Result<Measured, EngineError> {
        let sampler = self.sampler();
        self.stdin = None;
        let ended = self.ended;
        for line in self.lines.by_ref().map_while(Result::ok) {
            self.told.hear(&line);
        }
        sampler.end();
        let status = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait();
        let status = status.map_err(|error| failed(&error))?;
        let by_kernel =
            !status.success() && self.group.is_some_and(|group| group.kills().is_some_and(|kills| kills > 0));
        let died = by_kernel || self.killed.load(Relaxed);
        let killed = died.then(|| ended.unwrap_or(self.told.elapsed));
        Ok(self.told.into_measured(self.service.mode, self.peak, killed, self.service.limit))
    }
}

fn failed(error: &std::io::Error) -> EngineError {
    EngineError::Run(format!("pandas: {error}"))
}

impl Told {
    /// Understands a line.
    fn hear(&mut self, line: &str) -> Heard {
        let mut words = line.split(' ');
        match words.next() {
            Some("ready") => return Heard::Ready,
            Some("over") => {
                self.elapsed += mem::take(&mut self.last);
                return Heard::TurnOver;
            }
            Some("done") => self.done = true,
            Some("failed") => self.failure = Some(line.trim_start_matches("failed ").to_owned()),
            Some(_) => {
                let mut time = || words.next()?.parse().ok().map(Duration::from_micros);
                if let (Some(begun), Some(answered)) = (time(), time()) {
                    self.times.push(answered.saturating_sub(begun));
                    self.last = self.last.max(answered);
                }
            }
            None => {}
        }
        Heard::Other
    }

    fn into_measured(
        mut self,
        mode: &'static str,
        peak: ByteCount,
        killed: Option<Duration>,
        limit: ByteCount,
    ) -> Measured {
        self.times.sort_unstable();
        let last = self.elapsed + self.last;
        let fate = match (killed, self.failure) {
            (Some(after), _) => Fate::Killed(after),
            (None, Some(message)) => Fate::Failed(last, message),
            (None, None) if !self.done => Fate::Failed(last, "it ended before its time".to_owned()),
            (None, None) if peak > limit => Fate::Crossed,
            (None, None) => Fate::Survived,
        };
        Measured {
            by: By::Pandas,
            mode,
            times: self.times,
            elapsed: killed.unwrap_or(last),
            peak,
            largest: None,
            released: None,
            replaced: None,
            waited: None,
            fate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_python_says_is_understood() {
        let mut told = Told::default();
        for line in ["0 100 5100", "1 200 9200", "nonsense", "2 x 3"] {
            assert_eq!(told.hear(line), Heard::Other);
        }
        assert_eq!(told.hear("ready 2.3.3"), Heard::Ready);
        assert_eq!(told.hear("over"), Heard::TurnOver);
        assert_eq!(told.hear("2 0 1000"), Heard::Other);
        assert_eq!(told.hear("done"), Heard::Other);
        let times = [5, 9, 1].map(Duration::from_millis).to_vec();
        let (elapsed, last) = (Duration::from_micros(9200), Duration::from_millis(1));
        assert_eq!(told, Told { done: true, times, elapsed, last, failure: None });
        let row = told.into_measured("drop", ByteCount::mib(1), None, ByteCount::mib(2));
        assert_eq!((row.fate, row.elapsed), (Fate::Survived, Duration::from_micros(10200)));
    }

    #[test]
    fn an_end_before_the_time_has_a_reason() {
        let check = |lines: &[&str], killed, fate: Fate| {
            let mut told = Told::default();
            for line in lines {
                told.hear(line);
            }
            assert_eq!(told.into_measured("keep", ByteCount::mib(3), killed, ByteCount::mib(2)).fate, fate);
        };
        let second = Duration::from_secs(1);
        check(&["ready x", "0 0 1"], Some(second), Fate::Killed(second));
        check(&["ready x", "failed MemoryError: no"], None, Fate::Failed(Duration::ZERO, "MemoryError: no".into()));
        check(&["ready x"], None, Fate::Failed(Duration::ZERO, "it ended before its time".into()));
        check(&["ready x", "done"], None, Fate::Crossed);
    }

    #[test]
    fn a_python_without_pandas_is_told() {
        let why = Pandas::find(Path::new("/nowhere/python")).unwrap_err();
        assert!(why.starts_with("`/nowhere/python` does not start: "), "{why}");
        let why = Pandas::find(Path::new("false")).unwrap_err();
        assert_eq!(why, "`false` has no pandas: it said nothing");
    }
}
