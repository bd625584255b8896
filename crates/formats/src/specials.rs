//! Finds the bytes that a format means something by, 64 at a time.
//!
//! Where fields are short, a search for each costs more than the fields themselves. Here every stretch of 64 bytes is compared
//! once, which leaves a bit for each byte that matters, and the next one is the lowest bit (as in Langdale and Lemire, "Parsing
//! gigabytes of JSON per second", VLDB Journal 2019).

use wide::u8x16;

/// Bytes that are compared at a time.
const STRETCH: usize = 64;

/// The places of three bytes in some text, in order.
#[derive(Clone, Debug)]
pub(crate) struct Specials<'a> {
    bytes: &'a [u8],
    wanted: [u8x16; 3],
    /// Where the current stretch begins.
    base: usize,
    /// The places in it that were not given out yet.
    left: u64,
}

impl<'a> Specials<'a> {
    /// Returns the places of `wanted` in `bytes`.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], wanted: [u8; 3]) -> Self {
        let wanted = wanted.map(u8x16::splat);
        let left = places(bytes, wanted);
        Self { bytes, wanted, base: 0, left }
    }
}

impl Iterator for Specials<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            let base = self.base + STRETCH;
            let rest = self.bytes.get(base..).filter(|rest| !rest.is_empty())?;
            (self.base, self.left) = (base, places(rest, self.wanted));
        }
        let at = self.base + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(at)
    }
}

/// Returns a bit for each of the first 64 bytes that is wanted.
#[inline]
fn places(bytes: &[u8], wanted: [u8x16; 3]) -> u64 {
    match bytes.first_chunk() {
        Some(stretch) => places_in(stretch, wanted),
        None => places_at_end(bytes, wanted),
    }
}

/// The rest of a text is made as long as a stretch. What fills it must not be found.
#[cold]
fn places_at_end(bytes: &[u8], wanted: [u8x16; 3]) -> u64 {
    let mut stretch = [0; STRETCH];
    for (to, from) in stretch.iter_mut().zip(bytes) {
        *to = *from;
    }
    let inside = 1_u64.checked_shl(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).map_or(u64::MAX, |end| end - 1);
    places_in(&stretch, wanted) & inside
}

#[inline]
fn places_in(stretch: &[u8; STRETCH], [one, two, three]: [u8x16; 3]) -> u64 {
    let (parts, _) = stretch.as_chunks();
    let mut found = 0;
    for (at, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        let equal = part.simd_eq(one) | part.simd_eq(two) | part.simd_eq(three);
        found |= u64::from(equal.to_bitmask() & 0xffff) << (at * 16);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn are_those_of_a_plain_search(bytes in prop::collection::vec(prop::sample::select(b"\0,\n\"ab\xff".to_vec()), 0..300)) {
            for wanted in [*b",\n\"", *b"\0a\xff"] {
                let plain = bytes.iter().enumerate().filter(|(_, byte)| wanted.contains(byte)).map(|(at, _)| at);
                prop_assert!(Specials::new(&bytes, wanted).eq(plain));
            }
        }
    }
}
