//! Tasks that are done or fail, on workers that keep to the protocol.

use crate::support::{HANG, Test, options, read, record, run, start};
use std::time::Duration;
use tidegate_memory::{ByteCount, Limit};
use tidegate_worker::{
    Event, Poll, Worker, WorkerError,
    protocol::{Cache, Events, FailureKind, Freed, Output, Place, Task, TaskTable},
};

pub const TESTS: &[Test] = &[
    ("a_task_arrives_as_it_was_given", a_task_arrives_as_it_was_given),
    ("a_failed_task_leaves_its_worker", a_failed_task_leaves_its_worker),
    ("tasks_follow_each_other", tasks_follow_each_other),
    ("what_a_worker_cannot_have_is_refused", what_a_worker_cannot_have_is_refused),
    ("nothing_comes_from_a_task_that_has_nothing_to_say", nothing_comes_from_a_task_that_has_nothing_to_say),
    ("silence_ends_where_it_is_not_allowed", silence_ends_where_it_is_not_allowed),
];

fn a_task_arrives_as_it_was_given() {
    let task = Task {
        sql: "echo SELECT 'ä\n\0'".into(),
        tables: [("ips".to_owned(), TaskTable { path: "ips.arrow".into() })].into(),
        folder: Some("/tmp".into()),
        limit: Some(ByteCount::mib(64)),
        threads: Some(3),
        spill_folder: Some("/var/tmp".into()),
        spill_limit: Limit::Bytes(ByteCount::mib(100)),
        rejects: Some("rejects.ndjson".into()),
        max_rejects: Some("1%".into()),
        output: Output::File { path: "out".into(), format: Some("parquet".into()) },
        cache: Cache::Folder("cache".into()),
        events: Some(Events { log: "log".into(), run: "4711-0".into(), unit: "day: a.log".into(), above: 80 }),
        freed: Freed::Kept,
    };
    for task in [task, Task { cache: Cache::Nowhere, ..Task::of_sql("echo ") }] {
        let mut running = start().run(&task).unwrap();
        let events: Vec<Event> = (&mut running).map(Result::unwrap).collect();
        let rest = task.sql.strip_prefix("echo ").unwrap();
        let Some((Event::Finished(finished), events)) = events.split_last() else { panic!("{events:?}") };
        assert_eq!(serde_json::from_value::<Task>(finished.record["task"].clone()).unwrap(), task);
        assert_eq!(finished.record["limit"], "67108864");
        if rest.is_empty() {
            assert!(matches!(events, [Event::Progress(_)]), "{events:?}");
        } else {
            let [Event::Schema(bytes), Event::Progress(progress)] = events else { panic!("{events:?}") };
            assert_eq!((bytes.as_slice(), progress.rows), (rest.as_bytes(), 1));
        }
        assert!(running.next().is_none());
        assert!(matches!(running.poll(HANG), Ok(Poll::Over)));
    }
}

fn a_failed_task_leaves_its_worker() {
    let mut running = run("fail");
    let (rows, last) = read(&mut running);
    let Event::Failed(failure) = last else { panic!("{last:?}") };
    assert_eq!(rows, b"");
    assert_eq!((failure.exit_code, failure.kind), (3, FailureKind::MemoryLimit));
    assert_eq!(failure.to_string(), "memory limit of 64 MB reached");
    assert_eq!(failure.help.as_deref(), Some("raise it"));
    assert_eq!(failure.place, Some(Place { line: 1, column: 8 }));
    assert_eq!(failure.record.unwrap()["peak"], 64);
    let mut running = running.end().unwrap().run(&Task::of_sql("echo again")).unwrap();
    assert_eq!(read(&mut running).0, b"again");
}

fn tasks_follow_each_other() {
    let mut worker = start();
    let pid = worker.pid();
    assert_eq!((worker.hello().pid, worker.hello().version.as_str()), (pid, "test"));
    assert!(worker.hello().baseline > ByteCount::ZERO);
    for at in 0..100 {
        let mut running = worker.run(&Task::of_sql(format!("echo {at}"))).unwrap();
        assert_eq!(read(&mut running).0, at.to_string().as_bytes());
        worker = running.end().unwrap();
        if at % 2 == 0 {
            assert_eq!(worker.release().unwrap().given_back(), ByteCount::mib(1));
        } else {
            // The answer is taken by the next task, and there is one however often it is asked for.
            worker.begin_release().unwrap();
            worker.begin_release().unwrap();
        }
        assert_eq!(worker.pid(), pid);
    }
}

fn what_a_worker_cannot_have_is_refused() {
    let worker = start();
    let mut task = Task::of_sql("echo");
    assert!(worker.check(&task).is_ok());
    task.limit = Some(ByteCount::mib(65));
    let error = worker.check(&task).unwrap_err();
    assert_eq!(error.to_string(), "a task's limit of 68.2 MB (65 MiB) is above its worker's of 67.1 MB (64 MiB)");
    assert_eq!(error.exit_code(), 2);
    let error = worker.check(&Task::of_sql("x".repeat(2 << 20))).unwrap_err();
    assert!(matches!(error, WorkerError::TooLarge { .. }), "{error}");
    assert!(matches!(worker.run(&task), Err(WorkerError::LimitAbove { .. })));

    let mut unlimited = options("serve");
    unlimited.limit = Limit::Unlimited;
    let mut running = Worker::start(&unlimited).unwrap().run(&task).unwrap();
    assert_eq!(record(&mut running)["limit"], "none");
}

fn nothing_comes_from_a_task_that_has_nothing_to_say() {
    let mut running = run("hang");
    assert!(matches!(running.poll(HANG), Ok(Poll::Event(Event::Progress(_)))));
    assert!(matches!(running.poll(Duration::ZERO), Ok(Poll::Nothing)));
    assert!(matches!(running.poll(Duration::from_millis(5)), Ok(Poll::Nothing)));
    running.canceller().cancel();
    assert!(matches!(running.poll(HANG), Ok(Poll::Event(Event::Failed(_)))));
    assert!(matches!(running.poll(HANG), Ok(Poll::Over)));
}

fn silence_ends_where_it_is_not_allowed() {
    let mut options = options("serve");
    options.patience.silence = Some(Duration::from_millis(20));
    let mut running = Worker::start(&options).unwrap().run(&Task::of_sql("deaf")).unwrap();
    let error = running.next().unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Silent { what: "say how far it is", .. }), "{error}");
    assert!(running.next().is_none());
    assert!(running.end().is_err());
}
