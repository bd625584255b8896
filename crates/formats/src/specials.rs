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

/// The most places that are listed, or written, at a time.
const LISTED_AT_ONCE: usize = STRETCH * STRETCHES + AT_ONCE;

/// Room for places, at least: a record that has more of them is not read by this list.
const ROOM: usize = 2048;

/// Which bytes are wanted.
pub(crate) trait Wanted {
    /// Returns a byte of ones for each that is.
    fn in_part(&self, part: u8x16) -> u8x16;
}

/// Any of three.
#[derive(Debug)]
pub(crate) struct AnyOf([u8x16; 3]);

impl AnyOf {
    pub(crate) fn new(wanted: [u8; 3]) -> Self {
        Self(wanted.map(u8x16::splat))
    }
}

impl Wanted for AnyOf {
    #[inline]
    fn in_part(&self, part: u8x16) -> u8x16 {
        let [one, two, three] = self.0;
        part.simd_eq(one) | part.simd_eq(two) | part.simd_eq(three)
    }
}

/// The places of some bytes in a block.
///
/// A reader comes from record to record with the rest of the block and with where that begins. The places are counted from the
/// start of the block, so that what was found and not taken yet stays as it is.
#[derive(Debug)]
pub(crate) struct Specials<W> {
    wanted: W,
    /// The places found; only those from `taken` to `count` mean anything.
    places: Vec<usize>,
    taken: usize,
    count: usize,
    /// Where the part of the block begins whose places are in the list.
    start: usize,
    /// Where it ends.
    end: usize,
}

impl<W: Wanted> Specials<W> {
    /// Returns a finder of `wanted`.
    pub(crate) fn new(wanted: W) -> Self {
        Self { wanted, places: vec![0; ROOM], taken: 0, count: 0, start: 0, end: 0 }
    }

    /// Makes room for so many places and those of some stretches, and forgets the block.
    pub(crate) fn make_room(&mut self, places: usize) {
        self.places.resize(ROOM.max(places + LISTED_AT_ONCE), 0);
        self.start_block();
    }

    /// Forgets the block: another one begins, or the same one is read on.
    pub(crate) fn start_block(&mut self) {
        self.restart(0);
    }

    /// Goes to a place in the block. Forward, what was found already is passed over; back, it is found anew.
    #[inline]
    pub(crate) fn seek(&mut self, to: usize) {
        if to < self.start || to > self.end {
            self.restart(to);
        }
        self.start = to;
        while self.listed().first().is_some_and(|place| *place < to) {
            self.taken += 1;
        }
    }

    /// Returns the places, counted from the start of the block, that were found from where [`Specials::seek`] went, in order.
    #[inline]
    pub(crate) fn listed(&self) -> &[usize] {
        self.places.get(self.taken..self.count).unwrap_or_default()
    }

    /// Takes the first `count` places off the list: all those before `to`, where the reader goes next.
    #[inline]
    pub(crate) fn take(&mut self, count: usize, to: usize) {
        self.taken = self.count.min(self.taken + count);
        self.start = to;
    }

    /// Finds the places of some more stretches. `rest` begins at `origin` in the block. Returns false at the end of the block,
    /// or if there is no room.
    #[inline(never)]
    pub(crate) fn list_more(&mut self, rest: &[u8], origin: usize) -> bool {
        let ahead = self.end.checked_sub(origin).and_then(|from| rest.get(from..)).unwrap_or_default();
        self.places.copy_within(self.taken..self.count, 0);
        self.count -= self.taken;
        self.taken = 0;
        if ahead.is_empty() || self.count + LISTED_AT_ONCE > self.places.len() {
            return false;
        }
        let (stretches, tail) = ahead.as_chunks();
        for stretch in stretches.iter().take(STRETCHES) {
            self.list(places_in(stretch, &self.wanted));
            self.end += STRETCH;
        }
        if stretches.len() < STRETCHES {
            self.list(places_at_end(tail, &self.wanted));
            self.end += tail.len();
        }
        true
    }

    fn restart(&mut self, at: usize) {
        (self.taken, self.count, self.start, self.end) = (0, 0, at, at);
    }

    /// Lists the places of one stretch. That some are written which are none is cheaper than to stop at the last one.
    #[inline]
    fn list(&mut self, bits: u64) {
        let mut left = bits;
        let ahead = self.places.get_mut(self.count..).unwrap_or_default();
        for slots in ahead.as_chunks_mut::<AT_ONCE>().0 {
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
fn places_at_end(bytes: &[u8], wanted: &impl Wanted) -> u64 {
    let mut stretch = [0; STRETCH];
    for (to, from) in stretch.iter_mut().zip(bytes) {
        *to = *from;
    }
    let inside = 1_u64.checked_shl(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).map_or(u64::MAX, |end| end - 1);
    places_in(&stretch, wanted) & inside
}

#[inline]
fn places_in(stretch: &[u8; STRETCH], wanted: &impl Wanted) -> u64 {
    let (parts, _) = stretch.as_chunks();
    let mut found = 0;
    for (at, part) in parts.iter().enumerate() {
        let equal = wanted.in_part(u8x16::new(*part));
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
            steps in prop::collection::vec((0..1500_usize, 0..40_usize), 1..12),
            wanted in prop::sample::select(vec![*b",\n\"", *b"\0a\xff"]),
        ) {
            let mut specials = Specials::new(AnyOf::new(wanted));
            specials.start_block();
            for (origin, least) in steps {
                let origin = origin % (block.len() + 1);
                let rest = &block[origin..];
                let plain = rest.iter().enumerate().filter(|(_, byte)| wanted.contains(byte)).map(|(at, _)| origin + at);
                let plain: Vec<_> = plain.collect();
                specials.seek(origin);
                while specials.listed().len() < least && specials.list_more(rest, origin) {}
                let listed = specials.listed();
                prop_assert!(listed.len() >= least.min(plain.len()));
                prop_assert_eq!(listed, &plain[..listed.len()]);
            }
        }
    }

    #[test]
    fn ends_of_stretches_are_no_borders() {
        for length in (0..=3).chain(62..=66).chain(126..=130).chain(510..=514).chain(1023..=1025) {
            let block = vec![b','; length];
            let mut specials = Specials::new(AnyOf::new(*b",\n\""));
            while specials.list_more(&block, 0) {}
            assert_eq!(specials.listed(), (0..length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_list_has_an_end() {
        let block = vec![b','; 2 * ROOM];
        let mut specials = Specials::new(AnyOf::new(*b",\n\""));
        while specials.list_more(&block, 0) {}
        assert!((ROOM / 2..=ROOM).contains(&specials.listed().len()));
        specials.seek(ROOM);
        assert!(specials.list_more(&block[ROOM..], ROOM));
        assert_eq!(specials.listed().first(), Some(&ROOM));
        specials.make_room(2 * ROOM);
        while specials.list_more(&block, 0) {}
        assert_eq!(specials.listed().len(), 2 * ROOM);
    }
}
