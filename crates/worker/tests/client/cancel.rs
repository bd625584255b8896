//! Cancelling, and dropping what is at work.

use crate::support::{HANG, MARK, Test, exists, options, read, run, start};
use std::{thread, time::Duration};
use tidegate_worker::{
    Event, Poll, Worker, WorkerError,
    protocol::{FailureKind, Task},
};

pub const TESTS: &[Test] = &[
    ("another_thread_cancels", another_thread_cancels),
    ("a_cancelled_task_leaves_its_worker", a_cancelled_task_leaves_its_worker),
    ("a_task_that_is_over_is_not_cancelled", a_task_that_is_over_is_not_cancelled),
    ("a_worker_that_does_not_hear_is_killed", a_worker_that_does_not_hear_is_killed),
    ("a_worker_that_floods_is_killed", a_worker_that_floods_is_killed),
    ("dropping_a_task_ends_its_worker", dropping_a_task_ends_its_worker),
    ("dropping_a_deaf_worker_kills_it", dropping_a_deaf_worker_kills_it),
];

fn another_thread_cancels() {
    for sql in ["hang", "stream 1000000"] {
        let mut running = run(sql);
        let canceller = running.canceller();
        let last = thread::scope(|scope| {
            scope.spawn(|| canceller.cancel());
            running.find_map(|event| Some(event.unwrap()).filter(|event| matches!(event, Event::Failed(_))))
        });
        let Some(Event::Failed(failure)) = last else { panic!("{last:?}") };
        assert_eq!((failure.kind, failure.exit_code), (FailureKind::Cancelled, 130));
        assert!(canceller.is_cancelled());
    }
}

fn a_cancelled_task_leaves_its_worker() {
    let mut worker = start();
    let pid = worker.pid();
    for sql in ["hang", "stream 1000000", "hang", "echo too late to be cancelled"] {
        worker = worker.run(&Task::of_sql(sql)).unwrap().end().unwrap();
        assert_eq!(worker.pid(), pid);
    }
    assert_eq!(read(&mut worker.run(&Task::of_sql("echo x")).unwrap()).0, b"x");
}

fn a_task_that_is_over_is_not_cancelled() {
    let mut options = options("serve");
    options.patience.cancel = Duration::from_millis(1);
    let mut running = Worker::start(&options).unwrap().run(&Task::of_sql("echo x")).unwrap();
    let canceller = running.canceller();
    read(&mut running);
    let worker = running.end().unwrap();
    canceller.cancel();
    let mut running = worker.run(&Task::of_sql("stream 64")).unwrap();
    assert!(matches!(read(&mut running).1, Event::Finished(_)));
}

fn a_worker_that_does_not_hear_is_killed() {
    let mut options = options("serve");
    options.patience.cancel = Duration::from_millis(20);
    let mut running = Worker::start(&options).unwrap().run(&Task::of_sql("deaf")).unwrap();
    let pid = running.pid();
    running.canceller().cancel();
    let error = running.next().unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Silent { what: "end its task", .. }), "{error}");
    assert_eq!(error.to_string(), format!("worker {pid} did not end its task within 0.02 s and was killed"));
    assert!(!exists(pid));
}

fn a_worker_that_floods_is_killed() {
    let mut options = options("serve");
    options.patience.cancel = Duration::from_millis(20);
    let running = Worker::start(&options).unwrap().run(&Task::of_sql("flood")).unwrap();
    assert!(matches!(running.end(), Err(WorkerError::Silent { .. })));
}

fn dropping_a_task_ends_its_worker() {
    let folder = tempfile::tempdir().unwrap();
    for (at, sql) in ["hang", "deaf", "stream 1000000", "echo x"].into_iter().enumerate() {
        let mark = folder.path().join(at.to_string());
        let mut options = options("serve");
        options.env.push((MARK.into(), mark.clone().into()));
        let running = Worker::start(&options).unwrap().run(&Task::of_sql(sql)).unwrap();
        let pid = running.pid();
        drop(running);
        assert!(mark.exists() && !exists(pid), "{sql}");
    }
}

fn dropping_a_deaf_worker_kills_it() {
    let mut options = options("serve");
    let mut running = Worker::start(&options).unwrap().run(&Task::of_sql("hang")).unwrap();
    assert!(matches!(running.poll(HANG), Ok(Poll::Event(_))));
    drop(running);

    options.patience.exit = Duration::from_millis(20);
    options.patience.hello = Duration::from_millis(20);
    options.env = vec![(crate::support::ROLE.into(), "silent".into())];
    let error = Worker::start(&options).unwrap_err();
    let WorkerError::Silent { pid, what: "say hello", .. } = error else { panic!("{error}") };
    assert!(!exists(pid));
}
