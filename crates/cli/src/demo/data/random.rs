//! Seeded random numbers. Not for secrets.

/// `SplitMix64`: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014), with the
/// constants of Vigna's public-domain version, <https://prng.di.unimi.it/splitmix64.c>. Eight bytes of state are enough
/// here, and a library's generator could change its numbers with its version.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Returns the generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns a number from 0 to below `bound`, all equally likely.
    pub fn below(&mut self, bound: u32) -> u32 {
        scale(self.fraction(), bound)
    }

    /// Returns a rank from 0 to below `count`, the lower ones far more likely: rank `k` is drawn about `k` to the power
    /// of -2/3 as often as the first.
    ///
    /// The exponent is that of web requests: 0.64 to 0.83 in Breslau et al., "Web Caching and Zipf-like Distributions:
    /// Evidence and Implications" (INFOCOM 1999). With 2/3 the inverse of the distribution is a cube and needs no
    /// table.
    pub fn skewed(&mut self, count: u32) -> u32 {
        let fraction = self.fraction();
        let cube = scale(scale(fraction, fraction), fraction);
        scale(cube, count)
    }

    /// Returns 32 random bits, read as a fraction of 2^32.
    fn fraction(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mix(self.state) >> 32) as u32
    }
}

/// Returns a number that looks random and is another one for every `value`.
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn scale(fraction: u32, bound: u32) -> u32 {
    ((u64::from(fraction) * u64::from(bound)) >> 32) as u32
}
