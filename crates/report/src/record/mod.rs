//! The record of a run: what was asked, what was expected, what happened, where the memory was.
//!
//! It is what the history keeps, as JSON, so that it outlives versions of the program: whatever is missing has a default, and
//! what is not known is passed over. Sizes are in bytes, and times end with their unit.

mod ended;
mod environment;
mod event;
mod forecast;
mod guarded;
mod memory;
mod number;
mod run;
pub(crate) mod size;
mod timeline;

pub use ended::{Ended, How};
pub use environment::Environment;
pub use event::{Event, EventKind};
pub use forecast::{Forecast, ForecastRow, Mode};
pub use guarded::{ColumnHeld, Guarded, Leak, LineHeld, LineRule, Phase, Used, VariableHeld};
pub use memory::{AtPeak, Bounds, Memory, Operator};
pub use run::{AllowedRejects, Input, Kind, Lines, RejectSample, Rejects, Replan, RunRecord, Spilled, VERSION};
pub use timeline::{Pressure, Sample};
