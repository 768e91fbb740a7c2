//! An order of numbers that follows from a seed, without a table.

/// Each round mixes one half into the other. Fewer than four leave patterns (Luby and Rackoff,
/// 1988); these are cheap, so there are six.
const ROUNDS: usize = 6;

/// The longest range that can be permuted: both halves of a number must fit into 64 bits.
const MAX_LEN: u128 = 1 << 126;

/// A permutation of `0..len` that follows from a seed.
///
/// A Feistel network over numbers that are written as `left + a · right` with `a · b` just above
/// `len` (Black and Rogaway, 2002). What falls on or above `len` is permuted again, which keeps
/// it a permutation; with `a` near the root that happens to one number in a root of `len`. Any
/// position can be asked for at once, in constant time and memory.
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
    a: u64,
    b: u64,
    keys: [(u64, u64); ROUNDS],
}

impl Permutation {
    /// The permutation of `0..len` that `seed` stands for. The same on every machine.
    ///
    /// # Panics
    ///
    /// When `len` is more than 2¹²⁶. No set of targets is.
    pub fn new(len: u128, seed: u64) -> Self {
        assert!(len <= MAX_LEN, "a permutation of {len} numbers");
        let root = len.isqrt();
        let a = (root + u128::from(root * root < len)).max(1);
        let b = len.div_ceil(a).max(1);
        let mut state = seed;
        let keys = [(); ROUNDS].map(|()| (next_key(&mut state), next_key(&mut state) | 1));
        Self {
            len,
            // At most 2^63, by the assertion.
            a: a as u64,
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
            let (left, right) = self.split(number);
            let (left, right) = step(self, left, right);
            number = u128::from(left) + u128::from(right) * u128::from(self.a);
            if number < self.len {
                return number;
            }
        }
    }

    /// The halves of `number`. Division in 64 bits is ten times as fast as in 128.
    fn split(&self, number: u128) -> (u64, u64) {
        match u64::try_from(number) {
            Ok(number) => (number % self.a, number / self.a),
            Err(_) => {
                let a = u128::from(self.a);
                // Less than b, which fits.
                ((number % a) as u64, (number / a) as u64)
            }
        }
    }

    fn forth(&self, mut left: u64, mut right: u64) -> (u64, u64) {
        for pair in self.keys.chunks_exact(2) {
            left = add(left, mix(right, pair[0], self.a), self.a);
            right = add(right, mix(left, pair[1], self.b), self.b);
        }
        (left, right)
    }

    fn back(&self, mut left: u64, mut right: u64) -> (u64, u64) {
        for pair in self.keys.rchunks_exact(2) {
            right = subtract(right, mix(left, pair[1], self.b), self.b);
            left = subtract(left, mix(right, pair[0], self.a), self.a);
        }
        (left, right)
    }
}

/// A keyed number below `limit`: both halves of a product, scaled down.
fn mix(half: u64, (offset, factor): (u64, u64), limit: u64) -> u64 {
    let product = u128::from(half ^ offset) * u128::from(factor);
    let folded = product as u64 ^ (product >> 64) as u64;
    ((u128::from(folded) * u128::from(limit)) >> 64) as u64
}

/// `x + y` modulo `modulus`; both are below it, and it is at most 2^63.
fn add(x: u64, y: u64, modulus: u64) -> u64 {
    let sum = x + y;
    if sum >= modulus { sum - modulus } else { sum }
}

fn subtract(x: u64, y: u64, modulus: u64) -> u64 {
    if x >= y { x - y } else { x + modulus - y }
}

/// SplitMix64: makes unlike keys of seeds that are alike.
fn next_key(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
