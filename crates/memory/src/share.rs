//! One limit for several workers that are kept: which of them runs the next task, with how much of the limit, and which give
//! memory back for it. A pure function decides; whoever keeps the workers acts.
//!
//! *Model.* A worker at work has a **grant**: the limit of its task, which the engine holds. A worker that waits shows the kernel
//! what it kept of earlier tasks. While the sum of all grants and of all that is kept is within the limit, all workers together
//! are. What a worker kept serves its own next task and stands in the way of the others', so nothing is given back before the
//! next task does not fit.

use crate::{ByteCount, MINIMUM_LIMIT, release_policy::ReleasePolicy};

/// Less than that is not worth a worker's while.
const WORTH: ByteCount = ByteCount::mib(1);

/// A worker that waits for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Resident memory now.
    pub used: ByteCount,
    /// What it holds when all that can be given back is given back, or what it held before its first task where that is not known.
    pub floor: ByteCount,
}

/// What the decision is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareReading<'a> {
    /// The limit of all workers together.
    pub limit: ByteCount,
    /// How many workers there may be.
    pub most: usize,
    /// The grants of those at work.
    pub granted: &'a [ByteCount],
    /// Those that wait.
    pub waiting: &'a [Waiting],
    /// What the next task is forecast to need; `None` is not known.
    pub next: Option<ByteCount>,
}

/// What to do for the next task. After all but a start, the decision is to be made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// Run it.
    Start {
        /// Which of those that wait runs it; `None` is a new one.
        worker: Option<usize>,
        /// Its limit.
        grant: ByteCount,
    },
    /// Let these of those that wait give their free memory back.
    Release(Vec<usize>),
    /// End these of those that wait.
    End(Vec<usize>),
    /// Wait until one of those at work is done.
    Wait,
}

/// Decides what to do for the next task.
///
/// It runs where as much is kept as it needs, or else where most is. It gets an even part of the limit if that is free, and its
/// forecast in any case, if nobody else is at work: then everybody else gives back, or is ended, until it fits.
pub fn share(policy: ReleasePolicy, reading: &ShareReading<'_>) -> Share {
    let ShareReading { limit, most, granted, waiting, next } = *reading;
    let even = ByteCount::new(limit.bytes() / u64::try_from(most.max(1)).unwrap_or(u64::MAX));
    let wanted = next.unwrap_or(even).max(MINIMUM_LIMIT).min(limit);
    let worker = best(waiting, wanted);
    if worker.is_none() && granted.len() >= most {
        return Share::Wait;
    }
    let kept = worker.and_then(|at| waiting.get(at)).map_or(ByteCount::ZERO, |waiting| waiting.used);
    let taken: ByteCount = granted.iter().copied().chain(waiting.iter().map(|waiting| waiting.used)).sum();
    let room = limit - taken + kept;
    let needed = wanted.max(kept);
    if needed <= room {
        return Share::Start { worker, grant: needed.max(even.min(room)) };
    }
    if policy != ReleasePolicy::Never {
        let missing = needed - room;
        let others = || waiting.iter().enumerate().filter(|(at, _)| Some(*at) != worker);
        let gains = others().map(|(at, waiting)| (at, waiting.used - waiting.floor)).filter(|(_, gain)| *gain >= WORTH);
        if let Some(chosen) = fewest(gains.collect(), missing) {
            return Share::Release(chosen);
        }
        let all: Vec<_> = others().map(|(at, waiting)| (at, waiting.used)).collect();
        if granted.is_empty() && !all.is_empty() {
            let every = all.iter().map(|(at, _)| *at).collect();
            return Share::End(fewest(all, missing).unwrap_or(every));
        }
    }
    if granted.is_empty() { Share::Start { worker, grant: room.max(MINIMUM_LIMIT) } } else { Share::Wait }
}

/// Returns the worker that keeps the least of those that keep as much as is wanted, or else the one that keeps most.
fn best(waiting: &[Waiting], wanted: ByteCount) -> Option<usize> {
    let kept = |(at, waiting): (usize, &Waiting)| (waiting.used, at);
    let enough = waiting.iter().enumerate().map(kept).filter(|(used, _)| *used >= wanted).min();
    enough.or_else(|| waiting.iter().enumerate().map(kept).max()).map(|(_, at)| at)
}

