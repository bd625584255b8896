//! Whether an operator may grow: a pure function, tested alone.
//!
//! *Model.* The capacity is what operators may reserve together. Consumers of several kinds share it:
//! - those that can **spill** share four fifths of it, evenly, but what some of them leave of their part is for the others; who
//!   grows in small steps has nine tenths, as no step will take much at once. In a narrower plan they share two fifths, unless they hold nothing: a first batch is not made smaller by a refusal. Refused,
//!   they spill and go on.
//!   A hash table asks after it has doubled, and the next time it will take twice its size before it gives the old one back:
//!   four times the step that it asks for now. Where that would not fit, it is refused now, while it can still spill. Each
//!   may keep a floor whatever happens: refused with nearly nothing in hand, an operator has nothing to spill and fails;
//! - **sorts** spill too, but need room to merge what they hold before they can write it. What a sort reserves is twice what
//!   it holds ([`Kind::weigh`]). Sorts share a quarter, weighed, evenly among all that the plan has (a narrower plan: an eighth
//!   or a sixteenth, because the keys of narrow rows can be several times as long as the rows), and
//! - their **merges** share the rest in the same way: the rows of a sort and its keys, which can be twice as long. The merge of
//!   spilled runs takes what it gets and makes do with fewer runs at a time;
//! - a group-by that reads back what it spilled has two reservations, one for the **replay** of its groups beside the one that
//!   merges the runs. The replay fails when it is refused, so it has what is left, like the merge of a sort;
//! - the left side of a nested loop join is **collected**, then copied into one batch. Refused, the join takes it in parts, so
//!   each may take a third, which the copy doubles;
//! - all **others** cannot give back. They are granted what is left, and a refusal ends the task.

use std::ops::RangeInclusive;
use tidegate_memory::pressure::Pressure;

/// What a hash table of groups may hold, whatever the memory: the text of its keys is found by 32-bit offsets, and DataFusion
/// panics where they do not suffice.
pub(crate) const MOST_IN_A_TABLE: usize = (2 << 30) - (128 << 20);

/// What the step of a group-by (not one of grouping sets) that makes states may hold: one of so many parts of what operators may
/// have, within these bounds.
/// Refused, it hands its groups on to the step that merges them. More would be of little use: that step has the same groups, and
/// of the rest of the memory it makes more.
const STATES_PARTS: usize = 16;
const STATES: RangeInclusive<usize> = (1 << 20)..=(32 << 20);

/// Returns whether a consumer may not grow to `wanted` bytes even where there is memory. It spills then, or hands on what it has.
pub fn is_beyond_use(name: &str, wanted: usize, capacity: Option<usize>) -> bool {
    if name.starts_with("PartialHashAggregateStream") {
        return wanted > most_states(capacity);
    }
    wanted > MOST_IN_A_TABLE && name.contains("HashAggregateStream")
}

/// Returns what the step of a group-by that makes states may hold, of so much that operators may have.
pub fn most_states(capacity: Option<usize>) -> usize {
    let part = capacity.map_or(*STATES.end(), |capacity| capacity / STATES_PARTS);
    part.clamp(*STATES.start(), *STATES.end())
}

/// Returns what those that can spill share of the capacity, unless they grow in small steps or the plan is a narrower one.
pub fn shared_by_spilling(capacity: usize) -> usize {
    capacity / 5 * 4
}

/// A step is small if it is no more than one of so many parts of what operators may have.
const SMALL_STEPS: usize = 32;

/// What kind of consumer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Spills when refused.
    Spilling,
    /// A sort: merges in memory and spills when refused.
    Sorting,
    /// The merge of a sort.
    Merging,
    /// A group-by that reads back what it spilled, beside the merge of the runs: fails when refused.
    Replaying,
    /// Collects rows to copy them; takes fewer at a time when refused.
    Collecting,
    /// Fails when refused.
    Rigid,
}

impl Kind {
    /// Returns the kind of a DataFusion consumer from what it declares.
    pub fn of(name: &str, can_spill: bool) -> Self {
        if name.starts_with("ExternalSorterMerge") {
            Self::Merging
        } else if name.starts_with("ExternalSorter") {
            Self::Sorting
        } else if name.starts_with("NestedLoopJoinLoad") {
            Self::Collecting
        } else if can_spill {
            Self::Spilling
        } else {
            Self::Rigid
        }
    }

    /// Returns the kind of a request by a consumer of this kind and name, of which other reservations hold something.
    #[must_use]
    pub fn beside_others(self, name: &str) -> Self {
        if self == Self::Spilling && name.contains("AggregateStream") { Self::Replaying } else { self }
    }

    /// Returns what a reservation of this kind stands for. DataFusion's sort reserves every batch twice, once to hold and once
    /// to sort it, but sorts one batch at a time.
    pub fn weigh(self, reserved: usize) -> usize {
        if self == Self::Sorting { reserved / 2 } else { reserved }
    }

