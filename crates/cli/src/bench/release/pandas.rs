//! The load, answered by pandas: one Python, a thread for each request at a time.
//!
//! What holds the limit is a cgroup, where one may be made: the kernel kills what does not fit. Elsewhere this process looks
//! every few milliseconds and kills in its place. (`ulimit -v` bounds addresses, not memory.)

use super::{
    load::{Load, Request},
    measured::{By, Fate, Measured},
    sampler::Sampler,
};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
#[derive(Clone, Debug)]
pub(super) struct PandasService {
    /// Which pandas.
    pub(super) pandas: Pandas,
    /// The limit.
    pub(super) limit: ByteCount,
    /// Requests at a time.
    pub(super) concurrency: NonZeroUsize,
    /// How long.
    pub(super) time: Duration,
}

/// What a Python said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    ready: bool,
    done: bool,
    times: Vec<Duration>,
    last: Duration,
    failure: Option<String>,
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
        let asked = Asked { requests, mode: "drop", concurrency: 0, time: Duration::ZERO, answers: Some(folder) };
        let child = self.start(load, &asked).map_err(|error| failed(error.to_string()))?;
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(())
    }

    fn start(&self, load: &Load, asked: &Asked<'_>) -> std::io::Result<Child> {
        let files: Vec<_> =
            load.files.iter().map(|file| json!({ "path": file.path, "format": file.format_name() })).collect();
        let plan: Vec<_> = asked.requests.iter().map(|request| json!([request.file, request.question.name])).collect();
        let load = json!({
            "mode": asked.mode,
            "seconds": asked.time.as_secs_f64(),
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
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading says why.
            let _ = stdin.write_all(load.to_string().as_bytes());
        }
        Ok(child)
    }
}

/// What a Python is asked to do.
struct Asked<'a> {
    requests: &'a [Request],
    mode: &'static str,
    concurrency: usize,
    time: Duration,
    answers: Option<&'a Path>,
}

impl PandasService {
    /// Answers requests until the time is over, or it is killed.
    ///
    /// # Errors
    /// If Python cannot be started or waited for.
    pub(super) fn measure(
        &self,
        load: &Load,
        mode: &'static str,
        stop: &Arc<AtomicBool>,
    ) -> Result<Measured, EngineError> {
        let failed = |error: std::io::Error| EngineError::Run(format!("pandas: {error}"));
        let asked =
            Asked { requests: &load.plan, mode, concurrency: self.concurrency.get(), time: self.time, answers: None };
        let group = Group::make(Limit::Bytes(self.limit)).ok();
        let mut child = self.pandas.start(load, &asked).map_err(failed)?;
        let (process, stdout) = (child.id(), child.stdout.take());
        let group = group.filter(|group| group.take_in(process).is_ok());
        let child = Arc::new(Mutex::new(child));
        let killed = Arc::new(AtomicBool::new(false));
        let sampler = Sampler::start(move || vec![process], {
            let (child, killed, stop, limit) = (Arc::clone(&child), Arc::clone(&killed), Arc::clone(stop), self.limit);
            move |resident| {
                let over = resident > limit;
                if over || stop.load(Relaxed) {
                    killed.fetch_or(over, Relaxed);
                    // One that has ended needs no killing.
                    let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
                }
            }
        });
        let mut told = Told::default();
        let mut started = Instant::now();
        for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok) {
            let was_ready = told.ready;
            told.hear(&line);
            if told.ready && !was_ready {
                started = Instant::now();
            }
        }
        let after = started.elapsed();
        let peak = sampler.end();
        let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait().map_err(failed)?;
        let by_kernel = !status.success() && group.is_some_and(|group| group.kills().is_some_and(|kills| kills > 0));
        let died = by_kernel || killed.load(Relaxed);
        Ok(told.into_measured(mode, peak, if died { Some(after) } else { None }, self.limit))
    }

    /// Returns what holds a limit, in words.
    pub(super) fn held_by(limit: ByteCount) -> &'static str {
        if Group::make(Limit::Bytes(limit)).is_ok() { "a cgroup" } else { "this process, which looks and kills" }
    }
}

impl Told {
    /// Understands a line.
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        match words.next() {
            Some("ready") => self.ready = true,
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
    }

    fn into_measured(
        mut self,
        mode: &'static str,
        peak: ByteCount,
        killed: Option<Duration>,
        limit: ByteCount,
    ) -> Measured {
        self.times.sort_unstable();
        let fate = match (killed, self.failure) {
            (Some(after), _) => Fate::Killed(after),
            (None, Some(message)) => Fate::Failed(self.last, message),
            (None, None) if !self.done => Fate::Failed(self.last, "it ended before its time".to_owned()),
            (None, None) if peak > limit => Fate::Crossed,
            (None, None) => Fate::Survived,
        };
        Measured {
            by: By::Pandas,
            mode,
            times: self.times,
            elapsed: killed.unwrap_or(self.last),
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
        for line in ["ready 2.3.3", "0 100 5100", "1 200 9200", "nonsense", "2 x 3", "done"] {
            told.hear(line);
        }
        let times = [5, 9].map(Duration::from_millis).to_vec();
        let expected = Told { ready: true, done: true, times, last: Duration::from_micros(9200), failure: None };
        assert_eq!(told, expected);
        let row = told.into_measured("drop", ByteCount::mib(1), None, ByteCount::mib(2));
        assert_eq!((row.fate, row.elapsed), (Fate::Survived, Duration::from_micros(9200)));
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
