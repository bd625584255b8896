//! Finds a byte that is likely to be close.
//!
//! Fields of logs are short. `memchr` is hard to beat over a hundred bytes, but its call costs more than looking at two
//! words.

use memchr::{memchr, memchr2};
use wide::u8x16;

const ONES: u64 = 0x0101_0101_0101_0101;
pub(crate) const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Returns the place of the first `byte`.
#[inline]
pub(crate) fn near(byte: u8, bytes: &[u8]) -> Option<usize> {
    near_word(bytes, |word| zero_bytes(word ^ repeated(byte)), |rest| memchr(byte, rest))
}

/// Returns the place of the first of two bytes, which is likely to be one of the first 16.
#[inline]
pub(crate) fn within_16(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    if let Some(part) = bytes.first_chunk() {
        let found = either(*part, u8x16::splat(one), u8x16::splat(other));
        if found != 0 {
            return Some(found.trailing_zeros() as usize);
        }
    }
    memchr2(one, other, bytes)
}

/// Returns the place of the first of two bytes, which is likely to be one of the first 64 or 128. A search that looks at
/// fewer at a time has to guess how often.
#[inline]
pub(crate) fn within_64(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(stretch) = bytes.get(at..)?.first_chunk() {
        let found = either_of_64(one, other, stretch);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += 64;
    }
    memchr2(one, other, bytes.get(at..)?).map(|found| at + found)
}

/// Returns a bit for each of 64 bytes that is one of two.
#[inline]
pub(crate) fn either_of_64(one: u8, other: u8, stretch: &[u8; 64]) -> u64 {
    let (parts, _) = stretch.as_chunks();
    let mut found = 0;
    for (at, part) in parts.iter().enumerate() {
        found |= u64::from(either(*part, u8x16::splat(one), u8x16::splat(other))) << (at * 16);
    }
    found
}

/// Returns a bit for each byte that is one of two.
#[inline]
fn either(part: [u8; 16], one: u8x16, other: u8x16) -> u32 {
    let part = u8x16::new(part);
    (part.simd_eq(one) | part.simd_eq(other)).to_bitmask() & 0xffff
}

/// Looks at two words, then leaves the rest to `far`.
#[inline]
fn near_word(bytes: &[u8], matches: impl Fn(u64) -> u64, far: impl FnOnce(&[u8]) -> Option<usize>) -> Option<usize> {
    let mut rest = bytes;
    for passed in [0, 8] {
        let Some((word, after)) = rest.split_first_chunk() else { break };
        let found = matches(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(passed + first_byte(found));
        }
        rest = after;
    }
    far(rest).map(|at| bytes.len() - rest.len() + at)
}

/// Returns a word whose lowest set bit is in the first byte that is zero in `word`. Bits above it may be wrong.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH_BITS
}

/// Returns which byte of a word the lowest set bit of `mask` is in.
#[inline]
pub(crate) fn first_byte(mask: u64) -> usize {
    (mask.trailing_zeros() / 8) as usize
}

/// Returns a word that holds `byte` eight times.
#[inline]
pub(crate) fn repeated(byte: u8) -> u64 {
    ONES * u64::from(byte)
}

/// A text that others may begin with. Up to 16 bytes are compared as one word: comparing texts of any length takes a call.
#[derive(Debug)]
pub(crate) struct Prefix {
    text: Box<[u8]>,
    start: u128,
    /// The bytes of the word that are compared.
    mask: u128,
}

impl Prefix {
    pub(crate) fn new(text: Box<[u8]>) -> Self {
        let mut start = [0; 16];
        let mut mask = [0; 16];
        for ((byte, to), compared) in text.iter().zip(&mut start).zip(&mut mask) {
            (*to, *compared) = (*byte, u8::MAX);
        }
        Self { text, start: u128::from_le_bytes(start), mask: u128::from_le_bytes(mask) }
    }

    /// Returns what comes after it in `bytes`, if they begin with it.
    #[inline]
    pub(crate) fn strip_from<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(start) = bytes.first_chunk() {
            if (u128::from_le_bytes(*start) ^ self.start) & self.mask != 0 {
                return None;
            }
            if self.text.len() <= start.len() {
                return bytes.get(self.text.len()..);
            }
        }
        bytes.strip_prefix(&*self.text)
    }

    /// Returns where it ends in `bytes`, if it stands at this place.
    #[inline]
    pub(crate) fn end(&self, bytes: &[u8], at: usize) -> Option<usize> {
        self.strip_from(bytes.get(at..)?).map(|_| at + self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_stripped_whatever_its_length() {
        let text: Vec<u8> = (b'a'..=b'z').collect();
        for length in 0..=text.len() {
            let prefix = Prefix::new(text[..length].into());
            for given in 0..=text.len() {
                let bytes = &text[..given];
                assert_eq!(prefix.strip_from(bytes), bytes.strip_prefix(&text[..length]));
            }
            for at in 0..text.len() {
                let mut bytes = text.clone();
                bytes[at] = b'?';
                assert_eq!(prefix.strip_from(&bytes), bytes.strip_prefix(&text[..length]));
            }
        }
    }

    #[test]
    fn finds_the_first_at_every_distance() {
        for length in 0..200 {
            for at in 0..length {
                let mut bytes = vec![b'x'; length];
                bytes[at..].fill(b',');
                assert_eq!(near(b',', &bytes), Some(at));
                assert_eq!(within_16(b'\n', b',', &bytes), Some(at));
                assert_eq!(within_64(b'\n', b',', &bytes), Some(at));
                bytes[at] = b'\n';
                assert_eq!(within_64(b'\n', b',', &bytes), Some(at));
                assert_eq!(within_16(b'\n', b',', &bytes), Some(at));
            }
            let none = vec![b'x'; length];
            assert_eq!(
                (near(b',', &none), within_16(b'\n', b',', &none), within_64(b'\n', b',', &none)),
                (None, None, None)
            );
        }
    }

    #[test]
    fn bytes_around_the_one_looked_for_do_not_count() {
        for other in 0..=u8::MAX {
            let bytes = [other, other, other, b',', other, other, other, other];
            let expected = if other == b',' { 0 } else { 3 };
            assert_eq!(near(b',', &bytes), Some(expected), "{other}");
        }
    }
}
