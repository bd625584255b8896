//! Warm workers under one limit: each task gets a part of it, and what waiting workers keep counts as well.
//!
//! What to do is decided by [`share`] and [`ReleasePolicy`]. Here it is done.
//!
//! *Concurrency.* Tasks are given their workers one after the other, in turn, so that a large one is not passed over for ever. The
//! state is behind a mutex, which is not held while a worker starts, gives memory back, or ends; one that gives back counts as
//! one at work, with what it holds, until it has.

use crate::{Worker, WorkerError, WorkerOptions, protocol::Released};
use std::{
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};
use tidegate_memory::{
    ByteCount,
    release_policy::{Release, ReleasePolicy, ReleaseReading},
    share::{Share, ShareReading, Waiting, share},
};

/// What a pool under one limit is made of.
#[derive(Clone, Debug)]
pub struct SharedOptions {
    /// How each worker is started. Its limit is the one that all of them share.
    pub worker: WorkerOptions,
    /// How many there may be, at work and waiting together.
    pub most: NonZeroUsize,
    /// When they give memory back. For `auto` and `never` to be of use, tasks have to ask that what they freed is
    /// [kept](crate::protocol::Freed::Kept).
    pub policy: ReleasePolicy,
}

/// How often something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedCounts {
    /// Workers that were started.
    pub started: u64,
    /// Workers that gave their free memory back.
    pub released: u64,
    /// Workers that were ended to make room, or because their baseline drifted.
    pub ended: u64,
    /// Tasks that waited until others were done.
    pub waited: u64,
}

/// Warm workers under one limit, shared between threads by reference or by cloning.
#[derive(Clone, Debug)]
pub struct SharedPool(Arc<Shared>);

/// A worker and its part of the limit.
#[derive(Debug)]
pub struct Granted {
    /// The worker.
    pub worker: Worker,
    /// Its part, which is given back with it, or dropped without it.
    pub grant: Grant,
}

/// A part of the limit. It is free again when this is dropped, so the worker is ended before.
#[derive(Debug)]
#[must_use = "dropping a grant gives it up"]
pub struct Grant {
    pool: Arc<Shared>,
    id: u64,
    limit: ByteCount,
    floor: Option<ByteCount>,
}

#[derive(Debug)]
struct Shared {
    options: SharedOptions,
    limit: ByteCount,
    /// Held by the task that is the next to get a worker.
    turn: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Warm>,
    granted: Vec<Taken>,
    next: u64,
    counts: SharedCounts,
}

/// A worker that waits.
#[derive(Debug)]
struct Warm {
    worker: Worker,
    /// What it held when it had given back all that it could.
    floor: Option<ByteCount>,
}

/// A part of the limit that is not free.
#[derive(Clone, Copy, Debug)]
struct Taken {
    id: u64,
    bytes: ByteCount,
    process: Option<u32>,
}

impl SharedPool {
    /// Makes a pool without workers; they are started as they are needed, or by [`SharedPool::warm`].
    pub fn new(options: SharedOptions) -> Self {
        let limit = options.worker.limit.bytes().unwrap_or(ByteCount::new(u64::MAX));
        let (turn, state, changed) = Default::default();
        Self(Arc::new(Shared { options, limit, turn, state, changed }))
    }

    /// Starts all workers that there may be.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn warm(&self) -> Result<(), WorkerError> {
        let _turn = lock(&self.0.turn);
        loop {
            let state = lock(&self.0.state);
            if state.waiting.len() + state.granted.len() >= self.0.options.most.get() {
                return Ok(());
            }
            drop(state);
            let warm = Warm { worker: Worker::start(&self.0.options.worker)?, floor: None };
            let mut state = lock(&self.0.state);
            state.counts.started += 1;
            state.waiting.push(warm);
        }
    }

    /// Takes a worker for a task that is forecast to need so much; waits until there is room for it.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn take(&self, next: Option<ByteCount>) -> Result<Granted, WorkerError> {
        let _turn = lock(&self.0.turn);
        let mut waits = false;
        loop {
            let mut state = lock(&self.0.state);
            state.waiting.retain(|warm| warm.worker.is_alive());
            match self.0.share(&state, next) {
                Share::Start { worker, grant } => {
                    let warm = worker.filter(|at| *at < state.waiting.len()).map(|at| state.waiting.swap_remove(at));
                    return self.0.start(state, warm, grant);
                }
                Share::Release(chosen) => self.0.release(state, chosen),
                Share::End(chosen) => self.0.end(state, chosen),
                Share::Wait => {
                    state.counts.waited += u64::from(!waits);
                    waits = true;
                    drop(self.0.changed.wait(state));
                }
            }
        }
    }

    /// Returns the processes of all workers.
    pub fn processes(&self) -> Vec<u32> {
        let state = lock(&self.0.state);
        let waiting = state.waiting.iter().map(|warm| warm.worker.pid());
        waiting.chain(state.granted.iter().filter_map(|taken| taken.process)).collect()
    }

    /// Returns how often something was done so far.
    pub fn counts(&self) -> SharedCounts {
        lock(&self.0.state).counts
    }
}

