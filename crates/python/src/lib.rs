//! The private half of the Python package `tidegate`: workers, batches and what they become.
//!
//! *Model.* A [`pool::Pool`] starts workers and keeps them warm. A query of it is a [`batches::Batches`], a stream of
//! Arrow batches that is read once; so are the batches of a [`table::Table`], and those that Python code makes. From
//! batches come a table, columns for NumPy and pandas, a matrix in a file, or a capsule that any Arrow library takes.
//!
//! *Concurrency.* Whoever waits does it without the interpreter's lock. Signals are looked after while it waits, so
//! that Ctrl-C ends a query. Each `Batches` has one lock, held by the thread that reads.
//!
//! Types, documentation and checks of arguments are in `python/tidegate`; this crate is thin.

mod batches;
mod cells;
mod check;
mod columns;
mod exchange;
mod faults;
mod feed;
mod given;
mod matrix;
mod pool;
mod rows;
mod sockets;
mod table;

/// What `tidegate._native` exports.
#[pyo3::pymodule]
#[pyo3(name = "_native")]
mod native {
    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use super::{
        batches::{Batches, KeptTable},
        check::check_source,
        columns::Column,
        feed::spool_folder,
        pool::{Pool, limit_bytes, process_resident},
        sockets::inherited_sockets,
        table::Table,
    };
}
