//! Which values of a column under construction are null.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// Values that share a word.
const WORD: usize = 64;

/// One bit for each value, set where there is one. They are gathered in a word, so that most pushes touch no memory but this.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    length: usize,
    nulls: usize,
    /// The bits of whole words.
    words: Vec<u64>,
    /// The bits after them.
    word: u64,
}

impl Validity {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Appends whether there is a value.
    #[inline]
    pub(crate) fn push(&mut self, valid: bool) {
        self.word |= u64::from(valid) << (self.length % WORD);
        self.nulls += usize::from(!valid);
        self.length += 1;
        if self.length.is_multiple_of(WORD) {
            self.end_word();
        }
    }

    #[cold]
    fn end_word(&mut self) {
        self.words.push(self.word);
        self.word = 0;
    }

    /// Cuts back to `length` values.
    pub(crate) fn truncate(&mut self, length: usize) {
        if length >= self.length {
            return;
        }
        self.words.push(self.word);
        self.word = self.words.get(length / WORD).copied().unwrap_or_default() & ((1 << (length % WORD)) - 1);
        self.words.truncate(length / WORD);
        let valid = self.words.iter().chain([&self.word]).map(|word| word.count_ones() as usize).sum::<usize>();
        (self.length, self.nulls) = (length, length - valid);
    }

    /// Returns the nulls, if there are any, and leaves no values.
    pub(crate) fn finish(&mut self) -> Option<NullBuffer> {
        let Self { length, nulls, mut words, word } = std::mem::take(self);
        self.words.reserve(words.len() + 1);
        words.push(word);
        (nulls > 0).then(|| NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_what_was_pushed_and_not_cut_off(
            runs in prop::collection::vec((prop::bool::ANY, 0..150_usize, prop::option::of(0..300_usize)), 0..8)
        ) {
            let (mut validity, mut plain) = (Validity::default(), Vec::new());
            for (valid, count, cut) in runs {
                for _ in 0..count {
                    validity.push(valid);
                    plain.push(valid);
                }
                if let Some(length) = cut {
                    validity.truncate(length);
                    plain.truncate(length);
                }
                prop_assert_eq!(validity.len(), plain.len());
            }
            for _ in 0..2 {
                let nulls = validity.finish();
                prop_assert_eq!(nulls.is_some(), plain.contains(&false));
                if let Some(nulls) = nulls {
                    prop_assert_eq!(nulls.iter().collect::<Vec<_>>(), plain.clone());
                }
                prop_assert_eq!(validity.len(), 0);
                plain.clear();
            }
        }
    }
}
