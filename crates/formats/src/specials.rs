//! Finds the bytes that a format means something by, some stretches of 64 bytes at a time.
//!
//! Where fields are short, a search for each costs more than the fields themselves. Here every stretch is compared once, which
//! leaves a bit for each byte that matters (as in Langdale and Lemire, "Parsing gigabytes of JSON per second", VLDB Journal
//! 2019). The bits become a list of places, which goes on from record to record: whoever takes bit after bit mispredicts the
//! end of each stretch, and whoever begins anew at each record compares bytes twice.

use wide::u8x16;

/// Bytes that are compared at a time.
const STRETCH: usize = 64;

/// Stretches whose places are listed at a time: few, as a reader that passes over records may not want the rest.
const STRETCHES: usize = 8;

/// Places that are written at a time, wanted or not: so many are in most stretches.
const AT_ONCE: usize = 8;

/// The places of three bytes in a block.
///
/// A reader comes from record to record with the rest of the block and with where that begins. The places are counted from the
/// start of the block, so that what was found and not given out yet stays as it is.
#[derive(Debug)]
pub(crate) struct Specials {
    wanted: [u8x16; 3],
    /// The places found, of which the last ones may mean nothing.
    places: Box<[usize; STRETCH * STRETCHES + AT_ONCE]>,
    /// How many of them were given out.
    given: usize,
    /// How many of them there are.
    count: usize,
    /// Where the part of the block begins that was looked at.
    start: usize,
    /// Where it ends.
    end: usize,
}

impl Specials {
    /// Returns a finder of `wanted`.
    pub(crate) fn new(wanted: [u8; 3]) -> Self {
        Self {
            wanted: wanted.map(u8x16::splat),
            places: Box::new([0; STRETCH * STRETCHES + AT_ONCE]),
            given: 0,
            count: 0,
            start: 0,
            end: 0,
        }
    }

    /// Forgets the block: another one begins, or the same one is read on.
    pub(crate) fn start_block(&mut self) {
        self.restart(0);
    }

    /// Goes to a place in the block. Forward, what was found already is passed over; back, it is found anew.
    #[inline]
    pub(crate) fn seek(&mut self, to: usize) {
        let last_given = self.given.checked_sub(1).and_then(|last| self.places.get(last));
        let first_left = last_given.map_or(self.start, |place| place + 1);
        if to < first_left || to > self.end {
            self.restart(to);
        }
        while self.given < self.count && self.places.get(self.given).is_some_and(|place| *place < to) {
            self.given += 1;
        }
    }

    /// Returns the next place, counted from the start of `rest`, which begins at `origin` in the block.
    #[inline]
    pub(crate) fn next(&mut self, rest: &[u8], origin: usize) -> Option<usize> {
        if self.given == self.count && !self.find_more(rest, origin) {
            return None;
        }
        let place = self.places.get(self.given)?;
        self.given += 1;
        place.checked_sub(origin)
    }

    fn restart(&mut self, at: usize) {
        (self.given, self.count, self.start, self.end) = (0, 0, at, at);
    }

    /// Lists the places of the next stretches that hold any. Returns false if there are none to the end of the block.
    #[inline(never)]
    fn find_more(&mut self, rest: &[u8], origin: usize) -> bool {
        let ahead = self.end.checked_sub(origin).and_then(|from| rest.get(from..)).unwrap_or_default();
        let (stretches, tail) = ahead.as_chunks();
        for some in stretches.chunks(STRETCHES) {
            self.restart(self.end);
            for stretch in some {
                self.list(places_in(stretch, self.wanted));
                self.end += STRETCH;
            }
            if self.count > 0 {
                return true;
            }
        }
        self.restart(self.end);
        self.list(places_at_end(tail, self.wanted));
        self.end += tail.len();
        self.count > 0
    }

    /// Lists the places of one stretch. That some are written which are none is cheaper than to stop at the last one.
    #[inline]
    fn list(&mut self, bits: u64) {
        let mut left = bits;
        let ahead = self.places.get_mut(self.count..).unwrap_or_default();
        for slots in ahead.chunks_exact_mut(AT_ONCE) {
            for slot in slots {
                *slot = self.end + left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
            }
            if left == 0 {
                break;
            }
        }
        self.count += bits.count_ones() as usize;
    }
}

/// The rest of a block is made as long as a stretch. What fills it must not be found.
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

    /// Blocks with many wanted bytes or few, longer than what is listed at a time.
    fn blocks() -> impl Strategy<Value = Vec<u8>> {
        let dense = prop::sample::select(b"\0,\n\"ab\xff".to_vec());
        let sparse = prop_oneof![60 => Just(b'x'), 1 => prop::sample::select(b"\0,\n\"a\xff".to_vec())];
        prop_oneof![prop::collection::vec(dense, 0..1500), prop::collection::vec(sparse, 0..1500)]
    }

    proptest! {
        #[test]
        fn are_those_of_a_plain_search(
            block in blocks(),
            steps in prop::collection::vec((0..700_usize, 0..40_usize), 1..12),
            wanted in prop::sample::select(vec![*b",\n\"", *b"\0a\xff"]),
        ) {
            let mut specials = Specials::new(wanted);
            specials.start_block();
            for (origin, takes) in steps {
                let origin = origin % (block.len() + 1);
                let rest = &block[origin..];
                let plain = rest.iter().enumerate().filter(|(_, byte)| wanted.contains(byte)).map(|(at, _)| at);
                specials.seek(origin);
                let found: Vec<_> = std::iter::from_fn(|| specials.next(rest, origin)).take(takes).collect();
                prop_assert_eq!(found, plain.take(takes).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn ends_of_stretches_are_no_borders() {
        for length in (0..=3).chain(62..=66).chain(126..=130).chain(510..=514).chain(1023..=1025) {
            let block = vec![b','; length];
            let mut specials = Specials::new(*b",\n\"");
            let found: Vec<_> = std::iter::from_fn(|| specials.next(&block, 0)).collect();
            assert_eq!(found, (0..length).collect::<Vec<_>>());
            assert_eq!(specials.next(&block, 0), None);
        }
    }
}
