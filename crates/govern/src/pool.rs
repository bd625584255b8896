//! The memory pool that answers reservations from what is declared and from what is counted.
//!
//! *Concurrency.* One mutex guards the table of consumers. Every call holds it for a look-up and an addition and never
//! waits for anything inside, so it cannot deadlock with an operator's own locks.

use crate::{
    growth::{self, Kind, Request},
    memory_error::{Holder, MemoryLimitError},
    refusals::Refusals,
};
use datafusion::{
    common::{DataFusionError, Result},
    execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tidegate_memory::{Budget, ByteCount, Watch, ledger, pressure::Pressure};

/// Answers reservations from what operators declare and from what the ledger and the kernel count.
pub struct GovernedPool {
    budget: Option<Budget>,
    sort_parts: usize,
    watch: Arc<Watch>,
    refusals: Refusals,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    consumers: HashMap<usize, Consumer>,
    used: usize,
    peak: usize,
    last_refusal: Option<MemoryLimitError>,
}

#[derive(Debug)]
struct Consumer {
    kind: Kind,
    held: usize,
    /// The largest step in which it has grown since it last gave most of it back.
    step: usize,
}

impl GovernedPool {
    /// Returns a pool for one task; without a budget it grants everything and only keeps account. Sorts may have one of
    /// `sort_parts` of it, see [`growth`].
    pub fn new(budget: Option<Budget>, sort_parts: usize, watch: Arc<Watch>) -> Self {
        Self { budget, sort_parts, watch, refusals: Refusals::default(), state: Mutex::default() }
    }

    /// Returns the same pool, which counts what it refuses with what other plans of the task were refused.
    #[must_use]
    pub fn counting(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    /// Returns the most that operators held together.
    pub fn peak(&self) -> ByteCount {
        self.lock().peak.into()
    }

    /// Returns what operators may reserve together, if that is bounded.
    pub fn capacity(&self) -> Option<ByteCount> {
        self.budget.map(|budget| budget.operators)
    }

    /// Returns the last refusal: after a task ended with it, the reason why.
    pub fn last_refusal(&self) -> Option<MemoryLimitError> {
        self.lock().last_refusal.clone()
    }

    /// Returns the error for memory that grew without anybody asking.
    pub fn exhausted(&self) -> MemoryLimitError {
        self.error(None)
    }

    /// A panic while the lock was held cannot leave the numbers half-changed, so they are used as they are.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, asked: Option<Holder>) -> MemoryLimitError {
        MemoryLimitError::now(self.budget.map(|budget| budget.limit), &self.watch.report(), asked)
    }

    fn may_grow(&self, state: &State, asking: &MemoryReservation, additional: usize, budget: Budget) -> bool {
        let (own, consumer) = (asking.size(), asking.consumer());
        let asking = state.consumers.get(&consumer.id());
        let kind = asking.map_or(Kind::Rigid, |asking| asking.kind);
        let held = asking.map_or(0, |asking| asking.held);
        let step = asking.map_or(0, |asking| asking.step);
        let kind = if own < held { kind.beside_others(consumer.name()) } else { kind };
        let all_of_kind = matches!(kind, Kind::Sorting | Kind::Merging);
        let of_those = |(id, other): &(&usize, &Consumer)| {
            **id != consumer.id() && other.kind == kind && (all_of_kind || other.held > 0)
        };
        let others = state.consumers.iter().filter(of_those).map(|(_, other)| kind.weigh(other.held));
        let mut others: Vec<usize> = others.collect();
        others.sort_unstable();
        growth::may_grow(&Request {
            kind,
            held: kind.weigh(held),
            additional: kind.weigh(additional),
            capacity: budget.operators.size(),
            used: state.weighed(|_| true),
            returnable: state.weighed(Kind::gives_back),
            step: step.max(additional),
            // What the allocator keeps beyond what it was asked for takes a sixteenth.
            free: (budget.heap() - ledger::live() - budget.heap().percent(6)).size(),
            others: &others,
            sort_parts: self.sort_parts,
            pressure: self.watch.pressure(),
        })
    }
}

impl MemoryPool for GovernedPool {
    fn name(&self) -> &'static str {
        "governed"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        let kind = Kind::of(consumer.name(), consumer.can_spill());
        let entry = Consumer { kind, held: 0, step: 0 };
        self.lock().consumers.insert(consumer.id(), entry);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.lock().consumers.remove(&consumer.id());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut state = self.lock();
        state.add(reservation.consumer().id(), additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(shrink);
        if let Some(consumer) = state.consumers.get_mut(&reservation.consumer().id()) {
            consumer.held = consumer.held.saturating_sub(shrink);
            if consumer.held < shrink {
                consumer.step = 0;
            }
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut state = self.lock();
        let (id, name) = (reservation.consumer().id(), reservation.consumer().name());
        let may_grow = self.budget.is_none_or(|budget| self.may_grow(&state, reservation, additional, budget));
        let capacity = self.budget.map(|budget| budget.operators.size());
        if additional > 0 && (!may_grow || growth::is_beyond_use(name, reservation.size() + additional, capacity)) {
            let asked = Holder { name: name.to_owned(), bytes: additional.into() };
            // Who may not grow whatever the memory is told to hand on what it has: no memory was missing.
            if !may_grow {
                self.refusals.add(asked.clone());
            }
            let error = self.error(Some(asked));
            let message = error.to_string();
            state.last_refusal = Some(error);
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        state.add(id, additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.lock().used
    }

    fn memory_limit(&self) -> MemoryLimit {
        // A finite limit makes DataFusion avoid an aggregation that cannot spill.
        self.budget.map_or(MemoryLimit::Infinite, |budget| MemoryLimit::Finite(budget.operators.size()))
    }
}

impl State {
    fn weighed(&self, wanted: impl Fn(Kind) -> bool) -> usize {
        let of_kind = self.consumers.values().filter(|consumer| wanted(consumer.kind));
        of_kind.map(|consumer| consumer.kind.weigh(consumer.held)).sum()
    }

    fn add(&mut self, id: usize, additional: usize) {
        self.used += additional;
        self.peak = self.peak.max(self.used);
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.held += additional;
            consumer.step = consumer.step.max(additional);
        }
    }
}

impl fmt::Debug for GovernedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GovernedPool").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl fmt::Display for GovernedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.budget {
            Some(budget) => write!(f, "governed({} for operators)", budget.operators),
            None => f.write_str("governed(no limit)"),
        }
    }
}

