//! Findings for people and for programs.

mod checklist;
mod github;
mod json;
mod sarif;
mod text;

pub use checklist::checklist_text;
pub use github::github;
pub use json::json;
pub use sarif::sarif;
pub use text::{Format, Style, findings_text};
