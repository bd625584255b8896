//! A guard that comes later: it sees memory over time, and in which function it grew.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

#[path = "support/pythons.rs"]
mod pythons;

use std::{
    io::Write,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};
use tidegate_guard::{Attach, GuardError, Observer, Progress, attach};
use tidegate_memory::ByteCount;

const JOB: &str = "
import sys
kept = []
def grow():
    while sum(map(len, kept)) < 9_000_000:
        kept.append([number for number in range(1_500_000)]); sys.stdin.readline()
sys.stdin.readline()
grow()
sys.stdin.readline()
";

/// Lets the job go on each time that it was seen to have grown by a step, and end when it has grown enough.
struct Steps {
    input: Option<ChildStdin>,
    next: ByteCount,
}

impl Observer for Steps {
    fn progress(&mut self, progress: &Progress) {
        if progress.in_use > ByteCount::new(300_000_000) {
            self.input = None;
        }
        if let Some(input) = self.input.as_mut().filter(|_| progress.in_use > self.next) {
            // A step is more than this.
            self.next = progress.in_use + ByteCount::new(40_000_000);
            input.write_all(b"\n").unwrap();
        }
    }
}

fn job(python: &Path) -> Child {
    Command::new(python).args(["-c", JOB]).stdin(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_process_that_runs_is_watched_until_it_ends() {
    for python in pythons::all() {
        is_watched(&python.path);
    }
}

fn is_watched(python: &Path) {
    let mut child = job(python);
    let mut steps = Steps { input: child.stdin.take(), next: ByteCount::ZERO };
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
    let (timeline, text) = (&outcome.record.memory.timeline, &outcome.record.text);
    assert!(!timeline.is_empty() && text.contains("sys.stdin"), "{} samples of {text:?}", timeline.len());
    let lines = outcome.record.guard.unwrap().lines;
    assert!(lines.iter().any(|line| line.bytes > ByteCount::new(100_000_000) && line.line == 6), "{lines:#?}");
}

#[test]
fn what_is_not_there_cannot_be_watched() {
    let options = Attach { process: u32::MAX / 2, fail_above: None, every: None, during: None };
    assert!(matches!(attach(&options, &mut tidegate_guard::Silent), Err(GuardError::NoProcess(_))));
}
