//! What the operators of a running plan hold and were refused, for whoever looks from outside.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tidegate_govern::{Operators, RefusalReport, Refusals};
use tidegate_memory::ByteCount;

/// The operators of the plan that runs. A clone is of the same task.
#[derive(Clone, Debug, Default)]
pub struct Live {
    state: Arc<Mutex<State>>,
    refusals: Refusals,
}

#[derive(Debug, Default)]
struct State {
    plan: usize,
    operators: Operators,
}

impl Live {
    /// Returns the number of the plan, from 1, and what each of its operators holds, parents before their children.
    pub fn operators(&self) -> (usize, Vec<ByteCount>) {
        let state = self.lock();
        (state.plan, state.operators.balances())
    }

    /// Returns what operators of all plans so far were refused.
    pub fn refusals(&self) -> RefusalReport {
        self.refusals.report()
    }

    /// Returns who counts refusals.
    pub(super) fn counter(&self) -> Refusals {
        self.refusals.clone()
    }

    /// Goes over to the next plan of the task.
    pub(super) fn begin(&self, operators: &Operators) {
        let mut state = self.lock();
        *state = State { plan: state.plan + 1, operators: operators.clone() };
    }

    /// Lets the plan go, and returns its operators: what they hold is free with the last who knows them.
    pub(super) fn end(&self) -> Operators {
        mem::take(&mut self.lock().operators)
    }

    /// A list is whole after every change, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
