//! The frame of every page, and the small parts that all sections use.

use crate::words::Tone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The most bytes that a page takes, whatever is in the records.
pub const MOST_BYTES: usize = 400_000;

/// Of this crate, not of a record: the only text that is not escaped.
const STYLE: &str = include_str!("style.css");

/// Nothing is fetched, nothing runs, nothing is sent.
const POLICY: &str = include_str!("policy.txt");

/// Returns a whole page.
pub(super) fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY.trim_end());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    }
}

/// Returns a section with a title and a sentence below it.
pub(super) fn section(title: &str, lead: Option<&str>, body: &Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if let Some(lead) = lead { p.lead { (lead) } }
            (body)
        }
    }
}

/// Returns a share from 0 to 1 for a style.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)
}

/// Returns a bar that is filled to a share.
pub(super) fn bar(share: f64, class: &str) -> Markup {
    html! { span.bar { span class=(class) style=(format!("width:{}", percent(share))) {} } }
}

/// Returns the class of a meaning.
pub(super) const fn class_of(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Neutral => "neutral",
    }
}

/// Returns a line about what a list leaves out; nothing if that is nothing.
pub(super) fn left_out(count: u64, what: &str) -> Markup {
    html! {
        @if count > 0 { p.note { "… and " (crate::words::counted(count, &format!("more {what}"))) "." } }
    }
}
