//! The cgroup around a worker, where one may be made.

use crate::support::{Test, error, options, start, wait_until};
use std::{fs, path::PathBuf};
use tidegate_memory::Limit;
use tidegate_worker::{Cgroup, Fence, Worker, WorkerError, protocol::Task};

pub const TESTS: &[Test] = &[
    ("a_worker_without_a_fence_says_why", a_worker_without_a_fence_says_why),
    ("a_fence_is_around_its_worker_and_goes_with_it", a_fence_is_around_its_worker_and_goes_with_it),
    ("a_worker_that_eats_more_than_its_fence_holds_is_named", a_worker_that_eats_more_than_its_fence_holds_is_named),
];

fn a_worker_without_a_fence_says_why() {
    assert_eq!(start().fence(), &Fence::Off);
    let mut options = options("serve");
    options.cgroup = Cgroup::Auto;
    options.limit = Limit::Unlimited;
    let worker = Worker::start(&options).unwrap();
    assert_eq!(worker.fence(), &Fence::Impossible("the worker has no limit".into()));
}

fn a_fence_is_around_its_worker_and_goes_with_it() {
    let Some((worker, folder)) = fenced() else { return };
    // The thread that has started it is there as well, until it is gone.
    let inside = || fs::read_to_string(folder.join("cgroup.procs")).unwrap();
    wait_until("the worker is alone", || inside().trim() == worker.pid().to_string());
    assert_eq!(worker.end().oom_kills, Some(0));
    assert!(!folder.exists());
    let Some((worker, folder)) = fenced() else { return };
    drop(worker.run(&Task::of_sql("hang")).unwrap());
    assert!(!folder.exists());
}

fn a_worker_that_eats_more_than_its_fence_holds_is_named() {
    let Some((worker, folder)) = fenced() else { return };
    let pid = worker.pid();
    let error = error(&mut worker.run(&Task::of_sql("eat")).unwrap());
    let message = "was killed by the kernel: no memory left in its cgroup of 67.1 MB (64 MiB)";
    assert_eq!(error.to_string(), format!("worker {pid} {message}"));
    assert_eq!((error.exit_code(), error.help().as_deref()), (3, Some("raise the limit")));
    let WorkerError::Lost(loss) = error else { panic!("{error}") };
    assert_eq!((loss.out_of_memory(), loss.end.oom_kills), (true, Some(1)));
    assert!(!folder.exists());
}

/// Returns a worker and its cgroup, or nothing where none may be made.
fn fenced() -> Option<(Worker, PathBuf)> {
    let mut options = options("serve");
    options.cgroup = Cgroup::Auto;
    let worker = Worker::start(&options).unwrap();
    match worker.fence().clone() {
        Fence::Around(folder) => Some((worker, folder)),
        other => {
            eprintln!("skipped: {other:?}");
            None
        }
    }
}
