//! The worker's side: what the serving loop is built from.
//!
//! The loop itself belongs to the engine. It takes [`standard_input`], [opens](open) it, and reads [`Requests`] in a thread
//! of their own, so that a cancel is heard while rows are written. **When the requests end, the client is gone: the worker
//! ends then, whatever it is doing.** Nothing else ends it when its parent dies. A worker that starts processes gives them
//! another standard input, or its socket stays open in them.

mod replies;
mod requests;
mod rows;
#[cfg(test)]
mod tests;

pub use replies::Replies;
pub use requests::{Requests, open, standard_input};
pub use rows::RowWriter;
