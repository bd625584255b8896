//! What a Python script does with its memory, told from its source, before it runs.
//!
//! *Model.* A source (`source`) is parsed and seen as scopes (`module`). Of each scope it is known what its statements bind,
//! what holds what, and which calls are costly (`values`); which names are reached in hidden ways (`names`); and, where
//! that matters, which statements follow which (`flow`). Rules (`rules`) look at that and make findings; each is a file.
//!
//! Two kinds of knowledge are kept apart. Whether a `del` is *safe* is decided by the flow and by names alone, and errs to the
//! side of silence. Whether it is of *use* is told from what values are, which is a guess by the names of functions and
//! methods; a wrong guess costs a useless line and never changes what a script does.
//!
//! The parser is used in [`check`], the tree everywhere. Nothing is printed here, and nothing is run.

mod calls;
mod check;
mod checklist;
mod columns;
mod error;
mod fate;
mod files;
mod finding;
mod fix;
mod flow;
mod importers;
mod lifetimes;
mod measured;
mod module;
mod names;
mod options;
mod output;
mod query;
mod rules;
mod sizes;
mod source;
mod values;

pub use check::check_source;
pub use checklist::{Answer, Checklist, Proof, Question};
pub use error::CheckError;
pub use fate::{Fate, FileUse, Variable, fates, file_use};
pub use files::{Report, check};
pub use finding::{Edit, Finding, Saving};
pub use fix::{FileFix, apply, fixes};
pub use measured::{Explained, GuardedRun, explain};
pub use options::Options;
pub use output::{Format, Style, checklist_text, findings_text, github, json, sarif};
pub use rules::{RULES, Rule, rule};
pub use source::{Config, Place};
