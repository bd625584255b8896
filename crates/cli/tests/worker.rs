//! `tidegate worker`, as its clients see it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by a panic")]

use std::{fs, io::Read, path::Path};
use tempfile::TempDir;
use tidegate_memory::{ByteCount, Limit};
use tidegate_worker::{
    Cgroup, Event, Outcome, RowReader, Worker, WorkerOptions,
    protocol::{Failure, FailureKind, Output, Task},
};

const TIDEGATE: &str = env!("CARGO_BIN_EXE_tidegate");

fn folder(lines: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text: Vec<_> = std::iter::once("id,word".to_owned())
        .chain((0..lines).map(|line| format!("{line},word{}", line * 7919 % 1000)))
        .collect();
    fs::write(folder.path().join("a.csv"), text.join("\n") + "\n").unwrap();
    folder
}

fn worker(limit: u64) -> Worker {
    let mut options = WorkerOptions::new(TIDEGATE, &["worker"], Limit::Bytes(ByteCount::new(limit)));
    options.cgroup = Cgroup::Off;
    Worker::start(&options).unwrap()
}

fn task(folder: &Path, sql: &str) -> Task {
    Task { folder: Some(folder.to_path_buf()), cache: tidegate_worker::protocol::Cache::Nowhere, ..Task::of_sql(sql) }
}

fn failure(worker: Worker, task: &Task) -> (Failure, Worker) {
    let mut running = worker.run(task).unwrap();
    let last = running.by_ref().map(Result::unwrap).last().unwrap();
    let Event::Failed(failure) = last else { panic!("{last:?}") };
    (failure, running.end().unwrap())
}

#[test]
fn rows_come_as_an_arrow_stream_and_the_worker_is_used_again() {
    let folder = folder(50_000);
    let mut worker = worker(256_000_000);
    for turn in 0..3 {
        let sql = format!("SELECT word, count(*) AS n FROM 'a.csv' WHERE id >= {turn} GROUP BY word");
        let mut reader = RowReader::new(worker.run(&task(folder.path(), &sql)).unwrap());
        let mut rows = Vec::new();
        reader.read_to_end(&mut rows).unwrap();
        assert!(rows.starts_with(&[0xff; 4]), "a stream of Arrow begins with a mark");
        let Some(Outcome::Finished(finished)) = reader.outcome() else { panic!("{:?}", reader.outcome()) };
        assert_eq!(finished.record["rows_out"], 1000);
        assert_eq!(finished.record["text"], sql.as_str());
        assert!(finished.record["peak"].as_u64().unwrap() <= 256_000_000);
        worker = reader.into_running().end().unwrap();
        let released = worker.release().unwrap();
        assert!(released.after <= released.before + ByteCount::mib(2), "{released:?}");
    }
    worker.end();
}

#[test]
fn a_file_appears_whole() {
    let folder = folder(100);
    let output = Output::File { path: "out.csv".into(), format: None };
    let task = Task { output, ..task(folder.path(), "SELECT count(*) AS n FROM 'a.csv'") };
    let events: Vec<_> = worker(128_000_000).run(&task).unwrap().map(Result::unwrap).collect();
    assert!(matches!(events.last(), Some(Event::Finished(_))), "{events:?}");
    assert_eq!(fs::read(folder.path().join("out.csv")).unwrap(), b"n\n100\n");
}

#[test]
fn what_fails_says_why_and_the_worker_goes_on() {
    let folder = folder(1000);
    let mut kept = worker(128_000_000);
    for (sql, kind, exit_code) in [
        ("SELECT wrd FROM 'a.csv'", FailureKind::Query, 1),
        ("SELECT * FROM 'none.csv'", FailureKind::Input, 1),
        ("SELECT * FROM '-'", FailureKind::Query, 1),
        ("SELECT 1 / (id - 50) FROM 'a.csv'", FailureKind::Run, 1),
    ] {
        let (failure, worker) = failure(kept, &task(folder.path(), sql));
        assert_eq!((failure.kind, failure.exit_code), (kind, exit_code), "{sql}: {failure:?}");
        kept = worker;
    }
    let (failure, _) = failure(kept, &Task { limit: Some(ByteCount::mib(1)), ..task(folder.path(), "SELECT 1") });
    assert_eq!((failure.kind, failure.exit_code), (FailureKind::Usage, 2), "{failure:?}");
}

/// One that cannot be ended in time takes the worker with it.
#[test]
fn a_task_that_needs_more_than_its_limit_says_so() {
    let folder = folder(300_000);
    let lists = "SELECT length(string_agg(a.word || b.word, ',')) FROM 'a.csv' a JOIN 'a.csv' b ON a.word = b.word";
    let exit_code = match worker(128_000_000).run(&task(folder.path(), lists)).unwrap().last().unwrap() {
        Ok(Event::Failed(failure)) => failure.exit_code,
        Err(error) => error.exit_code(),
        Ok(other) => panic!("{other:?}"),
    };
    assert_eq!(exit_code, 3);
}

#[test]
fn a_task_is_cancelled_while_it_runs() {
    let folder = folder(2000);
    let endless = "SELECT count(*) FROM 'a.csv' a, 'a.csv' b, 'a.csv' c WHERE a.id + b.id + c.id < 0";
    let mut running = worker(256_000_000).run(&task(folder.path(), endless)).unwrap();
    let canceller = running.canceller();
    let mut last = None;
    for event in running.by_ref() {
        match event.unwrap() {
            Event::Progress(_) => canceller.cancel(),
            Event::Failed(failure) => last = Some(failure),
            _ => {}
        }
    }
    assert_eq!(last.unwrap().kind, FailureKind::Cancelled);
    running.end().unwrap().end();
}
