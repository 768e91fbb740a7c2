//! A list, shuffled and cut into chunks.

/// Which names each task scans: a permutation of the indices, cut into chunks whose sizes differ
/// by at most one. The same numbers give the same chunks, on every machine and in every version,
/// so a generator that runs again makes the same children.
#[derive(Debug)]
pub(crate) struct Chunks {
    order: Vec<u32>,
    count: u32,
}

impl Chunks {
    /// Cuts `names` indices into the fewest chunks of at most `size`, at least 1.
    pub(crate) fn new(names: u32, size: u32, seed: u64) -> Self {
        Self {
            order: shuffled(names, seed),
            count: names.div_ceil(size.max(1)),
        }
    }

    /// How many chunks there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The indices in chunk `index`; none behind the last.
    pub(crate) fn get(&self, index: u32) -> &[u32] {
        let start = self.start(index);
        let end = self.start(index.saturating_add(1));
        self.order.get(start..end).unwrap_or_default()
    }

    /// Those of `items` that are in chunk `index`.
    #[cfg(feature = "scan")]
    pub(crate) fn pick<'a, T>(
        &'a self,
        index: u32,
        items: &'a [T],
    ) -> impl Iterator<Item = &'a T> + Clone {
        let chosen = self.get(index).iter();
        chosen.filter_map(|&item| items.get(item as usize))
    }

    fn start(&self, index: u32) -> usize {
        let names = self.order.len() as u64;
        let start = names * u64::from(index.min(self.count)) / u64::from(self.count.max(1));
        // No more than `names`, which is a length.
        usize::try_from(start).unwrap_or(usize::MAX)
    }
}

/// A Fisher–Yates shuffle of `0..names`.
fn shuffled(names: u32, seed: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..names).collect();
    let mut random = SplitMix(seed);
    for left in (1..names).rev() {
        order.swap(left as usize, random.up_to(left) as usize);
    }
    order
}

/// SplitMix64 (Steele, Lea, Flood 2014). Written here and not taken from a crate, because a crate
/// may change its numbers and these decide which child scans what.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `last`. The bias is below 2⁻³²: good enough for samples.
    fn up_to(&mut self, last: u32) -> u32 {
        let scaled = u128::from(self.next()) * (u128::from(last) + 1);
        u32::try_from(scaled >> 64).unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_index_is_in_one_chunk(names in 0u32..3000, size in 1u32..400, seed: u64) {
            let chunks = Chunks::new(names, size, seed);
            let parts: Vec<&[u32]> = (0..chunks.count()).map(|index| chunks.get(index)).collect();
            let mut all = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..names).collect::<Vec<_>>());
            let sizes = || parts.iter().map(|part| part.len());
            prop_assert!(sizes().max() <= Some(size as usize));
            prop_assert!(sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0) <= 1);
            prop_assert!(chunks.get(chunks.count()).is_empty());
            prop_assert!(chunks.get(u32::MAX).is_empty());
        }
    }

    #[test]
    fn the_order_is_pinned() {
        // The reference's first number for this seed.
        assert_eq!(SplitMix(1_234_567).next(), 6_457_827_717_110_365_317);
        // If this fails, running generators would make other children after a deploy.
        assert_eq!(shuffled(10, 40), [6, 4, 7, 1, 9, 3, 0, 5, 8, 2]);
    }

    #[test]
    fn a_million_names_are_eight_hundred_tasks() {
        let chunks = Chunks::new(1_000_000, 1250, 40);
        assert_eq!(chunks.count(), 800);
        assert!((0..800).all(|index| chunks.get(index).len() == 1250));
    }

    #[test]
    fn each_chunk_is_a_sample_of_the_whole() {
        let chunks = Chunks::new(100_000, 1250, 40);
        for index in 0..chunks.count() {
            let top = chunks
                .get(index)
                .iter()
                .filter(|&&name| name < 50_000)
                .count();
            // 625 expected; more than six standard deviations do not happen.
            assert!((515..=735).contains(&top), "chunk {index}: {top}");
        }
    }
}