/// Returns whether a source should wait before its next batch.
pub(crate) fn should_pause(watch: &Watch) -> bool {
    watch.pressure() >= Pressure::High
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::WatchOptions;

    #[test]
    fn refusals_for_lack_of_memory_are_counted() {
        let budget = Budget::of(ByteCount::mib(128), ByteCount::mib(8));
        let watch = Arc::new(Watch::start(WatchOptions { budget: None, last_resort: Box::new(|_| {}) }).unwrap());
        let refusals = Refusals::default();
        let pool = |budget| -> Arc<dyn MemoryPool> {
            Arc::new(GovernedPool::new(budget, 4, Arc::clone(&watch)).counting(refusals.clone()))
        };
        let reservation = |pool: &Arc<dyn MemoryPool>, name: &str| MemoryConsumer::new(name).register(pool);
        let (first, second, free) = (pool(Some(budget)), pool(Some(budget)), pool(None));
        assert!(reservation(&first, "HashJoinInput[0]").try_grow(1 << 10).is_ok());
        assert_eq!(refusals.report(), crate::RefusalReport::default());
        assert!(reservation(&first, "HashJoinInput[0]").try_grow(1 << 30).is_err());
        // Another plan of the task.
        assert!(reservation(&second, "HashJoinInput[1]").try_grow(2 << 30).is_err());
        // A step that hands on its groups lacks no memory.
        assert!(reservation(&free, "PartialHashAggregateStream[0]").try_grow(1 << 30).is_err());
        let last = Holder { name: "HashJoinInput[1]".into(), bytes: ByteCount::mib(2 << 10) };
        assert_eq!(refusals.report(), crate::RefusalReport { count: 2, last: Some(last) });
    }
}
