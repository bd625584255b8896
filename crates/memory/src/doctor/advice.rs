//! Advice about one machine: every rule is asked, and those that apply are told, the gravest first.

use super::{
    Finding,
    rules::{limits, memory, places},
};
use crate::machine::Machine;

/// A rule looks at a machine and says nothing where all is well.
type Rule = fn(&Machine) -> Option<Finding>;

/// Every rule. Among equals, these are told in this order.
const RULES: [Rule; 22] = [
    memory::small_group,
    memory::group_nearly_full,
    memory::soft_line,
    memory::little_available,
    memory::refuses_to_promise,
    memory::promises_all,
    memory::no_swap,
    memory::swap_nearly_full,
    limits::address_space,
    limits::data,
    limits::stack,
    limits::open_files,
    limits::processes,
    limits::core_file,
    limits::fewer_cores,
    places::temp_in_memory,
    places::temp_small,
    places::shared_memory_small,
    places::stalled,
    places::huge_pages_always,
    places::huge_pages_reserved,
    places::large_base_pages,
];

/// Returns what on this machine will hurt a job that needs memory, the gravest first.
pub fn advice(machine: &Machine) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| rule(machine)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}
