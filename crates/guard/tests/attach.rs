//! A guard that comes later: it sees memory over time, and in which function it grew.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by a panic")]

use std::{
    env,
    ffi::OsString,
    io::Write,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};
use tidegate_guard::{Attach, GuardError, Observer, Progress, attach};
use tidegate_memory::ByteCount;

const JOB: &str = "
import sys
kept = []
def grow():
    while sum(map(len, kept)) < 12_000_000:
        kept.append([number for number in range(40_000)])
sys.stdin.readline()
grow()
sys.stdin.readline()
";

/// Lets the job go on when it is watched, and end when it has grown.
struct Steps {
    input: Option<ChildStdin>,
    told: usize,
}

impl Observer for Steps {
    fn progress(&mut self, progress: &Progress) {
        self.told += 1;
        if self.told == 2 {
            self.input.as_mut().unwrap().write_all(b"\n").unwrap();
        }
        if progress.in_use > ByteCount::new(300_000_000) {
            self.input = None;
        }
    }
}

fn job() -> Child {
    let python = env::var_os("TIDEGATE_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    Command::new(python).args(["-c", JOB]).stdin(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_process_that_runs_is_watched_until_it_ends() {
    let mut child = job();
    let mut steps = Steps { input: child.stdin.take(), told: 0 };
    let options = Attach {
        process: child.id(),
        fail_above: Some(ByteCount::new(100_000_000)),
        every: Some(Duration::from_millis(1)),
        during: None,
    };
    let outcome = attach(&options, &mut steps).unwrap();
    child.wait().unwrap();
    assert_eq!(outcome.exit_code, 3);
    assert!(outcome.record.peak.unwrap() > ByteCount::new(300_000_000));
    assert!(outcome.record.memory.timeline.len() > 1 && outcome.record.text.contains("sys.stdin"));
    let lines = outcome.record.guard.unwrap().lines;
    assert!(
        lines.iter().any(|line| line.bytes > ByteCount::new(100_000_000) && [5, 6].contains(&line.line)),
        "{lines:#?}"
    );
}

#[test]
fn what_is_not_there_cannot_be_watched() {
    let options = Attach { process: u32::MAX / 2, fail_above: None, every: None, during: None };
    assert!(matches!(attach(&options, &mut tidegate_guard::Silent), Err(GuardError::NoProcess(_))));
}
