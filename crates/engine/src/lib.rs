//! Session, tables, scans and sinks: one task from SQL text to rows on their way.
//!
//! The way of a query: [`sql`] guards the text and finds the paths in it; [`input`] finds the files and [`table`] their
//! format and columns, [`ipc`] reads those of Arrow, and [`zones`] says which parts of logs matter; the plan is made, wrapped by the governor and executed; [`sink`] takes the rows. [`Task`] is all of
//! that for one query.

mod error;
pub mod forecast;
pub mod input;
mod ipc;
mod names;
pub mod progress;
pub mod rejects;
pub mod sink;
mod sql;
pub mod table;
mod task;
pub mod zones;

pub use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};

/// Parts of Arrow, for who makes rows.
pub mod arrow {
    pub use datafusion::arrow::{
        array::{ArrayRef, StringArray},
        datatypes::{DataType, Field, Schema},
        error::ArrowError,
    };
}

pub use error::{EngineError, Hint};
pub use progress::{Inputs, Progress, Snapshot};
pub use rejects::{MaxRejects, RejectReport, SampledReject};
pub use sql::{check, shape};
pub use task::{
    Finished, GivenTable, GivenUp, Live, MemoryReport, Plans, Replan, Running, Task, TaskOptions, Unfinished,
    threads_of,
};
