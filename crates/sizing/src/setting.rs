//! The ways to read a file that are compared.

/// A way to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Without options.
    Default,
    /// `dtype_backend="pyarrow"`.
    ArrowBackend,
    /// `engine="pyarrow"`.
    ArrowEngine,
    /// Both.
    ArrowBoth,
    /// `parse_dates` alone.
    Dates,
    /// `category` for texts that repeat.
    Categories,
    /// `category`, dates, and the smallest numbers that hold the values of the sample.
    Tuned,
    /// `usecols` alone.
    Used,
    /// `usecols` and all that is tuned.
    UsedTuned,
}

impl Setting {
    /// Those that are compared for delimited text.
    pub(crate) const OF_CSV: [Self; 9] = [
        Self::Default,
        Self::ArrowBackend,
        Self::ArrowEngine,
        Self::ArrowBoth,
        Self::Dates,
        Self::Categories,
        Self::Tuned,
        Self::Used,
        Self::UsedTuned,
    ];

    /// Those that are compared for JSON lines.
    pub(crate) const OF_JSON: [Self; 4] = [Self::Default, Self::ArrowBackend, Self::Tuned, Self::UsedTuned];

    /// Returns what it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ArrowBackend => "dtype_backend=\"pyarrow\"",
            Self::ArrowEngine => "engine=\"pyarrow\"",
            Self::ArrowBoth => "engine and backend \"pyarrow\"",
            Self::Dates => "parse_dates",
            Self::Categories => "category",
            Self::Tuned => "tuned",
            Self::Used => "usecols",
            Self::UsedTuned => "usecols, tuned",
        }
    }

    /// Returns whether only the columns that are used are read.
    pub(crate) fn is_narrow(self) -> bool {
        matches!(self, Self::Used | Self::UsedTuned)
    }

    /// Returns whether `pyarrow` must be there for it.
    pub(crate) fn needs_pyarrow(self) -> bool {
        matches!(self, Self::ArrowBackend | Self::ArrowEngine | Self::ArrowBoth)
    }
}
