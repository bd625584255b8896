//! Tests of the policy: a table of readings, properties, and a simulated process that lives by it.

use super::*;
use proptest::prelude::*;

/// A reading in MiB: a limit of 128 with a baseline of 8 leaves a heap line of 100.
fn reading(anonymous: u64, live: u64) -> Reading {
    Reading {
        budget: Budget::of(ByteCount::mib(128), ByteCount::mib(8)),
        resident: Resident { anonymous: ByteCount::mib(anonymous), file: ByteCount::mib(8) },
        live: ByteCount::mib(live),
        waiting: None,
        critical_for: Duration::ZERO,
        purge_helps: true,
        replannable: false,
    }
}

#[test]
fn each_reading_has_its_answer() {
    let check = |anonymous, live, expect_pressure, expect_action| {
        let reading = reading(anonymous, live);
        assert_eq!((pressure(&reading), decide(&reading)), (expect_pressure, expect_action), "{reading:?}");
    };
    check(20, 10, Pressure::Calm, Action::Grant);
    check(70, 10, Pressure::Calm, Action::Grant);
    check(90, 40, Pressure::Calm, Action::Purge);
    check(80, 71, Pressure::Rising, Action::Refuse);
    check(90, 71, Pressure::Rising, Action::Purge);
    check(95, 86, Pressure::High, Action::Pause);
    check(107, 90, Pressure::High, Action::Purge);
    check(107, 97, Pressure::Critical, Action::Pause);
}

#[test]
fn patience_ends_in_a_narrower_plan_or_the_end() {
    let check = |critical_for, waiting: Option<u64>, replannable, expect| {
        let waiting = waiting.map(Duration::from_millis);
        let critical_for = Duration::from_millis(critical_for);
        let reading = Reading { waiting, critical_for, replannable, ..reading(107, 97) };
        assert_eq!(decide(&reading), expect, "{reading:?}");
    };
    check(59, None, true, Action::Pause);
    check(60, None, true, Action::Replan);
    check(60, None, false, Action::End);
    check(0, Some(59), false, Action::Pause);
    check(0, Some(60), false, Action::End);
}

#[test]
fn who_waits_at_the_wall_makes_others_give_way() {
    let waiting = Some(Duration::from_millis(1));
    assert_eq!(decide(&Reading { waiting, ..reading(60, 50) }), Action::Pause);
    assert_eq!(decide(&Reading { waiting, ..reading(70, 40) }), Action::Purge, "freed pages come first");
    let purged = Reading { purge_helps: false, waiting, ..reading(70, 40) };
    assert_eq!(decide(&purged), Action::Pause, "fragmentation is not tried twice");
    let high_for_long = Reading { critical_for: Duration::from_secs(1), ..reading(95, 86) };
    assert_eq!(decide(&high_for_long), Action::Pause, "high pressure alone never ends a task");
}

/// Somebody who holds memory in the simulation. Sizes in KiB.
#[derive(Clone, Debug)]
struct Holder {
    spills: bool,
    held: u64,
    /// What it still wants to allocate until it is done; then it frees everything.
    wants: u64,
    /// The largest single allocation.
    step: u64,
}

fn holder() -> impl Strategy<Value = Holder> {
    (any::<bool>(), 1_u64..200_000, 1_u64..20_000).prop_map(|(spills, wants, step)| Holder {
        spills,
        held: 0,
        wants,
        step,
    })
}

/// A process of 128 MiB: holders grow in turn and free at their end, freed pages stay resident until they are purged,
/// spilling frees what a holder has. The wall is what [`crate::wall`] does: growth that would cross the limit waits.
struct Simulated {
    holders: Vec<Holder>,
    resident: u64,
    waiting: Option<u64>,
    critical: u64,
    ended: bool,
}

const LIMIT: u64 = 128 << 10;
const FIXED: u64 = 16 << 10;

impl Simulated {
    fn live(&self) -> u64 {
        self.holders.iter().map(|holder| holder.held).sum()
    }

