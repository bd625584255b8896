//! One block of a spill file: how it is sealed and how it is opened. Bytes in, bytes out.
//!
//! ```text
//! checksum of all that follows: u64 | length of the payload: u32 | number of the block: u32 | payload
//! ```
//!
//! Numbers are little-endian. The header has 16 bytes, so that the buffers inside an Arrow message keep their alignment, and
//! need not be copied when they are read. The checksum is XXH3 with 64 bits, seeded with the file's id.

use super::failure::Damage;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a block at most, header included.
pub(super) const BLOCK: usize = 64 << 10;

/// Bytes before the payload.
pub(super) const HEADER: usize = 16;

/// Which block of which file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The id that was drawn for the file.
    pub file: u64,
    /// The number of the block. It begins anew after 2^32 blocks, far beyond any disk.
    pub number: u32,
}

impl Stamp {
    /// Returns the stamp of the next block.
    pub fn next(self) -> Self {
        Self { number: self.number.wrapping_add(1), ..self }
    }
}

/// A block that is being filled.
#[derive(Debug)]
pub(super) struct Block(Vec<u8>);

impl Block {
    /// Returns a block without a payload.
    pub fn new() -> Self {
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.extend_from_slice(&[0; HEADER]);
        Self(bytes)
    }

    /// Returns whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER
    }

    /// Returns whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.0.len() == BLOCK
    }

    /// Takes as much as fits and returns how much that was.
    pub fn fill(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.get(..BLOCK - self.0.len()).unwrap_or(bytes);
        self.0.extend_from_slice(taken);
        taken.len()
    }

    /// Writes the header and returns the whole block.
    pub fn seal(&mut self, stamp: Stamp) -> &[u8] {
        // A length that did not fit, which cannot be, would be refused by whoever opens the block.
        let length = u32::try_from(self.0.len() - HEADER).unwrap_or(u32::MAX);
        let fields = u64::from(length) | u64::from(stamp.number) << 32;
        if let Some((checksum, covered)) = self.0.split_first_chunk_mut::<8>()
            && let Some(place) = covered.first_chunk_mut::<8>()
        {
            *place = fields.to_le_bytes();
            *checksum = xxh3_64_with_seed(covered, stamp.file).to_le_bytes();
        }
        &self.0
    }

    /// Empties the block for the next one.
    pub fn clear(&mut self) {
        self.0.truncate(HEADER);
    }
}

/// Checks the block that `bytes` begin with and returns the length of its payload, or `None` if it ends beyond them.
///
/// # Errors
/// If it is not the block that was sealed with this stamp.
pub(super) fn open(stamp: Stamp, bytes: &[u8]) -> Result<Option<usize>, Damage> {
    let Some((checksum, covered)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let Some(fields) = covered.first_chunk::<8>() else { return Ok(None) };
    let fields = u64::from_le_bytes(*fields);
    let length = usize::try_from(fields & u64::from(u32::MAX)).unwrap_or(usize::MAX);
    if length == 0 || length > BLOCK - HEADER {
        return Err(Damage::Length);
    }
    let Some(covered) = covered.get(..8 + length) else { return Ok(None) };
    if xxh3_64_with_seed(covered, stamp.file) != u64::from_le_bytes(*checksum) {
        return Err(Damage::Checksum);
    }
    if fields >> 32 != u64::from(stamp.number) {
        return Err(Damage::Order);
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { file: 7, number: 3 };

    fn sealed(payload: &[u8]) -> Vec<u8> {
        let mut block = Block::new();
        assert_eq!(block.fill(payload), payload.len());
        block.seal(STAMP).to_vec()
    }

    #[test]
    fn a_block_opens_with_its_own_stamp_alone() {
        let block = sealed(b"payload");
        assert_eq!(open(STAMP, &block), Ok(Some(7)));
        assert_eq!(open(STAMP.next(), &block), Err(Damage::Order));
        assert_eq!(open(Stamp { file: 8, ..STAMP }, &block), Err(Damage::Checksum));
        for end in 0..block.len() {
            assert_eq!(open(STAMP, &block[..end]), Ok(None), "{end} bytes");
        }
    }

    #[test]
    fn no_flipped_bit_of_a_block_is_missed() {
        let block = sealed(b"a payload of some length");
        for bit in 0..block.len() * 8 {
            let mut flipped = block.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A length that was flipped to a larger one ends beyond the bytes; the reader knows that none follow.
            assert!(!matches!(open(STAMP, &flipped), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn a_block_takes_what_fits() {
        let mut block = Block::new();
        assert!(block.is_empty());
        assert_eq!(block.fill(&vec![1; BLOCK]), BLOCK - HEADER);
        assert!(block.is_full());
        assert_eq!(block.fill(&[1]), 0);
        assert_eq!(open(STAMP, block.seal(STAMP)), Ok(Some(BLOCK - HEADER)));
        block.clear();
        assert!(block.is_empty());
    }
}
