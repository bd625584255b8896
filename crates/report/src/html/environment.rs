//! Where it ran and what it read.

use super::page;
use crate::{
    record::{Environment, RunRecord},
    shown::Shown,
    words,
};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

pub(super) fn draw(shown: &Shown) -> Markup {
    let record = &shown.record;
    let facts = facts(record);
    html! {
        @if !facts.is_empty() || !record.inputs.is_empty() {
            section {
                h2 { "Environment" }
                dl.environment {
                    @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
                }
                @if !record.inputs.is_empty() {
                    h3 { "Read" }
                    table.inputs {
                        @for input in &record.inputs { tr { td.path { (input.path) } td.number { (input.bytes) } } }
                    }
                    (page::left_out(shown.left_out.inputs as u64, "file"))
                }
            }
        }
    }
}

fn facts(record: &RunRecord) -> Vec<(&'static str, String)> {
    let Environment { host, kernel, cores, memory, cgroup_version, swap, temp_folder, tidegate_version, .. } =
        &record.environment;
    let size = |bytes: &Option<ByteCount>| bytes.map(|bytes| bytes.to_string());
    let facts = [
        ("Host", host.clone()),
        ("Kernel", kernel.clone()),
        ("Cores", cores.map(words::grouped)),
        ("Memory", size(memory)),
        ("cgroup", cgroup_version.map(|version| cgroup(version, record.environment.cgroup_limit))),
        ("Swap", size(swap)),
        ("Temporary folder", temp_folder.clone()),
        ("Free there", size(&record.environment.temp_free)),
        ("Spill limit", size(&record.spill_limit)),
        ("Tidegate", tidegate_version.clone()),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn cgroup(version: u64, limit: Option<ByteCount>) -> String {
    let limit = limit.map_or_else(|| "no limit".to_owned(), |limit| format!("limit {limit}"));
    format!("version {version}, {limit}")
}
