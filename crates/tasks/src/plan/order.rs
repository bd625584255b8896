//! In which order units are started, if memory and dependencies leave a choice.

use super::Unit;
use std::cmp::Reverse;
use tidegate_memory::ByteCount;

/// Returns the places of units in the order in which they are started: what comes after others later, and the largest first,
/// so that small ones fill what is left beside them. `size` is the bound of a unit's forecast, or its input if there is none.
pub fn order(units: &[&Unit], size: impl Fn(usize) -> ByteCount) -> Vec<usize> {
    let mut places: Vec<(usize, &Unit)> = units.iter().copied().enumerate().collect();
    places.sort_by_key(|(place, unit)| (unit.depth, Reverse(size(*place)), *place));
    places.into_iter().map(|(place, _)| place).collect()
}
