//! The words for values.

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A `DataFrame` of pandas or Polars, or a table of Arrow.
    Frame,
    /// A `Series`.
    Series,
    /// An array of NumPy.
    Array,
    /// A list or another container of Python's own.
    List,
    /// What `groupby`, `rolling`, `.loc`, `.str` give: it holds its frame and makes others.
    Grouped,
    /// Frames that come one after another.
    Reader,
    /// A number, a text, a shape: nothing that could be large, and nothing that holds anything.
    Plain,
}

impl Kind {
    /// Returns what it is called in a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Series => "column",
            Self::Array => "array",
            Self::List => "list",
            Self::Grouped => "grouped frame",
            Self::Reader => "reader",
            Self::Plain => "value",
        }
    }
}

/// How large a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Size {
    /// Small whatever the data: a few rows, an aggregate, a literal.
    #[default]
    Small,
    /// Nobody knows.
    Unknown,
    /// It grows with the data.
    Large,
}

/// A value as it is known before the program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// What it is, if that is known.
    pub kind: Option<Kind>,
    /// How large it is.
    pub size: Size,
    /// Names whose memory it may share or keep alive.
    pub holds: Vec<&'a str>,
    /// What made it: `read_csv`, `merge`.
    pub made_by: Option<&'a str>,
}

impl<'a> Value<'a> {
    /// A number, a text, a small aggregate.
    pub(crate) fn plain() -> Self {
        Self { kind: Some(Kind::Plain), ..Self::default() }
    }

    /// Nothing is known of it but what it may hold.
    pub(crate) fn unknown(holds: Vec<&'a str>) -> Self {
        Self { kind: None, size: Size::Unknown, holds, made_by: None }
    }

    /// A new value that shares nothing.
    pub(crate) fn fresh(kind: Kind, size: Size) -> Self {
        Self { kind: Some(kind), size, holds: Vec::new(), made_by: None }
    }

    /// Returns whether it is a value whose memory is worth a thought.
    pub(crate) fn is_large(&self) -> bool {
        self.size == Size::Large && self.is_data()
    }

    /// Returns whether it is data, whose end nobody notices but the memory.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.kind, Some(Kind::Frame | Kind::Series | Kind::Array | Kind::List))
    }

    /// Returns whether nothing is in it whose end somebody could notice.
    pub(crate) fn is_known(&self) -> bool {
        self.is_data() || matches!(self.kind, Some(Kind::Plain | Kind::Grouped))
    }

    /// Returns it with what made it, unless that is known.
    pub(crate) fn by(mut self, name: &'a str) -> Self {
        self.made_by = self.made_by.or(Some(name));
        self
    }

    /// Adds what it holds. Of many names, some may be there twice: looking for each would take too long.
    pub(crate) fn hold(&mut self, names: &[&'a str]) {
        const FEW: usize = 32;
        for name in names {
            if self.holds.len() >= FEW || !self.holds.contains(name) {
                self.holds.push(name);
            }
        }
    }

    /// Returns what is one or the other.
    #[expect(clippy::needless_pass_by_value, reason = "it is what joins values in `reduce`")]
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.hold(&other.holds);
        Self {
            kind: if self.kind == other.kind { self.kind } else { None },
            size: self.size.max(other.size),
            holds: self.holds,
            made_by: self.made_by.or(other.made_by),
        }
    }
}

/// What a call costs memory, so that others should be gone by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Data come in.
    Read,
    /// A copy of about what it is given.
    Copy,
    /// Several inputs become one.
    Combine,
    /// A sort, and the copy that it makes.
    Sort,
    /// Groups, and their states.
    Group,
    /// A table that may be much larger than its input.
    Reshape,
    /// A call for each row or group.
    Apply,
    /// A model is trained.
    Fit,
    /// A file is written, in part from copies.
    Write,
}
