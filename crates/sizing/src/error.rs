//! Why a file cannot be sized.

use std::{io, path::PathBuf};
use tidegate_formats::FormatError;

/// Why a file cannot be sized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SizingError {
    /// The file could not be read. A retry passes when the cause is gone.
    #[error("read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is none that pandas reads line by line; the text says what to do first.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// There is not one record in the sample.
    #[error("the sample holds no record")]
    NoRecord,
    /// A column that is said to be used is not there.
    #[error("no column `{name}`; the columns are {known}")]
    NoColumn {
        /// The column.
        name: String,
        /// Those that there are.
        known: String,
    },
}
