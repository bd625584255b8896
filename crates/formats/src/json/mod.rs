//! One JSON object a line (NDJSON, JSON Lines).
//!
//! Every line is validated as a whole, whatever columns the query asks for. Keys that are not among the columns are passed
//! over; a key that is missing is NULL; of a key that appears twice, the first value counts. A value of another type than its
//! column's makes the line a reject, except that a text column takes every value: strings decoded, others as their JSON text.
//! Bytes that are not UTF-8 become U+FFFD.

mod decoder;
mod escape;
mod infer;
mod layout;
mod needles;
mod object;
mod scan;
mod usual;
mod value;

pub use decoder::JsonDecoder;
pub use layout::JsonLayout;
pub(crate) use needles::needles;

#[cfg(test)]
mod tests;
