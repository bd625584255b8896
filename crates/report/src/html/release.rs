//! What was resident before, at the peak and after.

use super::page;
use crate::{series::number, shown::Shown};
use maud::{Markup, html};
use tidegate_memory::ByteCount;

pub(super) fn draw(shown: &Shown) -> Markup {
    let record = &shown.record;
    let rows = [("before", record.resident_before), ("peak", record.peak), ("after", record.resident_after)];
    let most = rows.iter().filter_map(|(_, bytes)| *bytes).max().unwrap_or_default();
    let lead = match shown.checks.get(2) {
        Some(check) if record.resident_before.is_some() && record.resident_after.is_some() => {
            format!("{}.", check.proof)
        }
        _ => "Not all of it is recorded.".to_owned(),
    };
    let body = html! {
        div.release {
            @for (name, bytes) in rows {
                span { (name) }
                (page::bar(share(bytes, most), if bytes.is_some() { "fill" } else { "" }))
                span.number { (bytes.map_or_else(|| "not recorded".to_owned(), |bytes| bytes.to_string())) }
            }
        }
    };
    page::section("Before, peak, after", Some(&lead), &body)
}

fn share(bytes: Option<ByteCount>, most: ByteCount) -> f64 {
    number(bytes.unwrap_or_default().bytes()) / number(most.bytes()).max(1.0)
}
