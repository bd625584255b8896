//! Watches a process that runs already: its memory over time, and that of all that it starts; and, where its frames may be read,
//! the lines at which its main thread was when memory grew.

use crate::{GuardError, Observer, Outcome, Progress, counted::Line, export::Stacks, remote::Remote, watch::Watch};
use rustix_process::process::{Pid, test_kill_process};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tidegate_memory::{ByteCount, Limit};
use tidegate_report::record::{Ended, Guarded, How, Kind, LineHeld, Memory, RunRecord, VERSION};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Between two attempts to find an interpreter.
const AGAIN: Duration = Duration::from_millis(500);

/// What is asked of a guard that attaches.
#[derive(Clone, Copy, Debug)]
pub struct Attach {
    /// The process.
    pub process: u32,
    /// Above this peak, the exit code is 3.
    pub fail_above: Option<ByteCount>,
    /// How often whoever watches is told how it goes; `None` for never.
    pub every: Option<Duration>,
    /// How long to watch; `None` until the process ends.
    pub during: Option<Duration>,
}

/// Watches a process until it ends, and returns how it went. The process is not touched.
///
/// # Errors
/// If there is no such process, or it may not be looked at.
pub fn attach(options: &Attach, observer: &mut dyn Observer) -> Result<Outcome, GuardError> {
    let Attach { process, fail_above, every, during } = *options;
    let found = i32::try_from(process).ok().and_then(Pid::from_raw).filter(|_| lives(process));
    let found = found.ok_or(GuardError::NoProcess(process))?;
    let mut arguments = Vec::new();
    let started = SystemTime::now();
    let mut watch = Watch::of(process, Path::new("/proc/self/nothing"));
    let mut next_told = Instant::now() + every.unwrap_or_default();
    let (mut remote, mut next_try) = (None, Instant::now());
    let (mut before, mut grown) = (ByteCount::ZERO, HashMap::<Line, ByteCount>::new());
    while lives(process) && during.is_none_or(|during| watch.elapsed() < during) {
        let in_use = watch.look(&[]);
        // A program that starts has none for a moment.
        if arguments.is_empty() {
            arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        }
        // It may not have started its interpreter yet. Before it has arguments, its memory is still that of who started it.
        if remote.is_none() && !arguments.is_empty() && Instant::now() >= next_try {
            remote = Remote::open(process);
            next_try = Instant::now() + AGAIN;
        }
        // What was there before the guard came has no line.
        if before > ByteCount::ZERO && in_use > before {
            match remote.as_mut().and_then(Remote::line) {
                Some(line) => *grown.entry(line).or_default() += in_use - before,
                // What was opened while the interpreter started may know nothing of it.
                None => remote = None,
            }
        }
        before = in_use;
        if let Some(every) = every
            && Instant::now() >= next_told
        {
            next_told = Instant::now() + every;
            let (elapsed, peak, processes) = (watch.elapsed(), watch.peak, watch.processes.members.len());
            observer.progress(&Progress { elapsed, in_use, peak, limit: Limit::Unlimited, processes });
        }
        thread::sleep(PAUSE);
    }
    let over = test_kill_process(found).is_err() || !lives(process);
    let seconds = watch.elapsed().as_secs_f64();
    let seen = watch.end();
    let above = fail_above.filter(|most| seen.peak > *most);
    let message = above.map(|most| format!("the peak of {} is above {}", seen.peak, most.as_limit()));
    let (how, exit_code) = match (above, over) {
        (Some(_), _) => (How::Failed, 3),
        (None, true) => (How::Unknown, 0),
        (None, false) => (How::Running, 0),
    };
    let note = if remote.is_some() || !grown.is_empty() {
        "lines are those at which the main thread was when memory grew; started by `tidegate guard`, they are counted"
    } else {
        "its lines cannot be read from outside; started by `tidegate guard`, they are counted"
    };
    let record = RunRecord {
        version: VERSION,
        kind: Kind::Command,
        text: String::from_utf8_lossy(&arguments).trim_end_matches('\0').replace('\0', " "),
        started_ms: started.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_millis()).ok()),
        seconds,
        ended: Ended { how, exit_code, message, help: None },
        peak: Some(seen.peak),
        memory: Memory { timeline: seen.growth.timeline, ..Memory::default() },
        guard: Some(Guarded {
            notes: vec![note.into()],
            unexplained: seen.peak - grown.values().copied().sum(),
            lines: lines(grown),
            ..Guarded::default()
        }),
        ..RunRecord::default()
    };
    Ok(Outcome { record, exit_code: u8::try_from(exit_code).unwrap_or(1), stacks: Stacks::default() })
}

/// The most lines that are told.
const LINES: usize = 100;

fn lines(grown: HashMap<Line, ByteCount>) -> Vec<LineHeld> {
    let held = |(line, bytes): (Line, ByteCount)| LineHeld {
        file: line.file,
        line: line.line,
        function: line.function,
        bytes,
        total: bytes,
        ..LineHeld::default()
    };
    let mut lines: Vec<LineHeld> = grown.into_iter().map(held).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.bytes));
    lines.truncate(LINES);
    lines
}

/// A process that has ended and that nobody has waited for has no memory.
fn lives(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
