//! What can go wrong with a report.

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The text is no record of a run. A retry does not pass; the record is damaged, or something else.
    #[error("not the record of a run: {0}")]
    Record(#[from] serde_json::Error),
}
