//! Plans that were rewritten answer as those they replace, and come to their end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by a panic"
)]
#![expect(clippy::cast_precision_loss, reason = "small numbers")]

mod distinct;
mod exchange;
mod joins;
mod percentiles;
mod tables;
mod windows;
