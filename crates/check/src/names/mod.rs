//! What names mean: modules behind imports, names that a text mentions, names that are reached in ways a flow does not show.

mod imports;
mod mentioned;
mod reached;

pub(crate) use imports::Imports;
pub(crate) use mentioned::{Mentioned, mentioned};
pub(crate) use reached::{Reached, reached};
