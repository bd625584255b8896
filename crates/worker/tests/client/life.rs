//! How workers begin and end: what is no worker, what is lost, and that nothing is left behind.

use crate::{
    support::{self, MARK, Test, command, error, exists, is_over, kill, options, read, record, run, start, wait_until},
    worker::row_bytes,
};
use std::{
    collections::HashSet,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{self, Stdio},
    sync::Arc,
    thread,
};
use tidegate_memory::Limit;
use tidegate_worker::{
    Event, How, Loss, Stream, Worker, WorkerError, WorkerOptions,
    protocol::{Kind, Task, VERSION},
};

pub const TESTS: &[Test] = &[
    ("what_is_no_worker_is_told", what_is_no_worker_is_told),
    ("a_worker_that_ends_early_has_the_last_word", a_worker_that_ends_early_has_the_last_word),
    ("streams_go_where_they_should", streams_go_where_they_should),
    ("a_killed_worker_names_the_signal", a_killed_worker_names_the_signal),
    ("a_worker_that_exits_in_a_message_is_lost", a_worker_that_exits_in_a_message_is_lost),
    ("rows_before_an_exit_arrive", rows_before_an_exit_arrive),
    ("a_worker_that_hangs_up_is_killed", a_worker_that_hangs_up_is_killed),
    ("a_process_left_behind_does_not_delay_the_news", a_process_left_behind_does_not_delay_the_news),
    ("what_breaks_the_protocol_is_killed", what_breaks_the_protocol_is_killed),
    ("an_idle_worker_that_dies_is_noticed", an_idle_worker_that_dies_is_noticed),
    ("a_worker_has_no_file_but_its_own", a_worker_has_no_file_but_its_own),
    ("a_worker_outlives_no_client", a_worker_outlives_no_client),
    ("an_orderly_end_is_one", an_orderly_end_is_one),
    ("fifty_workers_leave_nothing", fifty_workers_leave_nothing),
];

fn loss(error: WorkerError) -> Loss {
    match error {
        WorkerError::Lost(loss) => *loss,
        other => panic!("{other}"),
    }
}

fn what_is_no_worker_is_told() {
    let missing = Worker::start(&WorkerOptions::new("/no/such/program", &["worker"], Limit::Unlimited)).unwrap_err();
    assert!(matches!(missing, WorkerError::Start { .. }), "{missing}");
    assert!(missing.to_string().starts_with("start the worker `/no/such/program`: "), "{missing}");

    let shell = |script: &str| {
        let mut options = WorkerOptions::new("/bin/sh", &["-c", script], Limit::Unlimited);
        options.patience.exit = crate::support::HANG;
        Worker::start(&options).unwrap_err()
    };
    assert_eq!(loss(shell("true")).end.how, How::Exited(0));
    let other = shell("echo this is another program >&0");
    assert!(matches!(&other, WorkerError::Garbage { what } if what.contains("this is anot")), "{other}");

    let error = |role: &str| Worker::start(&options(role)).unwrap_err();
    let garbage = error("garbage");
    assert!(matches!(garbage, WorkerError::Garbage { .. }), "{garbage}");
    let other = error("other version");
    assert!(matches!(other, WorkerError::Version { ours: VERSION, theirs } if theirs == VERSION + 1), "{other}");
    let rows = error("rows first");
    assert!(matches!(rows, WorkerError::Unexpected { kind: Kind::Rows, .. }), "{rows}");
}

fn a_worker_that_ends_early_has_the_last_word() {
    let error = Worker::start(&options("complain")).unwrap_err();
    assert_eq!(error.help().as_deref(), Some("the last it said was `no such command: worker`"));
    let loss = loss(error);
    assert_eq!((loss.end.how, loss.last_words.as_str()), (How::Exited(2), "one\nno such command: worker\n\n"));
}

fn streams_go_where_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stderr");
    let mut options = options("complain");
    options.stderr = Stream::File(Arc::new(File::create(&path).unwrap()));
    assert_eq!(loss(Worker::start(&options).unwrap_err()).last_words, "");
    assert_eq!(fs::read_to_string(path).unwrap(), "one\nno such command: worker\n\n");
    options.stderr = Stream::Null;
    options.stdout = Stream::Kept;
    assert_eq!(loss(Worker::start(&options).unwrap_err()).last_words, "");
}

fn a_killed_worker_names_the_signal() {
    for (signal, name) in [("-KILL", "SIGKILL"), ("-TERM", "SIGTERM"), ("-USR1", "SIGUSR1")] {
        let mut running = run("hang");
        running.next().unwrap().unwrap();
        kill(signal, running.pid());
        let error = error(&mut running);
        assert_eq!(error.to_string(), format!("worker {} was killed by {name}", running.pid()));
        assert_eq!((error.exit_code(), loss(error).signal()), (1, Some(name)));
        assert!(!exists(running.pid()));
        assert!(running.next().is_none());
    }
    let loss = loss(error(&mut run("abort")));
    assert_eq!((loss.signal(), loss.last_words.as_str()), (Some("SIGABRT"), "stack overflow, it seems\n"));
}

fn a_worker_that_exits_in_a_message_is_lost() {
    let mut running = run("half");
    assert_eq!(loss(error(&mut running)).end.how, How::Exited(7));
    assert_eq!(loss(running.end().unwrap_err()).end.how, How::Exited(7));
}

