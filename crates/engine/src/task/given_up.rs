//! The plans of a task that could not hold its limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidegate_govern::{MemoryLimitError, Profile};

/// Plans after the first one.
const REPLANS: usize = 3;

/// Why plans of a task were given up, in their order. A clone is the same list: whoever starts a task again in another
/// process passes the list on, and the new one begins where the old one stopped.
#[derive(Clone, Debug, Default)]
pub struct GivenUp(Arc<Mutex<Vec<MemoryLimitError>>>);

/// A task was planned again, narrower.
#[derive(Clone, Debug)]
pub struct Replan {
    /// Why the plan before it could not hold.
    pub reason: MemoryLimitError,
    /// The sizes of the narrower plan.
    pub profile: Profile,
}

impl GivenUp {
    /// Returns the list of a task that was begun before.
    pub fn new(reasons: Vec<MemoryLimitError>) -> Self {
        Self(Arc::new(Mutex::new(reasons)))
    }

    /// Returns the reasons.
    pub fn reasons(&self) -> Vec<MemoryLimitError> {
        self.lock().clone()
    }

    /// Returns whether there is a narrower plan than the one that runs.
    pub(super) fn leaves_a_plan(&self) -> bool {
        self.lock().len() < REPLANS
    }

    pub(super) fn add(&self, reason: MemoryLimitError) {
        self.lock().push(reason);
    }

    pub(super) fn last(&self) -> Option<MemoryLimitError> {
        self.lock().last().cloned()
    }

    /// Returns the profile of the plan that comes after those that were given up, if `first` was that of the first.
    pub(super) fn narrowed(&self, first: Profile) -> Profile {
        self.lock().iter().fold(first, |profile, _| profile.narrower())
    }

    /// Returns the plans after the first one.
    pub(super) fn replans(&self, first: Profile) -> Vec<Replan> {
        let mut profile = first;
        let replan = |reason: MemoryLimitError| {
            profile = profile.narrower();
            Replan { reason, profile }
        };
        self.reasons().into_iter().map(replan).collect()
    }

    /// A list is whole after every push, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Vec<MemoryLimitError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_memory::ByteCount;

    #[test]
    fn a_list_leads_to_the_profile_of_the_next_plan() {
        let reason =
            MemoryLimitError { limit: ByteCount::mib(64), used: ByteCount::mib(60), asked: None, holders: Vec::new() };
        let first = Profile::of(None, 4);
        let given_up = GivenUp::new(vec![reason.clone()]);
        assert_eq!(given_up.narrowed(first), first.narrower());
        given_up.add(reason);
        let threads: Vec<_> = given_up.replans(first).iter().map(|replan| replan.profile.threads).collect();
        assert_eq!((threads, given_up.leaves_a_plan()), (vec![2, 1], true));
    }
}