    /// Returns whether the kind gives memory back by itself when it is refused.
    pub fn gives_back(self) -> bool {
        matches!(self, Self::Spilling | Self::Sorting)
    }
}

/// What is asked, and how things stand. All sizes in bytes, weighed by [`Kind::weigh`].
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub kind: Kind,
    /// What the consumer holds already.
    pub held: usize,
    /// What it asks for in addition.
    pub additional: usize,
    /// What all consumers may hold together.
    pub capacity: usize,
    /// What they hold together.
    pub used: usize,
    /// What those among them hold that give back.
    pub returnable: usize,
    /// The largest step in which the asking one has grown, with the one that it asks for.
    pub step: usize,
    /// What is free in fact.
    pub free: usize,
    /// What the others of its kind hold, the least first: of sorts and merges all, else those that hold something.
    pub others: &'a [usize],
    /// The sorts' share of the capacity is one of so many parts; the merges have the rest. Above 4 the plan is a narrower one.
    pub sort_parts: usize,
    /// How tight memory is.
    pub pressure: Pressure,
}

/// Returns whether the consumer may grow.
pub fn may_grow(request: &Request<'_>) -> bool {
    let wanted = request.held.saturating_add(request.additional);
    let total = request.used.saturating_add(request.additional);
    if request.pressure == Pressure::Critical {
        return false;
    }
    let sharers = request.others.len() + 1;
    let sorts = request.capacity / request.sort_parts.max(1);
    let merges = request.capacity - sorts;
    match request.kind {
        // Refused in memory, these fail; so while memory is calm in fact, they may pass the capacity by half.
        Kind::Merging if request.pressure == Pressure::Calm => {
            total <= request.capacity / 2 * 3 && wanted <= merges / sharers
        }
        Kind::Replaying if request.pressure == Pressure::Calm => total <= request.capacity / 2 * 3,
        Kind::Rigid | Kind::Replaying => total <= request.capacity,
        _ if wanted <= floor(request) => total <= request.capacity,
        Kind::Merging => total <= request.capacity && wanted <= merges / sharers,
        Kind::Sorting => {
            let share = sorts / sharers;
            request.pressure < Pressure::Rising && total <= request.capacity && wanted <= share
        }
        Kind::Collecting => {
            request.pressure < Pressure::Rising && total <= request.capacity && wanted <= request.capacity / 3
        }
        Kind::Spilling => {
            let kept = request.used.saturating_sub(request.returnable);
            let left = request.capacity.saturating_sub(kept);
            let narrow = request.sort_parts > 4 && request.held > 0;
            let shared = match request.step {
                _ if narrow => request.capacity / 5 * 2,
                small if small <= request.capacity / SMALL_STEPS => request.capacity / 10 * 9,
                _ => shared_by_spilling(request.capacity),
            };
            request.pressure < Pressure::Rising
                && total <= request.capacity
                && wanted <= share(shared.min(left), request.others)
                && request.step.saturating_mul(4) <= request.free
        }
    }
}

/// Returns what one may have of `whole` if the others hold so much, the least first: an even part, and of what those leave who
/// hold less than an even part, another (max-min fairness; Bertsekas and Gallager, Data Networks, 1992, section 6.5.2).
fn share(whole: usize, others: &[usize]) -> usize {
    let (mut left, mut sharers) = (whole, others.len() + 1);
    for held in others {
        if *held > left / sharers {
            break;
        }
        left -= held;
        sharers -= 1;
    }
    left / sharers
}