    fn reading(&self) -> Reading {
        let kib = |kib: u64| ByteCount::new(kib << 10);
        Reading {
            resident: Resident { anonymous: kib(self.resident + (8 << 10)), file: kib(8 << 10) },
            live: kib(self.live()),
            waiting: self.waiting.map(Duration::from_millis),
            critical_for: Duration::from_millis(self.critical),
            ..reading(0, 0)
        }
    }

    /// One millisecond. Returns whether anything moved.
    fn tick(&mut self) -> bool {
        let action = decide(&self.reading());
        let tight = pressure(&self.reading());
        self.critical = if tight == Pressure::Critical { self.critical + 1 } else { 0 };
        let mut moved = false;
        match action {
            Action::Purge => {
                moved = self.resident > self.live();
                self.resident = self.live();
            }
            Action::Replan | Action::End => {
                self.ended = true;
                return true;
            }
            Action::Grant | Action::Refuse | Action::Pause => {}
        }
        let mut waits = false;
        for at in 0..self.holders.len() {
            let live = self.live();
            let Some(holder) = self.holders.get_mut(at) else { continue };
            let step = holder.step.min(holder.wants);
            if holder.wants == 0 {
                moved |= holder.held > 0;
                holder.held = 0;
            } else if holder.spills && holder.held > 0 && tight >= Pressure::Rising {
                moved = true;
                holder.held = 0;
            } else if FIXED + self.resident.max(live + step) < LIMIT {
                holder.held += step;
                holder.wants -= step;
                self.resident = self.resident.max(live + step);
                moved = true;
            } else {
                waits = true;
                self.resident = live;
            }
        }
        self.waiting = waits.then(|| self.waiting.unwrap_or(0) + 1);
        moved
    }
}

proptest! {
    #[test]
    fn more_live_bytes_are_never_less_pressure(anonymous in 0_u64..160, live in 0_u64..150) {
        prop_assert!(pressure(&reading(anonymous, live + 1)) >= pressure(&reading(anonymous, live)));
    }

    #[test]
    fn a_task_is_only_ended_when_nothing_can_be_given_back(
        anonymous in 0_u64..160, live in 0_u64..150, critical in 0_u64..100, waiting in proptest::option::of(0_u64..100),
    ) {
        let waiting = waiting.map(Duration::from_millis);
        let reading = Reading { waiting, critical_for: Duration::from_millis(critical), ..reading(anonymous, live) };
        if decide(&reading) == Action::End {
            prop_assert!(reading.slack() < ByteCount::mib(4));
            prop_assert!(pressure(&reading) >= Pressure::High);
            prop_assert!(waiting.is_some() || pressure(&reading) == Pressure::Critical);
        }
    }

    /// Never above the limit, never a standstill, and an end only where the holders do not fit.
    #[test]
    fn a_process_that_lives_by_the_policy_holds_the_limit_and_gets_on(holders in proptest::collection::vec(holder(), 1..6)) {
        let wanted: u64 = holders.iter().map(|holder| holder.wants).sum();
        let rigid: u64 = holders.iter().filter(|holder| !holder.spills).map(|holder| holder.wants).sum();
        let steps: u64 = holders.iter().map(|holder| holder.wants.div_ceil(holder.step)).sum();
        let enough = 20_000 + 2 * steps;
        let mut process = Simulated { holders, resident: 0, waiting: None, critical: 0, ended: false };
        let mut still = 0;
        for _ in 0..enough {
            let moved = process.tick();
            prop_assert!(FIXED + process.resident <= LIMIT, "{} KiB are resident", FIXED + process.resident);
            still = if moved { 0 } else { still + 1 };
            prop_assert!(still <= 200, "nothing moved for {still} ms: {:?}", process.holders);
            if process.ended || process.holders.iter().all(|holder| holder.wants == 0 && holder.held == 0) {
                break;
            }
        }
        let done = process.holders.iter().all(|holder| holder.wants == 0 && holder.held == 0);
        prop_assert!(process.ended || done, "no end in {enough} ms: {:?}", process.holders);
        if wanted + FIXED <= LIMIT * 6 / 10 {
            prop_assert!(!process.ended, "what fits easily was ended");
        }
        prop_assert!(!process.ended || rigid > 0 || wanted > LIMIT / 2);
    }
}
