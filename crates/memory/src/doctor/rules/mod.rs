//! The rules of the advice, by what they look at.

pub(super) mod limits;
pub(super) mod memory;
pub(super) mod places;
