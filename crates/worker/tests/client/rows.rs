//! Rows: all of them, in order, and no more in memory than a reader has asked for.

use crate::{
    support::{Test, command, options, read, run, start, wait_until, waits},
    worker::row_bytes,
};
use std::{
    fs,
    io::{self, Read},
    path::Path,
    thread,
};
use tidegate_memory::{ByteCount, peak_resident};
use tidegate_worker::{
    Event, Outcome, RowReader, Worker, WorkerError,
    protocol::{Failure, FailureKind, Task},
};

pub const TESTS: &[Test] = &[
    ("rows_arrive_as_they_were_sent", rows_arrive_as_they_were_sent),
    ("a_worker_waits_for_a_slow_reader", a_worker_waits_for_a_slow_reader),
    ("memory_stays_bounded_on_both_sides", memory_stays_bounded_on_both_sides),
    ("a_reader_of_rows_ends_with_the_task", a_reader_of_rows_ends_with_the_task),
    ("a_reader_of_rows_gets_the_error_of_the_task", a_reader_of_rows_gets_the_error_of_the_task),
    ("a_reader_of_rows_gets_no_end_from_a_lost_worker", a_reader_of_rows_gets_no_end_from_a_lost_worker),
];

fn rows_arrive_as_they_were_sent() {
    let mut running = run("stream 9");
    let (rows, last) = read(&mut running);
    assert!(matches!(last, Event::Finished(_)));
    assert!(rows == row_bytes(0, 9 << 20), "{} bytes", rows.len());
}

fn a_worker_waits_for_a_slow_reader() {
    let folder = tempfile::tempdir().unwrap();
    let counter = folder.path().join("sent");
    let task = Task { rejects: Some(counter.clone()), ..Task::of_sql("stream 1000") };
    let mut running = start().run(&task).unwrap();
    let pid = running.pid();
    let mut received = 0;
    for event in (&mut running).take(20) {
        if let Event::Schema(bytes) | Event::Rows(bytes) = event.unwrap() {
            received += bytes.len();
        }
        wait_until("the worker waits", || waits(pid));
        let sent = sent(&counter);
        // A message, the next one that is being collected, and what the socket holds.
        assert!(sent <= received + (1 << 20), "{sent} bytes were sent, {received} received");
        assert!(sent >= received.saturating_sub(1 << 18), "{sent} bytes were sent, {received} received");
    }
}

fn sent(counter: &Path) -> usize {
    let bytes = fs::read(counter).unwrap_or_default();
    usize::from_le_bytes(bytes.try_into().unwrap_or_default())
}

fn memory_stays_bounded_on_both_sides() {
    let output = command("reader").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Reads 256 MiB, slower than they are sent. Runs alone in a process, because its own memory is measured.
pub fn reader() {
    let most = ByteCount::mib(48);
    let mut running = Worker::start(&options("serve")).unwrap().run(&Task::of_sql("stream 256")).unwrap();
    let mut rows = 0;
    for event in &mut running {
        match event.unwrap() {
            Event::Schema(bytes) | Event::Rows(bytes) => rows += bytes.len(),
            Event::Finished(finished) => {
                let peak = ByteCount::new(finished.record["peak"].as_u64().unwrap());
                assert!(peak < most, "the worker had {peak}");
            }
            Event::Progress(_) => {}
            Event::Failed(failure) => panic!("{failure}"),
        }
        (0..100).for_each(|_| thread::yield_now());
    }
    assert_eq!(rows, 256 << 20);
    let peak = peak_resident().unwrap();
    assert!(peak < most, "the client had {peak}");
}

fn a_reader_of_rows_ends_with_the_task() {
    let mut reader = RowReader::new(run("stream 3"));
    let mut rows = Vec::new();
    reader.read_to_end(&mut rows).unwrap();
    assert!(rows == row_bytes(0, 3 << 20));
    assert!(matches!(reader.outcome(), Some(Outcome::Finished(_))));
    assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
    let mut reader = RowReader::new(reader.into_running().end().unwrap().run(&Task::of_sql("echo x")).unwrap());
    assert_eq!(io::read_to_string(&mut reader).unwrap(), "x");
    assert_eq!(reader.progress().unwrap().rows, 1);
}

fn a_reader_of_rows_gets_the_error_of_the_task() {
    let mut reader = RowReader::new(run("fail"));
    for _ in 0..2 {
        let error = io::read_to_string(&mut reader).unwrap_err();
        let failure = error.get_ref().unwrap().downcast_ref::<Failure>().unwrap();
        assert_eq!(failure.kind, FailureKind::MemoryLimit);
    }
    assert!(matches!(reader.outcome(), Some(Outcome::Failed(_))));
}

fn a_reader_of_rows_gets_no_end_from_a_lost_worker() {
    let mut reader = RowReader::new(run("exit 1"));
    let mut rows = Vec::new();
    let error = reader.read_to_end(&mut rows).unwrap_err();
    assert!(matches!(error.get_ref().unwrap().downcast_ref(), Some(WorkerError::Lost(_))), "{error}");
    assert!(rows == row_bytes(0, 100_000));
    assert_eq!(reader.read(&mut [0; 10]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}
