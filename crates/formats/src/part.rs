//! A part of some text.

use std::ops::Deref;

/// A part of some text that knows what follows it: a search that looks at many bytes at a time, or a copy, may go beyond it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Begins with the part.
    from: &'a [u8],
    length: usize,
}

impl<'a> Part<'a> {
    /// Returns the first `length` bytes of `from`, if there are so many.
    #[inline]
    pub(crate) fn new(from: &'a [u8], length: usize) -> Option<Self> {
        (length <= from.len()).then_some(Self { from, length })
    }

    /// Returns the bytes.
    #[inline]
    pub(crate) fn text(self) -> &'a [u8] {
        self.from.get(..self.length).unwrap_or(self.from)
    }

    /// Returns how many bytes there are.
    #[inline]
    pub(crate) fn length(self) -> usize {
        self.length
    }

    /// Returns the part's bytes and all that follow.
    #[inline]
    pub(crate) fn and_more(self) -> &'a [u8] {
        self.from
    }

    /// Returns what is before and behind the byte at a place of the part, if it has it.
    #[inline]
    pub(crate) fn split_around(self, at: usize) -> Option<(Self, Self)> {
        let length = self.length.checked_sub(at + 1)?;
        Some((Self { from: self.from, length: at }, Self { from: self.from.get(at + 1..)?, length }))
    }
}

impl<'a> From<&'a [u8]> for Part<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self { from: text, length: text.len() }
    }
}

impl Deref for Part<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.text()
    }
}

/// Two parts are equal if their bytes are, whatever follows.
impl PartialEq for Part<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}
