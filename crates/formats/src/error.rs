//! What can go wrong before or between records; a bad record is a [`Reject`](crate::Reject), not an error.

/// An error of a format as a whole. None of them passes on a retry with the same input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// No known format fits the sample. Force one: `logs('..')`, `csv('..')`, `json('..')`.
    #[error("no known log format fits: {0}")]
    Unknown(String),
    /// The input is a known thing that needs a step before it can be read; the text says which.
    #[error("{0}")]
    Unsupported(String),
    /// A `types => '...'` text could not be understood.
    #[error("types: {0}")]
    Types(String),
    /// There is nothing to infer columns from: the input is empty.
    #[error("no columns: the input is empty")]
    Empty,
    /// Arrow refused a finished batch. A bug of this crate.
    #[error("batch could not be built")]
    Arrow(#[from] arrow_schema::ArrowError),
}
