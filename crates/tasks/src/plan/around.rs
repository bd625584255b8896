//! Plans around what is wrong, so that one file does not keep all others from being run.

use super::{
    Missing, Unit,
    make::{Fault, Maker, Planned},
};
use crate::{Fingerprint, Problem, file::TaskFile};
use std::collections::{HashMap, HashSet};

/// Plans what can be run, and returns it and what is wrong with the rest. Of several units that cannot be run together, those
/// are left out that are new by `known`.
///
/// # Errors
/// What is wrong, if nothing can be run for that.
pub(super) fn plan_around(
    file: &TaskFile,
    known: &HashMap<String, Fingerprint>,
) -> Result<(Vec<Unit>, Vec<Problem>), Vec<Problem>> {
    let mut maker = Maker::of(file, Missing::Awaited);
    let mut problems = Vec::new();
    loop {
        let Planned { units, faults, unread } = maker.plan();
        if faults.is_empty() {
            problems.extend(unread);
            return Ok((units, problems));
        }
        let left_out = faults.iter().flat_map(|fault| newest(fault, &units, known)).map(str::to_owned);
        let left_out: HashSet<String> = left_out.filter(|name| !maker.left_out.contains(name)).collect();
        let is_stuck = left_out.is_empty() || faults.iter().any(|fault| fault.units.is_empty());
        problems.extend(faults.into_iter().map(|fault| fault.problem));
        if is_stuck {
            return Err(problems);
        }
        maker.left_out.extend(left_out);
    }
}

/// Returns the units of a fault that nobody knew; else those that have changed; else all.
fn newest<'a>(fault: &'a Fault, units: &[Unit], known: &HashMap<String, Fingerprint>) -> Vec<&'a str> {
    let is_new = |name: &&str| !known.contains_key(*name);
    let has_changed = |name: &&str| {
        let unit = units.iter().find(|unit| unit.name == **name);
        unit.is_none_or(|unit| known.get(*name) != Some(&unit.key))
    };
    let all = || fault.units.iter().map(String::as_str);
    let new: Vec<&str> = all().filter(is_new).collect();
    if !new.is_empty() {
        return new;
    }
    let changed: Vec<&str> = all().filter(has_changed).collect();
    if changed.is_empty() { all().collect() } else { changed }
}
