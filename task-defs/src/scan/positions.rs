//! Some of the positions of a chunk.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of positions, in a form that is small enough for a cursor: each as its distance from the
/// one before it, and the first from 0. Ten thousand of a million are 40 KB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions(BTreeSet<u64>);

impl Positions {
    /// More are refused when they are read: no task has as many looks under way.
    const MOST: usize = 1 << 20;

    pub(super) fn insert(&mut self, position: u64) {
        self.0.insert(position);
    }

    pub(super) fn remove(&mut self, position: u64) {
        self.0.remove(&position);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.0.last().copied()
    }

    /// Ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

impl FromIterator<u64> for Positions {
    fn from_iter<I: IntoIterator<Item = u64>>(positions: I) -> Self {
        Self(positions.into_iter().collect())
    }
}

impl Serialize for Positions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        to.collect_seq(self.0.iter().map(|&position| {
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
        let positions: Option<BTreeSet<u64>> = positions.collect();
        positions
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a position is beyond 64 bits"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(positions in prop::collection::btree_set(any::<u64>(), 0..50)) {
            let positions = Positions(positions);
            let text = serde_json::to_string(&positions).unwrap();
            prop_assert_eq!(serde_json::from_str::<Positions>(&text).unwrap(), positions);
        }
    }

    #[test]
    fn the_most_looks_under_way_in_the_largest_chunk_fit_a_cursor() {
        // As far apart as they can be, which is their longest form.
        let apart: Positions = (0..10_000).map(|n| n * 104).collect();
        assert!(serde_json::to_string(&apart).unwrap().len() < 48 << 10);
    }

    #[test]
    fn positions_beyond_all_chunks_are_refused_and_do_not_wrap() {
        let text = format!("[{},1]", u64::MAX);
        assert!(serde_json::from_str::<Positions>(&text).is_err());
    }
}
