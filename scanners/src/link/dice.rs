//! Draws from a seed, for the links that lose things on purpose.

/// SplitMix64 (Steele, Lea and Flood, 2014): good enough to lose frames by.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other draws from the same seed.
    pub(super) fn split(&self, number: u64) -> Self {
        let mut other = Self(self.0 ^ number.rotate_left(32));
        Self(other.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Whether something of this probability happens. Draws even if it cannot, so that one setting
    /// does not shift the draws of another.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits: as many as a float holds exactly.
        ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// Evenly from `0..limit`; 0 for 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}
