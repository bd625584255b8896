//! Which units start now, and each with which limit: the sum of what runs never passes the shared limit.
//!
//! Units wait in order, the largest first. One that does not fit is passed over by smaller ones behind it, but only
//! [`PATIENCE`] times: then nothing behind it starts until it has started. So none starves, not even while new units come in
//! for ever. What a unit needs is never more than the shared limit, so that the largest runs alone with all of it.

use tidegate_memory::{ByteCount, MINIMUM_LIMIT};

/// How often a waiting unit is passed over.
pub const PATIENCE: u32 = 8;

/// What all units share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The most memory of all that runs at a time.
    pub limit: ByteCount,
    /// The most units at a time; at least one runs.
    pub parallel: usize,
}

/// What a unit asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The limit that its task was given.
    Limit(ByteCount),
    /// The bound of its forecast: it may get more, if there is more.
    Forecast(ByteCount),
    /// Nobody knows: an even part of the shared limit.
    Unknown,
}

/// A unit that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What it asks for.
    pub need: Need,
    /// How often others that came later were started before it.
    pub passed: u32,
}

/// A unit that starts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its place among those that wait.
    pub place: usize,
    /// Its limit.
    pub limit: ByteCount,
}

impl Shared {
    /// Returns which of the waiting units start now, in their order, beside those that run with the limits `running`. None of
    /// them needs less than `least`: when less is free, the others are not looked at.
    pub fn admit(
        &self,
        running: &[ByteCount],
        waiting: impl IntoIterator<Item = Waiting>,
        least: ByteCount,
    ) -> Vec<Grant> {
        let mut free = self.limit - running.iter().copied().sum();
        let mut slots = self.parallel.max(1).saturating_sub(running.len());
        let mut grants = Vec::new();
        let mut growing = Vec::new();
        let mut all_fit = true;
        for (place, unit) in waiting.into_iter().enumerate() {
            if slots == 0 {
                break;
            }
            if free < least {
                all_fit = false;
                break;
            }
            let limit = self.needed(unit.need);
            if limit <= free {
                if !matches!(unit.need, Need::Limit(_)) {
                    growing.push(grants.len());
                }
                grants.push(Grant { place, limit });
                free = free - limit;
                slots -= 1;
            } else if unit.passed >= PATIENCE {
                return grants;
            } else {
                all_fit = false;
            }
        }
        // What is left is of use to nobody who waits: more memory is less spilling.
        if slots == 0 || all_fit {
            share(free, &mut grants, &growing);
        }
        grants
    }

    /// Returns whether the smallest unit fits beside those that run with the limits `running`. What a forecast takes is no more.
    pub(crate) fn has_room(&self, running: &[ByteCount]) -> bool {
        running.is_empty() || running.iter().copied().sum::<ByteCount>() + MINIMUM_LIMIT <= self.limit
    }

    /// Returns the limit that a unit needs to start.
    pub(crate) fn needed(&self, need: Need) -> ByteCount {
        let wanted = match need {
            Need::Limit(limit) => limit,
            Need::Forecast(bound) => bound.max(MINIMUM_LIMIT),
            Need::Unknown => ByteCount::new(self.limit.bytes() / self.parallel.max(1) as u64).max(MINIMUM_LIMIT),
        };
        wanted.min(self.limit)
    }
}