/// What a consumer may keep in any case: enough for two batches and a table to begin with.
fn floor(request: &Request<'_>) -> usize {
    (request.capacity / 32).max(512 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn request(kind: Kind, held: usize, additional: usize) -> Request<'static> {
        Request {
            kind,
            held: held * MIB,
            additional: additional * MIB,
            capacity: 100 * MIB,
            used: 50 * MIB,
            returnable: 40 * MIB,
            step: additional * MIB,
            free: 100 * MIB,
            others: &[40 * MIB],
            sort_parts: 4,
            pressure: Pressure::Calm,
        }
    }

    #[test]
    fn spilling_consumers_share_four_fifths() {
        assert!(may_grow(&request(Kind::Spilling, 20, 20)));
        assert!(!may_grow(&request(Kind::Spilling, 20, 21)));
        let crowded = Request { used: 95 * MIB, returnable: 40 * MIB, ..request(Kind::Spilling, 20, 3) };
        assert!(!may_grow(&crowded), "rigid consumers hold 55, which leaves 45 for two");
        let in_small_steps = |held| may_grow(&Request { others: &[], ..request(Kind::Spilling, held, 1) });
        assert!(in_small_steps(89) && !in_small_steps(90), "who grows slowly has more");
    }

    #[test]
    fn what_one_leaves_of_its_part_is_for_the_others() {
        assert_eq!(share(80, &[]), 80);
        assert_eq!(share(80, &[40]), 40);
        assert_eq!(share(80, &[60]), 40, "who holds more than its part takes nothing from others");
        assert_eq!(share(80, &[2, 4]), 74);
        assert_eq!(share(90, &[0, 10, 50]), 40);
        assert_eq!(share(90, &[0, 30, 50]), 30);
    }

    #[test]
    fn a_table_of_groups_ends_before_its_offsets_do() {
        let beyond = |name, wanted| is_beyond_use(name, wanted, None);
        assert!(beyond("FinalHashAggregateStream[1]", 2 << 30) && !beyond("FinalHashAggregateStream[1]", 1 << 30));
        assert!(!beyond("ExternalSorter[0]", 8 << 30));
    }

    #[test]
    fn states_are_handed_on_before_they_fill_the_memory() {
        let beyond = |wanted, capacity: Option<usize>| {
            is_beyond_use("PartialHashAggregateStream[0]", wanted * MIB, capacity.map(|capacity| capacity * MIB))
        };
        assert!(beyond(33, None) && !beyond(32, None));
        assert!(beyond(33, Some(10_000)) && !beyond(32, Some(10_000)));
        assert!(beyond(5, Some(64)) && !beyond(4, Some(64)));
        assert!(!beyond(1, Some(2)));
    }

    #[test]
    fn a_narrower_plan_spills_earlier() {
        let narrower = |held, sort_parts| may_grow(&Request { sort_parts, ..request(Kind::Spilling, held, 1) });
        assert!(narrower(49, 4) && !narrower(50, 4));
        assert!(narrower(19, 8) && !narrower(20, 8));
        assert!(narrower(19, 16) && !narrower(20, 16), "it must still hold what it merges");
        assert!(may_grow(&Request { sort_parts: 8, ..request(Kind::Spilling, 0, 25) }), "nothing to spill yet");
    }

    #[test]
    fn a_table_that_could_not_double_again_spills() {
        let after =
            |step, free| may_grow(&Request { step: step * MIB, free: free * MIB, ..request(Kind::Spilling, 20, 1) });
        assert!(after(8, 32) && !after(9, 32));
        let sort = Request { step: 50 * MIB, free: MIB, ..request(Kind::Sorting, 10, 1) };
        assert!(may_grow(&sort), "a sort grows by batches");
    }

    #[test]
    fn pressure_refuses_those_that_can_spill_first() {
        let rising = |kind, held| may_grow(&Request { pressure: Pressure::Rising, ..request(kind, held, 1) });
        assert!(!rising(Kind::Spilling, 10));
        assert!(rising(Kind::Spilling, 1), "below the floor there is nothing to spill");
        assert!(rising(Kind::Rigid, 10));
        assert!(!may_grow(&Request { pressure: Pressure::Critical, ..request(Kind::Rigid, 0, 1) }));
    }

    #[test]
    fn a_merge_gets_what_its_sort_may_hold() {
        assert!(may_grow(&request(Kind::Sorting, 10, 2)));
        assert!(!may_grow(&request(Kind::Sorting, 10, 3)));
        assert!(may_grow(&request(Kind::Merging, 10, 27)));
        assert!(!may_grow(&request(Kind::Merging, 10, 28)));
    }

    #[test]
    fn what_is_collected_leaves_room_for_its_copy() {
        assert_eq!(Kind::of("NestedLoopJoinLoad[0]", false), Kind::Collecting);
        assert_eq!(Kind::of("NestedLoopJoinLoad[fallback]", true), Kind::Collecting);
        assert!(may_grow(&request(Kind::Collecting, 30, 3)));
        assert!(!may_grow(&request(Kind::Collecting, 30, 4)));
    }

    #[test]
    fn the_replay_of_a_group_by_has_what_is_left() {
        let kind = Kind::of("FinalHashAggregateStream[0]", true);
        assert_eq!(kind, Kind::Spilling);
        assert_eq!(kind.beside_others("FinalHashAggregateStream[0]"), Kind::Replaying);
        assert_eq!(kind.beside_others("SpillingWindow[0]"), Kind::Spilling, "it can spill whatever it holds");
        let narrow = |kind| may_grow(&Request { sort_parts: 32, ..request(kind, 40, 10) });
        assert!(narrow(Kind::Replaying) && !narrow(Kind::Spilling));
    }

    #[test]
    fn nobody_passes_the_capacity_while_memory_is_calm_but_who_would_fail_with_all_read() {
        for kind in [Kind::Spilling, Kind::Sorting, Kind::Merging, Kind::Replaying, Kind::Collecting, Kind::Rigid] {
            let rising = Request { used: 99 * MIB, pressure: Pressure::Rising, ..request(kind, 0, 2) };
            assert!(!may_grow(&rising), "{kind:?}");
            let calm = Request { pressure: Pressure::Calm, ..rising };
            assert_eq!(may_grow(&calm), matches!(kind, Kind::Merging | Kind::Replaying), "{kind:?}");
        }
    }
}
