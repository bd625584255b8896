//! What a query will need, told before it runs: memory = C x data size.
//!
//! The query is run over samples of its files, each about twice as large as the one before ([`level`]): places from all over
//! them ([`sample`]). What each operator held, and how that grew from sample to sample, gives what it will hold of the whole
//! ([`growth`]), and that what the process will show the kernel, how the query will run, and what it will spill ([`model`]).
//! Nothing is assumed of operators that was not seen of them, so that a new one needs no formula here.

mod growth;
mod level;
mod mode;
mod model;
mod run;
mod sample;
mod seen;
mod taught;

pub use growth::Range;
pub use mode::Mode;
pub use model::{Forecast, Part};
pub use run::{Effort, forecast, input, inputs};
pub(crate) use sample::sampled;
pub(crate) use seen::SampleSeen;
pub use taught::{Lessons, Taught};