/// Divides `free` evenly among the grants that have no limit of their own, which `growing` names.
fn share(free: ByteCount, grants: &mut [Grant], growing: &[usize]) {
    let Some(part) = free.bytes().checked_div(growing.len() as u64) else { return };
    for at in growing {
        if let Some(grant) = grants.get_mut(*at) {
            grant.limit += ByteCount::new(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MB: u64 = 1_000_000;

    fn mb(count: u64) -> ByteCount {
        ByteCount::new(count * MB)
    }

    fn forecast(count: u64) -> Waiting {
        Waiting { need: Need::Forecast(mb(count)), passed: 0 }
    }

    fn fixed(count: u64) -> Waiting {
        Waiting { need: Need::Limit(mb(count)), passed: 0 }
    }

    #[test]
    fn there_is_room_where_the_smallest_unit_fits() {
        let shared = Shared { limit: mb(1000), parallel: 4 };
        let check = |running: &[ByteCount], room| assert_eq!(shared.has_room(running), room, "{running:?}");
        check(&[], true);
        check(&[mb(500), mb(400)], true);
        check(&[mb(500), mb(450)], false);
        let smallest = Shared { limit: MINIMUM_LIMIT, parallel: 1 };
        assert!(smallest.has_room(&[]) && !smallest.has_room(&[MINIMUM_LIMIT]));
    }

    /// Returns what is started. To look no further than need be changes nothing.
    fn start(shared: Shared, running: &[ByteCount], waiting: &[Waiting]) -> Vec<Grant> {
        let least = waiting.iter().map(|unit| shared.needed(unit.need)).min().unwrap_or_default();
        let grants = shared.admit(running, waiting.iter().copied(), least);
        assert_eq!(grants, shared.admit(running, waiting.iter().copied(), ByteCount::default()));
        grants
    }

    /// Returns place and MB of what is started under 1,000 MB.
    fn admit(parallel: usize, running: &[u64], waiting: &[Waiting]) -> Vec<(usize, u64)> {
        let running: Vec<_> = running.iter().map(|count| mb(*count)).collect();
        let grants = start(Shared { limit: mb(1000), parallel }, &running, waiting);
        grants.into_iter().map(|grant| (grant.place, grant.limit.bytes() / MB)).collect()
    }

    #[test]
    fn units_run_side_by_side_while_they_fit() {
        assert_eq!(admit(4, &[], &[fixed(500), fixed(400), fixed(200), fixed(100)]), [(0, 500), (1, 400), (3, 100)]);
        assert_eq!(admit(2, &[], &[fixed(100), fixed(100), fixed(100)]), [(0, 100), (1, 100)]);
        assert_eq!(admit(2, &[100, 100], &[fixed(100)]), []);
    }

    #[test]
    fn what_nobody_waits_for_is_shared() {
        assert_eq!(admit(4, &[], &[forecast(100), forecast(300), fixed(200)]), [(0, 300), (1, 500), (2, 200)]);
        // One waits for memory: what is left is for it.
        assert_eq!(admit(4, &[300], &[forecast(800), forecast(100)]), [(1, 100)]);
        // The others wait for a place, not for memory.
        assert_eq!(admit(1, &[], &[forecast(100), forecast(100)]), [(0, 1000)]);
    }

    #[test]
    fn a_unit_too_large_for_its_forecast_runs_alone_with_all() {
        assert_eq!(admit(4, &[], &[forecast(9000), forecast(100)]), [(0, 1000)]);
        assert_eq!(admit(4, &[100], &[forecast(9000)]), []);
    }

    #[test]
    fn nothing_is_below_the_minimum_and_the_unknown_gets_an_even_part() {
        let grants = start(Shared { limit: mb(1000), parallel: 2 }, &[mb(900)], &[forecast(1)]);
        assert_eq!(grants, [Grant { place: 0, limit: mb(100) }]);
        assert_eq!(start(Shared { limit: mb(1000), parallel: 2 }, &[mb(950)], &[forecast(1)]), []);
        let unknown = Waiting { need: Need::Unknown, passed: 0 };
        assert_eq!(admit(4, &[], &[unknown, unknown, fixed(700)]), [(0, 250), (1, 250)]);
    }

    #[test]
    fn who_was_passed_over_often_is_waited_for() {
        let patient = Waiting { passed: PATIENCE - 1, ..fixed(800) };
        assert_eq!(admit(4, &[300], &[patient, fixed(100)]), [(1, 100)]);
        let starved = Waiting { passed: PATIENCE, ..fixed(800) };
        assert_eq!(admit(4, &[300], &[starved, fixed(100)]), []);
        assert_eq!(admit(4, &[], &[starved, fixed(100)]), [(0, 800), (1, 100)]);
    }

    proptest! {
        /// Small ones come for ever; each runs a while. The large one starts all the same, and the limit is never passed.
        #[test]
        fn nothing_starves(sizes in proptest::collection::vec(64_u64..600, 100), large in 600_u64..2000) {
            let shared = Shared { limit: mb(1000), parallel: 3 };
            let mut running = std::collections::VecDeque::from([mb(500)]);
            let mut waiting = vec![forecast(large)];
            let mut started = false;
            for size in sizes {
                waiting.push(forecast(size));
                let limits: Vec<_> = running.iter().copied().collect();
                let grants = start(shared, &limits, &waiting);
                if let Some(last) = grants.last().copied() {
                    for (place, unit) in waiting.iter_mut().enumerate().take(last.place) {
                        unit.passed += u32::from(!grants.iter().any(|grant| grant.place == place));
                    }
                }
                started |= grants.iter().any(|grant| grant.place == 0);
                if started {
                    break;
                }
                for grant in grants.iter().rev() {
                    running.push_back(grant.limit);
                    waiting.remove(grant.place);
                }
                prop_assert!(running.iter().copied().sum::<ByteCount>() <= shared.limit);
                running.pop_front();
            }
            prop_assert!(started);
        }

        #[test]
        fn something_runs_whenever_nothing_does(needs in proptest::collection::vec(1_u64..5000, 1..9), parallel in 0_usize..5) {
            let waiting: Vec<_> = needs.into_iter().map(forecast).collect();
            let grants = start(Shared { limit: mb(1000), parallel }, &[], &waiting);
            prop_assert!(grants.first().is_some_and(|grant| grant.place == 0));
            prop_assert!(grants.iter().map(|grant| grant.limit).sum::<ByteCount>() <= mb(1000));
        }
    }
}
