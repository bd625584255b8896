//! Whether an operator may grow: a pure function, tested alone.
//!
//! *Model.* The capacity is what operators may reserve together. Consumers of five kinds share it:
//! - those that can **spill** share four fifths of it, evenly among those that hold something. Refused, they spill and go on.
//!   A hash table asks after it has doubled, and the next time it will take twice its size before it gives the old one back:
//!   four times the step that it asks for now. Where that would not fit, it is refused now, while it can still spill. Each
//!   may keep a floor whatever happens: refused with nearly nothing in hand, an operator has nothing to spill and fails;
//! - **sorts** spill too, but need room to merge what they hold before they can write it. What a sort reserves is twice what
//!   it holds ([`Kind::weigh`]). Sorts share a quarter, weighed, evenly among all that the plan has (a narrower plan: an eighth
//!   or a sixteenth, because the keys of narrow rows can be several times as long as the rows), and
//! - their **merges** share the rest in the same way: the rows of a sort and its keys, which can be twice as long. The merge of
//!   spilled runs takes what it gets and makes do with fewer runs at a time;
//! - the left side of a nested loop join is **collected**, then copied into one batch. Refused, the join takes it in parts, so
//!   each may take a third, which the copy doubles;
//! - all **others** cannot give back. They are granted what is left, and a refusal ends the task.

use tidegate_memory::pressure::Pressure;

/// What kind of consumer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Spills when refused.
    Spilling,
    /// A sort: merges in memory and spills when refused.
    Sorting,
    /// The merge of a sort.
    Merging,
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
pub struct Request {
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
    /// How many share with the asking one, itself among them: for sorts and merges all of the kind, else those that hold
    /// something.
    pub sharers: usize,
    /// The sorts' share of the capacity is one of so many parts; the merges have the rest. The share of those that spill shrinks
    /// with it: four fifths of the capacity at 4 parts, half of that at 8.
    pub sort_parts: usize,
    /// How tight memory is.
    pub pressure: Pressure,
}

/// Returns whether the consumer may grow.
pub fn may_grow(request: &Request) -> bool {
    let wanted = request.held.saturating_add(request.additional);
    let total = request.used.saturating_add(request.additional);
    if request.pressure == Pressure::Critical {
        return false;
    }
    let sharers = request.sharers.max(1);
    let sorts = request.capacity / request.sort_parts.max(1);
    let merges = request.capacity - sorts;
    match request.kind {
        Kind::Rigid => total <= request.capacity,
        // Refused in memory, a merge fails; so while memory is calm in fact, it may pass the capacity by half.
        Kind::Merging if request.pressure == Pressure::Calm => {
            total <= request.capacity / 2 * 3 && wanted <= merges / sharers
        }
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
            let shared =
                (request.capacity / 5 * 16 / request.sort_parts.max(4)).min(request.capacity.saturating_sub(kept));
            request.pressure < Pressure::Rising
                && total <= request.capacity
                && wanted <= shared / sharers
                && request.step.saturating_mul(4) <= request.free
        }
    }
}

/// What a consumer may keep in any case: enough for two batches and a table to begin with.
fn floor(request: &Request) -> usize {
    (request.capacity / 32).max(512 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn request(kind: Kind, held: usize, additional: usize) -> Request {
        Request {
            kind,
            held: held * MIB,
            additional: additional * MIB,
            capacity: 100 * MIB,
            used: 50 * MIB,
            returnable: 40 * MIB,
            step: additional * MIB,
            free: 100 * MIB,
            sharers: 2,
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
    }

    #[test]
    fn a_narrower_plan_spills_earlier() {
        let narrower = |held, sort_parts| may_grow(&Request { sort_parts, ..request(Kind::Spilling, held, 1) });
        assert!(narrower(39, 4) && !narrower(40, 4));
        assert!(narrower(19, 8) && !narrower(20, 8));
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
    fn nobody_passes_the_capacity_but_a_merge_while_memory_is_calm() {
        for kind in [Kind::Spilling, Kind::Sorting, Kind::Merging, Kind::Collecting, Kind::Rigid] {
            let rising = Request { used: 99 * MIB, pressure: Pressure::Rising, ..request(kind, 0, 2) };
            assert!(!may_grow(&rising), "{kind:?}");
            let calm = Request { pressure: Pressure::Calm, ..rising };
            assert_eq!(may_grow(&calm), kind == Kind::Merging, "{kind:?}");
        }
    }
}
