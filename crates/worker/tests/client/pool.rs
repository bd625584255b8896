//! Pools of warm workers.

use crate::support::{Test, exists, kill, options, read, wait_until};
use std::{num::NonZeroUsize, thread};
use tidegate_worker::{Decision, Pool, PoolOptions, Taken, protocol::Task};

pub const TESTS: &[Test] = &[
    ("a_warm_worker_is_used_again", a_warm_worker_is_used_again),
    ("a_worker_that_keeps_memory_is_replaced", a_worker_that_keeps_memory_is_replaced),
    ("there_are_no_more_workers_than_places", there_are_no_more_workers_than_places),
    ("whoever_waits_gets_the_next_place", whoever_waits_gets_the_next_place),
    ("a_worker_that_died_while_it_waited_is_replaced", a_worker_that_died_while_it_waited_is_replaced),
];

fn pool(most: usize) -> Pool {
    let mut options = PoolOptions::new(options("serve"), NonZeroUsize::new(most).unwrap());
    // A test worker's baseline is a few MB, of which its first task adds more than 5 %.
    options.drift_percent = 300;
    Pool::new(options)
}

/// Runs a task and gives the worker back.
fn use_once(Taken { worker, place }: Taken, sql: &str) -> (u32, Decision) {
    let pid = worker.pid();
    let mut running = worker.run(&Task::of_sql(sql)).unwrap();
    read(&mut running);
    (pid, place.give_back(running.end().unwrap()).unwrap().0)
}

fn a_warm_worker_is_used_again() {
    let pool = pool(2);
    let first = use_once(pool.take().unwrap(), "echo x");
    assert_eq!(first.1, Decision::Keep);
    assert_eq!(use_once(pool.take().unwrap(), "echo x"), first);
    pool.warm(2).unwrap();
    let (one, two) = (pool.take().unwrap(), pool.take().unwrap());
    assert!(one.worker.pid() == first.0 || two.worker.pid() == first.0);
    let pids = [one.worker.pid(), two.worker.pid()];
    drop((one, two, pool));
    assert!(pids.into_iter().all(|pid| !exists(pid)));
}

fn a_worker_that_keeps_memory_is_replaced() {
    let pool = pool(1);
    let (pid, decision) = use_once(pool.take().unwrap(), "grow");
    assert_eq!(decision, Decision::Recycle);
    assert!(!exists(pid));
    assert_eq!(use_once(pool.take().unwrap(), "echo x").1, Decision::Keep);
}

fn there_are_no_more_workers_than_places() {
    let pool = pool(2);
    let (one, two) = (pool.take().unwrap(), pool.take().unwrap());
    assert!(pool.try_take().unwrap().is_none());
    pool.warm(5).unwrap();
    assert!(pool.try_take().unwrap().is_none());
    drop(one);
    let three = pool.try_take().unwrap().unwrap();
    assert!(pool.try_take().unwrap().is_none());
    use_once(two, "echo x");
    use_once(three, "echo x");
    pool.warm(2).unwrap();
}

fn whoever_waits_gets_the_next_place() {
    let pool = pool(2);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..5).for_each(|_| assert_eq!(use_once(pool.take().unwrap(), "echo x").1, Decision::Keep)));
        }
    });
    let pids = [pool.take().unwrap(), pool.take().unwrap()].map(|taken| taken.worker.pid());
    assert_ne!(pids[0], pids[1]);
}

fn a_worker_that_died_while_it_waited_is_replaced() {
    let pool = pool(1);
    let (pid, _) = use_once(pool.take().unwrap(), "echo x");
    kill("-KILL", pid);
    wait_until("it is gone", || !exists(pid));
    let taken = pool.take().unwrap();
    // Between its end and the news of it, the dead one may be handed out; its task is lost then, as any worker's may be.
    if taken.worker.pid() != pid {
        assert_eq!(use_once(taken, "echo x").1, Decision::Keep);
    }
}
