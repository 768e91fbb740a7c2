//! From an index to an address, and back.

use std::ops::{Add, Shr, Sub};

/// Most entries of the guide: 256 KiB, which stays in the second cache.
const MAX_GUIDE: usize = 1 << 16;

/// A number that addresses and their indices are counted in.
pub(super) trait Word:
    Copy + Ord + Default + Add<Output = Self> + Sub<Output = Self> + Shr<u32, Output = Self>
{
    /// 1.
    const ONE: Self;
    /// As an index into memory; what does not fit is more than any.
    fn to_usize(self) -> usize;
}

impl Word for u64 {
    const ONE: Self = 1;

    fn to_usize(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

impl Word for u128 {
    const ONE: Self = 1;

    fn to_usize(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

/// Ranges of addresses, numbered through.
///
/// `guide` cuts the index space into equal buckets and says at which range each starts, so that
/// with a million ranges the search is among a few neighbours, and not through all of them.
#[derive(Clone, Debug)]
pub(super) struct AddrIndex<W> {
    /// The first address of each range.
    firsts: Vec<W>,
    /// The index of the first address of each range.
    starts: Vec<W>,
    guide: Vec<u32>,
    /// A bucket is `1 << shift` indices.
    shift: u32,
    len: W,
}

impl<W: Word> AddrIndex<W> {
    /// Numbers `ranges` through: first and last address of each, ascending and disjoint. At most
    /// `u32::MAX` of them.
    pub(super) fn new(ranges: impl ExactSizeIterator<Item = (W, W)>) -> Self {
        let mut firsts = Vec::with_capacity(ranges.len());
        let mut starts = Vec::with_capacity(ranges.len());
        let mut len = W::default();
        for (first, last) in ranges {
            firsts.push(first);
            starts.push(len);
            len = len + (last - first) + W::ONE;
        }
        let buckets = (firsts.len() * 2).next_power_of_two().min(MAX_GUIDE);
        let mut shift = 0;
        while len > W::default() && ((len - W::ONE) >> shift).to_usize() >= buckets {
            shift += 1;
        }
        let mut guide = Vec::with_capacity(buckets + 1);
        for (range, &start) in starts.iter().enumerate() {
            // Buckets that start at or after this range, and before the next one.
            while guide.len() <= (start >> shift).to_usize() {
                guide.push(range.saturating_sub(1) as u32);
            }
        }
        let last = firsts.len().saturating_sub(1) as u32;
        guide.resize(buckets + 1, last);
        Self {
            firsts,
            starts,
            guide,
            shift,
            len,
        }
    }

    /// How many addresses there are.
    pub(super) fn len(&self) -> W {
        self.len
    }

    /// The first and the last address of each range, ascending.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (W, W)> {
        let starts = self.starts.iter().copied();
        // Where the next range starts, or all of them end.
        let ends = starts.clone().skip(1).chain([self.len]);
        let lens = starts.zip(ends).map(|(start, end)| end - start);
        let firsts = self.firsts.iter().copied();
        // No range is empty.
        firsts
            .zip(lens)
            .map(|(first, len)| (first, first + (len - W::ONE)))
    }

    /// The address with this index; `None` past the end.
    pub(super) fn get(&self, index: W) -> Option<W> {
        if index >= self.len {
            return None;
        }
        let bucket = (index >> self.shift).to_usize();
        let from = *self.guide.get(bucket)? as usize;
        let to = *self.guide.get(bucket + 1)? as usize;
        let near = self.starts.get(from..=to)?;
        let after = near.partition_point(|&start| start <= index);
        let range = from + after.checked_sub(1)?;
        Some(*self.firsts.get(range)? + (index - *self.starts.get(range)?))
    }

    /// The index of this address, if it is in a range.
    pub(super) fn rank(&self, addr: W) -> Option<W> {
        let after = self.firsts.partition_point(|&first| first <= addr);
        let range = after.checked_sub(1)?;
        let start = *self.starts.get(range)?;
        let index = start + (addr - *self.firsts.get(range)?);
        let end = self.starts.get(after).copied().unwrap_or(self.len);
        (index < end).then_some(index)
    }
}
