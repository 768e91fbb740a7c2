//! Randomness that is a function of the seed and of nothing else.

use std::hash::Hasher as _;
use std::time::Duration;

/// A hash of numbers that is the same in every process.
pub(super) fn hash(parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(0x5eed, |state, part| mix(state ^ mix(*part)))
}

/// A hash of bytes that is the same in every process.
pub(super) fn hash_bytes(state: u64, bytes: &[u8]) -> u64 {
    let mut hasher = siphasher::sip::SipHasher13::new_with_keys(state, 0);
    hasher.write(bytes);
    hasher.finish()
}

/// A sequence of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Evenly from `0..end`; 0 if that is empty.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        (u128::from(self.roll()) * u128::from(end)).wrapping_shr(64) as u64
    }

    /// Evenly from `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Short ones are as frequent as long ones: even in the logarithm.
    pub(super) fn time(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let (low, high) = (shortest.as_secs_f64().max(1e-3), longest.as_secs_f64());
        Duration::from_secs_f64(low * (high / low).max(1.0).powf(unit(self.roll())))
    }
}

/// From all 64 bits to `0.0..1.0`.
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// The finisher of SplitMix64.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