fn rows_before_an_exit_arrive() {
    let mut running = run("exit 7");
    wait_until("it ends", || !exists(running.pid()));
    let Some(Ok(Event::Schema(rows))) = running.next() else { panic!("no rows") };
    assert!(rows == row_bytes(0, 100_000));
    assert_eq!(loss(running.next().unwrap().unwrap_err()).end.how, How::Exited(7));
}

fn a_worker_that_hangs_up_is_killed() {
    let mut options = options("serve");
    options.patience.exit = std::time::Duration::from_millis(20);
    let mut running = Worker::start(&options).unwrap().run(&Task::of_sql("close")).unwrap();
    assert_eq!(loss(running.next().unwrap().unwrap_err()).end.how, How::Killed);
    assert!(!exists(running.pid()));
}

fn a_process_left_behind_does_not_delay_the_news() {
    let mut running = run("leave");
    let Some(Ok(Event::Schema(child))) = running.next() else { panic!("no child") };
    let child: u32 = String::from_utf8(child).unwrap().parse().unwrap();
    assert!(exists(child));
    assert_eq!(loss(running.next().unwrap().unwrap_err()).end.how, How::Exited(5));
    kill("-KILL", child);
}

fn what_breaks_the_protocol_is_killed() {
    let mut running = run("garbage");
    assert_eq!(running.next().unwrap().unwrap(), Event::Schema(b"good".to_vec()));
    let error = running.next().unwrap().unwrap_err();
    assert!(matches!(error, WorkerError::Garbage { .. }), "{error}");
    assert!(running.next().is_none());
    wait_until("it is gone", || !exists(running.pid()));
    let stranger = crate::support::error(&mut run("stranger"));
    assert!(matches!(stranger, WorkerError::Unexpected { kind: Kind::Failed, .. }), "{stranger}");
}

fn an_idle_worker_that_dies_is_noticed() {
    let worker = start();
    kill("-KILL", worker.pid());
    wait_until("it is known", || !worker.is_alive());
    let error = worker.run(&Task::of_sql("echo")).map(drop).unwrap_err();
    assert_eq!(loss(error).signal(), Some("SIGKILL"));
    let mut worker = start();
    kill("-KILL", worker.pid());
    assert_eq!(loss(worker.release().unwrap_err()).signal(), Some("SIGKILL"));
}

fn a_worker_has_no_file_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let ours = File::create(folder.path().join("ours")).unwrap();
    let _others: Vec<Worker> = (0..3).map(|_| start()).collect();
    let files: Vec<(String, String)> = serde_json::from_value(record(&mut run("files"))).unwrap();
    drop(ours);
    // What whoever started the tests left open for everybody.
    let inherited = support::inherited();
    let own: Vec<_> = files.iter().filter(|file| !inherited.contains(file)).map(|(_, target)| target).collect();
    // The socket, which the worker copies for itself twice, its standard output and error, and what it reads this from.
    let sockets: HashSet<_> = own.iter().filter(|target| target.starts_with("socket:")).collect();
    assert_eq!((own.len(), sockets.len()), (6, 1), "{own:?}");
}

fn a_worker_outlives_no_client() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let mut client = command("client").env(MARK, &mark).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(client.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let worker = line.trim().parse().unwrap();
    assert!(exists(worker));
    client.kill().unwrap();
    client.wait().unwrap();
    wait_until("the worker ends", || mark.exists() && is_over(worker));
}

/// Starts a worker at a task, says its id, and waits to be killed.
pub fn client() {
    let running = run("deaf");
    println!("{}", running.pid());
    loop {
        thread::park();
    }
}

fn an_orderly_end_is_one() {
    let end = start().end();
    assert_eq!((end.how, end.oom_kills), (How::Exited(0), None));
    let mut running = run("echo x");
    read(&mut running);
    assert_eq!(running.end().unwrap().end().how, How::Exited(0));
}

fn fifty_workers_leave_nothing() {
    let output = command("fifty").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Starts and ends fifty workers in every way there is. Runs alone in a process, because its files and children are counted.
pub fn fifty() {
    let mut options = options("serve");
    options.cgroup = tidegate_worker::Cgroup::Auto;
    // What is opened once is open before the count.
    drop(Worker::start(&options).unwrap());
    let files = open_files();
    thread::scope(|scope| {
        for way in 0..5 {
            let options = &options;
            scope.spawn(move || (0..10).for_each(|_| use_up(way, Worker::start(options).unwrap())));
        }
    });
    assert_eq!(open_files(), files);
    let children = children();
    assert!(children.is_empty(), "{children:?}");
}

fn use_up(way: usize, worker: Worker) {
    let run = |worker: Worker, sql: &str| worker.run(&Task::of_sql(sql)).unwrap();
    match way {
        0 => drop(worker),
        1 => drop(worker.end()),
        2 => drop(run(worker, "stream 100")),
        3 => drop(error(&mut run(worker, "exit 1"))),
        _ => drop(run(worker, "hang").end().unwrap()),
    }
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Returns what processes have this one as their parent, zombies among them.
fn children() -> Vec<String> {
    let parent = format!("PPid:\t{}", process::id());
    let statuses = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let is_process = Path::new(&entry.file_name()).to_str()?.parse::<u32>().is_ok();
        fs::read_to_string(entry.path().join("status")).ok().filter(|_| is_process)
    });
    statuses.filter(|status| status.lines().any(|line| line == parent)).collect()
}
