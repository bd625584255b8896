//! Warm workers: as many as may run at a time, each kept for the next task as long as it gives its memory back.

use crate::{Worker, WorkerError, WorkerOptions, protocol::Released};
use std::{
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};
use tidegate_memory::ByteCount;

/// What a pool is made of.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// How each worker is started.
    pub worker: WorkerOptions,
    /// How many there may be, at work and warm together.
    pub most: NonZeroUsize,
    /// By how much of its baseline a worker's memory may stay higher after a task, in percent.
    pub drift_percent: u64,
    /// After how many tasks a worker is replaced in any case.
    pub most_tasks: Option<u64>,
}

/// What is known of a worker that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Resident memory before its first task.
    pub baseline: ByteCount,
    /// Resident memory now, after it gave back what it could.
    pub resident: ByteCount,
    /// Tasks it has run.
    pub tasks: u64,
}

/// What becomes of a worker that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is kept warm.
    Keep,
    /// It is ended; the next that is needed is started.
    Recycle,
}

/// Warm workers, shared between threads by reference or by cloning.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shared>);

/// A worker out of a pool. The place is given back with it, or dropped without it.
#[derive(Debug)]
pub struct Taken {
    /// The worker.
    pub worker: Worker,
    /// Its place in the pool.
    pub place: Place,
}

/// The right to one worker of a pool. Dropping it lets the next one be started, so the worker is ended before.
#[derive(Debug)]
#[must_use = "dropping a place gives it up"]
pub struct Place {
    pool: Arc<Shared>,
    tasks: u64,
}

#[derive(Debug)]
struct Shared {
    options: PoolOptions,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Workers that wait for a task, with the number of those they have run.
    warm: Vec<(Worker, u64)>,
    /// Places that are taken.
    taken: usize,
}

impl PoolOptions {
    /// Returns the usual options.
    pub fn new(worker: WorkerOptions, most: NonZeroUsize) -> Self {
        Self { worker, most, drift_percent: 5, most_tasks: None }
    }
}

/// Decides what becomes of a worker that comes back.
pub fn decide(condition: &Condition, options: &PoolOptions) -> Decision {
    let worn = options.most_tasks.is_some_and(|most| condition.tasks >= most);
    let allowed = condition.baseline + condition.baseline.percent(options.drift_percent);
    if worn || condition.resident > allowed { Decision::Recycle } else { Decision::Keep }
}

impl Pool {
    /// Makes a pool without workers; they are started as they are needed, or by [`Pool::warm`].
    pub fn new(options: PoolOptions) -> Self {
        Self(Arc::new(Shared { options, state: Mutex::default(), freed: Condvar::new() }))
    }

    /// Starts workers until this many wait for a task, or there is no place for more.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn warm(&self, count: usize) -> Result<(), WorkerError> {
        while self.0.lock().warm.len() < count {
            let Some(place) = self.0.one_more() else { return Ok(()) };
            let worker = Worker::start(&self.0.options.worker)?;
            place.keep(worker);
        }
        Ok(())
    }

    /// Takes a worker; waits while all places are taken.
    ///
    /// # Errors
    /// If none is warm and one cannot be started.
    pub fn take(&self) -> Result<Taken, WorkerError> {
        let all_taken = |state: &mut State| state.taken >= self.0.options.most.get();
        let state = self.0.freed.wait_while(self.0.lock(), all_taken);
        let place = self.0.place(&mut state.unwrap_or_else(PoisonError::into_inner));
        self.0.occupy(place)
    }

    /// Takes a worker, or returns nothing if all places are taken.
    ///
    /// # Errors
    /// If none is warm and one cannot be started.
    pub fn try_take(&self) -> Result<Option<Taken>, WorkerError> {
        let mut state = self.0.lock();
        if state.taken >= self.0.options.most.get() {
            return Ok(None);
        }
        let place = self.0.place(&mut state);
        drop(state);
        self.0.occupy(place).map(Some)
    }
}

impl Place {
    /// Gives back a worker whose task is over: it gives up its memory, then is kept or ended.
    ///
    /// # Errors
    /// If the worker is lost by that. The place is free all the same.
    pub fn give_back(mut self, mut worker: Worker) -> Result<(Decision, Released), WorkerError> {
        let released = worker.release()?;
        self.tasks += 1;
        let baseline = worker.hello().baseline;
        let decision = decide(&Condition { baseline, resident: released.after, tasks: self.tasks }, &self.pool.options);
        match decision {
            Decision::Keep => self.keep(worker),
            Decision::Recycle => drop(worker.end()),
        }
        Ok((decision, released))
    }

    fn keep(self, worker: Worker) {
        self.pool.lock().warm.push((worker, self.tasks));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.lock().taken -= 1;
        self.pool.freed.notify_one();
    }
}

impl Shared {
    /// Takes a place and a warm worker, if one is there. Those that died while they waited are let go.
    fn place(self: &Arc<Self>, state: &mut State) -> (Place, Option<Worker>) {
        state.taken += 1;
        while let Some((worker, tasks)) = state.warm.pop() {
            if worker.is_alive() {
                return (Place { pool: Arc::clone(self), tasks }, Some(worker));
            }
        }
        (Place { pool: Arc::clone(self), tasks: 0 }, None)
    }

    /// Takes a place for one more worker, if there is one.
    fn one_more(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.lock();
        if state.taken + state.warm.len() >= self.options.most.get() {
            return None;
        }
        state.taken += 1;
        Some(Place { pool: Arc::clone(self), tasks: 0 })
    }

    fn occupy(&self, (place, warm): (Place, Option<Worker>)) -> Result<Taken, WorkerError> {
        let worker = match warm {
            Some(worker) => worker,
            None => Worker::start(&self.options.worker)?,
        };
        Ok(Taken { worker, place })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::Limit;

    #[test]
    fn a_worker_is_kept_while_it_gives_its_memory_back() {
        let worker = WorkerOptions::new("worker", &[], Limit::Unlimited);
        let mut options = PoolOptions::new(worker, NonZeroUsize::MIN);
        let baseline = ByteCount::new(1_000);
        let check = |options: &PoolOptions, resident: u64, tasks: u64, expected: Decision| {
            let condition = Condition { baseline, resident: ByteCount::new(resident), tasks };
            assert_eq!(decide(&condition, options), expected, "{condition:?}");
        };
        check(&options, 500, 1, Decision::Keep);
        check(&options, 1_050, 1_000_000, Decision::Keep);
        check(&options, 1_051, 1, Decision::Recycle);
        options.most_tasks = Some(10);
        check(&options, 1_000, 9, Decision::Keep);
        check(&options, 1_000, 10, Decision::Recycle);
        options.drift_percent = 0;
        check(&options, 1_001, 1, Decision::Recycle);
    }
}