impl Grant {
    /// Returns the part of the limit: the task's limit.
    pub fn limit(&self) -> ByteCount {
        self.limit
    }

    /// Gives back a worker whose task is over, and returns what became of its memory.
    ///
    /// # Errors
    /// If the worker is lost by that. The part is free all the same.
    pub fn give_back(mut self, mut worker: Worker) -> Result<Release, WorkerError> {
        let mut decision = self.decide(&worker);
        if decision == Release::Release {
            self.floor = Some(worker.release()?.after);
            lock(&self.pool.state).counts.released += 1;
            // Now it is known whether the baseline drifted.
            if self.decide(&worker) == Release::Recycle {
                decision = Release::Recycle;
            }
        }
        if decision == Release::Recycle {
            worker.end();
            lock(&self.pool.state).counts.ended += 1;
        } else {
            // The worker first: until the part is free it counts twice, and never not at all.
            lock(&self.pool.state).waiting.push(Warm { worker, floor: self.floor });
        }
        Ok(decision)
    }

    fn decide(&self, worker: &Worker) -> Release {
        self.pool.options.policy.decide(&ReleaseReading {
            limit: self.pool.limit,
            used: worker.resident().unwrap_or_default(),
            baseline: worker.hello().baseline,
            floor: self.floor,
            // Whoever comes next decides what is in the way.
            next: None,
        })
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.pool.free(self.id);
    }
}

impl Shared {
    fn share(&self, state: &State, next: Option<ByteCount>) -> Share {
        let granted: Vec<_> = state.granted.iter().map(|taken| taken.bytes).collect();
        let waiting: Vec<_> = state.waiting.iter().map(Warm::reading).collect();
        let most = self.options.most.get();
        share(
            self.options.policy,
            &ShareReading { limit: self.limit, most, granted: &granted, waiting: &waiting, next },
        )
    }

    fn start(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        warm: Option<Warm>,
        limit: ByteCount,
    ) -> Result<Granted, WorkerError> {
        let id = state.grant(limit, warm.as_ref().map(|warm| warm.worker.pid()));
        state.counts.started += u64::from(warm.is_none());
        drop(state);
        let mut grant = Grant { pool: Arc::clone(self), id, limit, floor: None };
        if let Some(Warm { worker, floor }) = warm {
            grant.floor = floor;
            return Ok(Granted { worker, grant });
        }
        let worker = Worker::start(&self.options.worker)?;
        if let Some(taken) = lock(&self.state).granted.iter_mut().find(|taken| taken.id == id) {
            taken.process = Some(worker.pid());
        }
        Ok(Granted { worker, grant })
    }

    /// Lets workers give back what they can. Those that are lost by that are gone.
    fn release(&self, mut state: MutexGuard<'_, State>, chosen: Vec<usize>) {
        let chosen = state.take_out(chosen);
        drop(state);
        for (id, mut warm) in chosen {
            if let Ok(Released { after, .. }) = warm.worker.release() {
                warm.floor = Some(after);
                let drifted = self.options.policy.decide(&warm.release_reading(self.limit)) == Release::Recycle;
                let mut state = lock(&self.state);
                state.counts.released += 1;
                if drifted {
                    state.counts.ended += 1;
                } else {
                    state.waiting.push(warm);
                }
            }
            self.free(id);
        }
    }

    fn end(&self, mut state: MutexGuard<'_, State>, chosen: Vec<usize>) {
        let chosen = state.take_out(chosen);
        drop(state);
        for (id, warm) in chosen {
            warm.worker.end();
            lock(&self.state).counts.ended += 1;
            self.free(id);
        }
    }

    fn free(&self, id: u64) {
        lock(&self.state).granted.retain(|taken| taken.id != id);
        self.changed.notify_all();
    }
}

impl State {
    fn grant(&mut self, bytes: ByteCount, process: Option<u32>) -> u64 {
        self.next += 1;
        self.granted.push(Taken { id: self.next, bytes, process });
        self.next
    }

    /// Takes waiting workers out; each is granted what it holds.
    fn take_out(&mut self, mut chosen: Vec<usize>) -> Vec<(u64, Warm)> {
        // From the back, so that those in front keep their places.
        chosen.sort_unstable();
        let mut taken = Vec::new();
        while let Some(at) = chosen.pop().filter(|at| *at < self.waiting.len()) {
            let warm = self.waiting.swap_remove(at);
            taken.push((self.grant(warm.worker.resident().unwrap_or_default(), Some(warm.worker.pid())), warm));
        }
        taken
    }
}

impl Warm {
    fn reading(&self) -> Waiting {
        let used = self.worker.resident().unwrap_or_default();
        Waiting { used, floor: self.floor.unwrap_or(self.worker.hello().baseline) }
    }

    fn release_reading(&self, limit: ByteCount) -> ReleaseReading {
        let baseline = self.worker.hello().baseline;
        ReleaseReading {
            limit,
            used: self.worker.resident().unwrap_or_default(),
            baseline,
            floor: self.floor,
            next: None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
