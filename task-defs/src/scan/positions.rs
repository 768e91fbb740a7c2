//! Some of the positions of a chunk.

use std::collections::BTreeSet;
use std::ops::Bound;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of positions, in a form that is small enough for a cursor: each as its distance from the
/// one before it, and the first from 0. Ten thousand of a million are 40 KB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    set: BTreeSet<u64>,
    /// Of the form as JSON, the brackets left out.
    bytes: usize,
}

impl Positions {
    /// More are refused when they are read: no task has as many looks under way.
    const MOST: usize = 1 << 20;

    pub(super) fn insert(&mut self, position: u64) {
        if self.set.insert(position) {
            let (with, without) = self.around(position);
            self.bytes = (self.bytes + with).saturating_sub(without);
        }
    }

    pub(super) fn remove(&mut self, position: u64) {
        if self.set.remove(&position) {
            let (with, without) = self.around(position);
            self.bytes = (self.bytes + without).saturating_sub(with);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.set.last().copied()
    }

    /// Ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.set.iter().copied()
    }

    /// Length of the form as JSON. It never grows when a position is removed.
    pub(super) fn encoded_len(&self) -> usize {
        "[]".len() + self.bytes
    }

    /// The bytes from the neighbour before `position` to the one behind it: with it, and without.
    fn around(&self, position: u64) -> (usize, usize) {
        let before = self.set.range(..position).next_back().copied();
        let start = before.unwrap_or(0);
        let first = before.is_none();
        let link = |from: u64, to: u64, first: bool| digits(to - from) + usize::from(!first);
        let here = link(start, position, first);
        let mut behind = self
            .set
            .range((Bound::Excluded(position), Bound::Unbounded));
        match behind.next() {
            Some(&next) => (here + link(position, next, false), link(start, next, first)),
            None => (here, 0),
        }
    }
}

/// Of a number in JSON.
fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl FromIterator<u64> for Positions {
    fn from_iter<I: IntoIterator<Item = u64>>(positions: I) -> Self {
        let mut all = Self::default();
        positions
            .into_iter()
            .for_each(|position| all.insert(position));
        all
    }
}

impl Serialize for Positions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        to.collect_seq(self.set.iter().map(|&position| {
            let distance = position - before;
            before = position;
            distance
        }))
    }
}

impl<'de> Deserialize<'de> for Positions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let distances = Vec::<u64>::deserialize(from)?;
        if distances.len() > Self::MOST {
            return Err(serde::de::Error::custom("too many positions"));
        }
        let mut before = 0u64;
        let positions = distances.into_iter().map(|distance| {
            before = before.checked_add(distance)?;
            Some(before)
        });
        let positions: Option<Self> = positions.collect();
        positions.ok_or_else(|| serde::de::Error::custom("a position is beyond 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(positions in prop::collection::btree_set(any::<u64>(), 0..50)) {
            let positions: Positions = positions.into_iter().collect();
            let text = serde_json::to_string(&positions).unwrap();
            prop_assert_eq!(serde_json::from_str::<Positions>(&text).unwrap(), positions);
        }

        #[test]
        fn the_length_is_that_of_the_form_and_no_removal_adds_to_it(
            changes in prop::collection::vec((any::<bool>(), 0u64..3000, 0u32..4), 0..200),
        ) {
            let mut positions = Positions::default();
            for (comes, position, scale) in changes {
                let (position, before) = (position * 1000u64.pow(scale), positions.encoded_len());
                match comes {
                    true => positions.insert(position),
                    false => positions.remove(position),
                }
                let text = serde_json::to_string(&positions).unwrap();
                prop_assert_eq!(positions.encoded_len(), text.len(), "{}", text);
                prop_assert!(comes || text.len() <= before);
            }
        }
    }

    #[test]
    fn positions_beyond_all_chunks_are_refused_and_do_not_wrap() {
        let text = format!("[{},1]", u64::MAX);
        assert!(serde_json::from_str::<Positions>(&text).is_err());
    }
}
