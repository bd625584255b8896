//! What is checked, before it is parsed: text and its encoding, cells of notebooks, nesting, what is to be ignored.

mod config;
mod encoding;
mod nesting;
mod notebook;
mod suppress;
mod text;

pub use config::Config;
pub(crate) use config::config_of;
pub(crate) use nesting::is_too_deep;
pub(crate) use suppress::Suppressions;
pub use text::Place;
pub(crate) use text::{Refusal, Source, SourceKind};
