//! Pools of warm workers under one limit.

use crate::support::{Test, exists, kill, options, read, wait_until};
use std::{num::NonZeroUsize, thread};
use tidegate_memory::{
    ByteCount, Limit,
    release_policy::{Release, ReleasePolicy},
};
use tidegate_worker::{Granted, SharedOptions, SharedPool, protocol::Task};

pub const TESTS: &[Test] = &[
    ("tasks_share_one_limit", tasks_share_one_limit),
    ("a_task_waits_until_there_is_room", a_task_waits_until_there_is_room),
    ("what_others_keep_makes_room_for_a_large_task", what_others_keep_makes_room_for_a_large_task),
    (
        "a_worker_that_always_gives_back_is_ended_when_it_cannot",
        a_worker_that_always_gives_back_is_ended_when_it_cannot,
    ),
    ("a_worker_that_died_in_the_pool_gives_way", a_worker_that_died_in_the_pool_gives_way),
];

fn mb(mb: u64) -> ByteCount {
    ByteCount::new(mb * 1_000_000)
}

/// Returns a pool of this many workers under 300 MB.
fn pool(most: usize, policy: ReleasePolicy) -> SharedPool {
    let mut worker = options("serve");
    worker.limit = Limit::Bytes(mb(300));
    SharedPool::new(SharedOptions { worker, most: NonZeroUsize::new(most).unwrap(), policy })
}

/// Runs a task and gives the worker back.
fn use_once(Granted { worker, grant }: Granted, sql: &str) -> (u32, Release) {
    let pid = worker.pid();
    let mut running = worker.run(&Task { limit: Some(grant.limit()), ..Task::of_sql(sql) }).unwrap();
    read(&mut running);
    (pid, grant.give_back(running.end().unwrap()).unwrap())
}

fn tasks_share_one_limit() {
    let pool = pool(2, ReleasePolicy::Auto);
    let (one, two) = (pool.take(None).unwrap(), pool.take(Some(mb(70))).unwrap());
    assert_eq!((one.grant.limit(), two.grant.limit()), (mb(150), mb(150)));
    assert_eq!(pool.processes(), [one.worker.pid(), two.worker.pid()]);
    let (first, kept) = use_once(one, "echo x");
    assert_eq!(kept, Release::Keep);
    let again = pool.take(None).unwrap();
    assert_eq!(again.worker.pid(), first);
    drop((again, two));
    assert_eq!((pool.counts().started, pool.counts().released), (2, 0));
    assert_eq!(pool.take(Some(mb(1000))).unwrap().grant.limit(), mb(300));
}

fn a_task_waits_until_there_is_room() {
    let pool = pool(3, ReleasePolicy::Auto);
    let (one, two) = (pool.take(Some(mb(140))).unwrap(), pool.take(Some(mb(140))).unwrap());
    thread::scope(|scope| {
        let large = scope.spawn(|| pool.take(Some(mb(250))).unwrap().grant.limit());
        wait_until("it waits", || pool.counts().waited == 1);
        use_once(one, "echo x");
        use_once(two, "echo x");
        assert!(large.join().unwrap() >= mb(250));
    });
    assert_eq!(pool.counts().waited, 1);
}

fn what_others_keep_makes_room_for_a_large_task() {
    let pool = pool(2, ReleasePolicy::Auto);
    pool.warm().unwrap();
    let (one, two) = (pool.take(None).unwrap(), pool.take(None).unwrap());
    assert_eq!((use_once(one, "grow").1, use_once(two, "grow").1), (Release::Keep, Release::Keep));
    // Each holds more than 64 MiB. One of them is in the way, is asked to give that back, and cannot.
    let large = pool.take(Some(mb(250))).unwrap();
    assert!(large.grant.limit() >= mb(250));
    let counts = pool.counts();
    assert_eq!((counts.started, counts.released, counts.ended), (2, 1, 1));
    assert_eq!(pool.processes(), [large.worker.pid()]);
}

fn a_worker_that_always_gives_back_is_ended_when_it_cannot() {
    let pool = pool(1, ReleasePolicy::Always);
    let (pid, release) = use_once(pool.take(None).unwrap(), "grow");
    assert_eq!(release, Release::Recycle);
    assert!(!exists(pid));
    assert_eq!((pool.counts().released, pool.processes()), (1, Vec::new()));
}

fn a_worker_that_died_in_the_pool_gives_way() {
    let pool = pool(1, ReleasePolicy::Never);
    let (pid, _) = use_once(pool.take(None).unwrap(), "echo x");
    kill("-KILL", pid);
    wait_until("it is gone", || !exists(pid));
    let taken = pool.take(None).unwrap();
    // Between its end and the news of it, the dead one may be handed out; its task is lost then, as any worker's may be.
    if taken.worker.pid() != pid {
        assert_eq!(use_once(taken, "echo x").1, Release::Keep);
    }
}
