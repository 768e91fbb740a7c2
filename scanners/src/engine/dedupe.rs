//! Who has answered: a bit for each target of the chunk.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The positions that have answered. Exact, at one bit each.
///
/// One thread marks, any may look. Ordering is relaxed: who looks may see an answer a moment late,
/// and then a silent target is probed once more.
#[derive(Debug)]
pub struct Answered {
    words: Box<[AtomicU64]>,
    len: u64,
}

impl Answered {
    /// Nobody of `len` targets.
    pub fn new(len: u64) -> Self {
        // The length of a chunk is limited, see `Chunk::MAX_LEN`.
        let words = (0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Self { words, len }
    }

    /// How many targets there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many have answered.
    pub fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.load(Ordering::Relaxed).count_ones()))
            .sum()
    }

    /// Whether `position` has answered.
    pub fn contains(&self, position: u64) -> bool {
        self.words
            .get((position / 64) as usize)
            .is_some_and(|word| word.load(Ordering::Relaxed) >> (position % 64) & 1 == 1)
    }

    /// Marks `position` and returns whether it was silent before. For one thread only: two that
    /// mark at once may lose a mark. A position past the end is ignored.
    pub fn mark(&self, position: u64) -> bool {
        let Some(word) = self.words.get((position / 64) as usize) else {
            return false;
        };
        let bits = word.load(Ordering::Relaxed);
        let bit = 1 << (position % 64);
        let silent = position < self.len && bits & bit == 0;
        if silent {
            // With one writer a load and a store do what a locked instruction would.
            word.store(bits | bit, Ordering::Relaxed);
        }
        silent
    }

    /// The first silent position in `range`.
    pub fn next_silent(&self, range: Range<u64>) -> Option<u64> {
        let mut position = range.start;
        let end = range.end.min(self.len);
        while position < end {
            let word = self.words.get((position / 64) as usize)?;
            let silent = !word.load(Ordering::Relaxed) >> (position % 64);
            if silent != 0 {
                position += u64::from(silent.trailing_zeros());
                return (position < end).then_some(position);
            }
            position = (position / 64 + 1) * 64;
        }
        None
    }

    /// The silent positions, ascending.
    pub fn silent(&self) -> impl Iterator<Item = u64> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let position = self.next_silent(from..self.len)?;
            from = position + 1;
            Some(position)
        })
    }

    /// The positions that have answered, ascending.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> {
        let words = self.words.iter().zip(0u64..);
        words.flat_map(|(word, index)| {
            let mut bits = word.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = u64::from(bits.trailing_zeros());
                // Clears the lowest bit that is set; of none, none is left.
                bits &= bits.checked_sub(1)?;
                Some(index * 64 + bit)
            })
        })
    }
}