/// Returns the largest gains that are enough together, or nothing if all of them are not.
fn fewest(mut gains: Vec<(usize, ByteCount)>, missing: ByteCount) -> Option<Vec<usize>> {
    gains.sort_by_key(|(at, gain)| (std::cmp::Reverse(*gain), *at));
    let mut gained = ByteCount::ZERO;
    let mut chosen = Vec::new();
    for (at, gain) in gains {
        chosen.push(at);
        gained += gain;
        if gained >= missing {
            return Some(chosen);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mb(mb: u64) -> ByteCount {
        ByteCount::new(mb * 1_000_000)
    }

    /// Decides for four workers under 1000 MB whose floor is 30 MB.
    fn decide(policy: ReleasePolicy, granted: &[u64], waiting: &[u64], next: Option<u64>) -> Share {
        let granted: Vec<_> = granted.iter().copied().map(mb).collect();
        let waiting: Vec<_> = waiting.iter().map(|used| Waiting { used: mb(*used), floor: mb(30) }).collect();
        let reading =
            ShareReading { limit: mb(1000), most: 4, granted: &granted, waiting: &waiting, next: next.map(mb) };
        share(policy, &reading)
    }

    fn start(worker: Option<usize>, grant: u64) -> Share {
        Share::Start { worker, grant: mb(grant) }
    }

    #[test]
    fn an_even_part_is_given_while_it_is_free() {
        let auto = |granted, waiting, next| decide(ReleasePolicy::Auto, granted, waiting, next);
        assert_eq!(auto(&[], &[], None), start(None, 250));
        assert_eq!(auto(&[], &[], Some(90)), start(None, 250));
        assert_eq!(auto(&[250, 250, 250], &[200], Some(90)), start(Some(0), 250));
        assert_eq!(auto(&[250, 250, 250], &[200], None), start(Some(0), 250));
        assert_eq!(auto(&[400, 400], &[], Some(90)), start(None, 200));
        assert_eq!(auto(&[250, 250, 250, 250], &[], Some(70)), Share::Wait);
    }

    #[test]
    fn a_task_runs_where_enough_is_kept() {
        let auto = |waiting, next| decide(ReleasePolicy::Auto, &[], waiting, next);
        assert_eq!(auto(&[40, 120, 90], Some(80)), start(Some(2), 250));
        assert_eq!(auto(&[40, 120, 90], Some(200)), start(Some(1), 250));
        assert_eq!(auto(&[300, 270], Some(80)), start(Some(1), 270));
    }

    #[test]
    fn those_give_back_that_keep_most_and_only_if_it_is_enough() {
        let auto = |granted, waiting, next| decide(ReleasePolicy::Auto, granted, waiting, next);
        assert_eq!(auto(&[], &[200, 100, 250, 240], Some(600)), Share::Release(vec![3]));
        assert_eq!(auto(&[], &[200, 100, 250, 240], Some(700)), Share::Release(vec![3, 0]));
        assert_eq!(auto(&[250], &[200, 100, 250], Some(500)), Share::Release(vec![0]));
        assert_eq!(auto(&[250, 250], &[200, 100], Some(600)), Share::Wait);
        assert_eq!(auto(&[], &[30, 30, 30, 30], Some(950)), Share::End(vec![0, 1]));
        assert_eq!(auto(&[], &[30, 30, 30, 30], Some(5000)), Share::End(vec![0, 1, 2]));
        assert_eq!(auto(&[], &[30], Some(5000)), start(Some(0), 1000));
    }

    #[test]
    fn never_gives_nothing_back() {
        let never = |granted, waiting, next| decide(ReleasePolicy::Never, granted, waiting, next);
        assert_eq!(never(&[], &[200, 100, 250, 240], Some(600)), start(Some(2), 460));
        assert_eq!(never(&[250], &[200, 250, 250], Some(600)), Share::Wait);
    }

    proptest! {
        /// Whatever is asked for, grants and what is kept stay within the limit, and somebody always gets to work.
        #[test]
        fn the_limit_is_kept_and_nobody_waits_for_ever(
            steps in proptest::collection::vec((0_u64..1500, 0_usize..4, any::<bool>()), 1..60),
        ) {
            let limit = mb(1000);
            let (mut granted, mut waiting): (Vec<ByteCount>, Vec<Waiting>) = Default::default();
            for (next, at, ends) in steps {
                if ends && !granted.is_empty() {
                    let used = granted.remove(at % granted.len());
                    waiting.push(Waiting { used, floor: mb(30) });
                }
                for turn in 0.. {
                    prop_assert!(turn < 10, "no end of decisions");
                    let reading =
                        ShareReading { limit, most: 4, granted: &granted, waiting: &waiting, next: Some(mb(next)) };
                    match share(ReleasePolicy::Auto, &reading) {
                        Share::Start { worker, grant } => {
                            if let Some(at) = worker {
                                waiting.remove(at);
                            }
                            granted.push(grant);
                            break;
                        }
                        Share::Release(chosen) => chosen.into_iter().for_each(|at| waiting[at].used = mb(30)),
                        Share::End(mut chosen) => {
                            chosen.sort_unstable();
                            for at in chosen.into_iter().rev() {
            waiting.remove(at);
        }
                        }
                        Share::Wait => {
                            prop_assert!(!granted.is_empty());
                            break;
                        }
                    }
                }
                let sum: ByteCount = granted.iter().copied().chain(waiting.iter().map(|waiting| waiting.used)).sum();
                prop_assert!(sum <= limit, "{sum}: {granted:?} {waiting:?}");
                prop_assert!(granted.len() + waiting.len() <= 4);
            }
        }
    }
}
