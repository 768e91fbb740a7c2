//! An order of numbers that follows from a seed, without a table.

/// Each round mixes one half into the other. Fewer than four leave patterns (Luby and Rackoff,
/// 1988).
const ROUNDS: usize = 4;

/// The longest range that can be permuted: both halves of a number must fit into 63 bits.
const MAX_LEN: u128 = 1 << 124;

/// A permutation of `0..len` that follows from a seed.
///
/// A Feistel network over numbers that are written as `left + a · right` with `a · b` just above
/// `len` (Black and Rogaway, 2002). What falls on or above `len` is permuted again, which keeps
/// it a permutation. With `a` a power of two near the root of `len` that happens to few numbers,
/// and nothing is divided. Any position can be asked for at once, in constant time and memory.
///
/// It spreads probes and is not meant to withstand who wants to know the seed.
///
/// ```
/// use sortie_scanners::target::Permutation;
///
/// let order = Permutation::new(1000, 7);
/// let mut all: Vec<_> = (0..1000).map(|position| order.apply(position)).collect();
/// assert_eq!(order.invert(all[500]), 500);
/// all.sort();
/// assert!(all.into_iter().eq(0..1000));
/// ```
#[derive(Clone, Debug)]
pub struct Permutation {
    len: u128,
    /// `a` is 2 to the power of this.
    bits: u32,
    b: u64,
    keys: [(u64, u64); ROUNDS],
}

impl Permutation {
    /// The permutation of `0..len` that `seed` stands for. The same on every machine.
    ///
    /// # Panics
    ///
    /// When `len` is more than 2¹²⁴. No set of targets is.
    pub fn new(len: u128, seed: u64) -> Self {
        assert!(len <= MAX_LEN, "a permutation of {len} numbers");
        // Half of the bits, rounded up; at least one, which spares the shifts a special case.
        let bits = (u128::BITS - len.leading_zeros()).div_ceil(2).max(1);
        let b = len.div_ceil(1 << bits).max(1);
        let mut state = seed;
        let keys = [(); ROUNDS].map(|()| (next_key(&mut state), next_key(&mut state) | 1));
        Self {
            len,
            bits,
            // At most 2^62, by the assertion.
            b: b as u64,
            keys,
        }
    }

    /// How many numbers are permuted.
    pub fn len(&self) -> u128 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number at `position`. A position past the end is left as it is.
    pub fn apply(&self, position: u128) -> u128 {
        self.walk(position, Self::forth)
    }

    /// The position of `number`. A number past the end is left as it is.
    pub fn invert(&self, number: u128) -> u128 {
        self.walk(number, Self::back)
    }

    fn walk(&self, start: u128, step: fn(&Self, u64, u64) -> (u64, u64)) -> u128 {
        if start >= self.len {
            return start;
        }
        // It ends: the walk is along a cycle of a permutation, which comes back to the start.
        let mut number = start;
        loop {
            // Both halves fit, because `a` and `b` do.
            let (left, right) = (number as u64 & self.mask(), (number >> self.bits) as u64);
            let (left, right) = step(self, left, right);
            number = u128::from(left) | u128::from(right) << self.bits;
            if number < self.len {
                return number;
            }
        }
    }

    fn forth(&self, mut left: u64, mut right: u64) -> (u64, u64) {
        for pair in self.keys.chunks_exact(2) {
            left = left.wrapping_add(self.mix_left(right, pair[0])) & self.mask();
            right += self.mix_right(left, pair[1]);
            right = if right >= self.b {
                right - self.b
            } else {
                right
            };
        }
        (left, right)
    }

    fn back(&self, mut left: u64, mut right: u64) -> (u64, u64) {
        for pair in self.keys.rchunks_exact(2) {
            let mix = self.mix_right(left, pair[1]);
            right = if right >= mix {
                right - mix
            } else {
                right + self.b - mix
            };
            left = left.wrapping_sub(self.mix_left(right, pair[0])) & self.mask();
        }
        (left, right)
    }

    fn mask(&self) -> u64 {
        (1 << self.bits) - 1
    }

    /// A keyed number below `a`.
    fn mix_left(&self, right: u64, key: (u64, u64)) -> u64 {
        mix(right, key) >> (u64::BITS - self.bits)
    }

    /// A keyed number below `b`.
    fn mix_right(&self, left: u64, key: (u64, u64)) -> u64 {
        ((u128::from(mix(left, key)) * u128::from(self.b)) >> 64) as u64
    }
}

/// 64 keyed bits: both halves of a product.
fn mix(half: u64, (offset, factor): (u64, u64)) -> u64 {
    let product = u128::from(half ^ offset) * u128::from(factor);
    product as u64 ^ (product >> 64) as u64
}

/// SplitMix64: makes unlike keys of seeds that are alike.
fn next_key(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
