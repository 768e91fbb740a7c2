//! Portions of a scan.

use std::net::IpAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::error::InvalidChunk;
use super::permute::Permutation;
use super::set::{Target, TargetSet};

/// A seed, and a range of positions in the order that follows from it: the unit of work, of retry
/// and of resume. With the same targets it means the same on every machine.
///
/// As JSON the positions are strings, because they may be longer than what JSON readers keep:
/// `{"seed":7,"lo":"0","hi":"4096"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// Which order.
    pub seed: u64,
    /// The first position.
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub lo: u128,
    /// The position after the last.
    #[serde(with = "decimal")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub hi: u128,
}

impl Chunk {
    /// Most targets in a chunk that is scanned at once: what was answered is kept as a bit for
    /// each, so these take 1 GiB.
    pub const MAX_LEN: u64 = 1 << 33;

    /// All of `targets`, in the order of `seed`.
    pub fn all(targets: &TargetSet, seed: u64) -> Self {
        let hi = targets.len();
        Self { seed, lo: 0, hi }
    }

    /// How many positions it has.
    pub fn len(&self) -> u128 {
        self.hi.saturating_sub(self.lo)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts it into `parts` chunks that follow each other and differ in length by one at most.
    /// Parts that would be empty are left out.
    pub fn split(&self, parts: u32) -> impl Iterator<Item = Self> + use<> {
        let whole = self.clone();
        // No more than `parts`.
        let number = u128::from(parts).min(self.len()) as u32;
        (0..number).filter_map(move |number| whole.part(number, parts))
    }

    /// The one with this number, from 0, of the chunks that [`split`](Self::split) cuts it into;
    /// `None` if there is none.
    pub fn part(&self, number: u32, parts: u32) -> Option<Self> {
        let (number, parts) = (u128::from(number), u128::from(parts).min(self.len()));
        let (each, more) = (
            self.len().checked_div(parts)?,
            self.len().checked_rem(parts)?,
        );
        let cut = |part: u128| self.lo + each * part + part.min(more);
        (number < parts).then(|| Self {
            seed: self.seed,
            lo: cut(number),
            hi: cut(number + 1),
        })
    }

    /// Cuts it into chunks of `len` positions that follow each other; the last may be shorter.
    /// A length of 0 counts as 1.
    pub fn split_by(&self, len: u64) -> impl Iterator<Item = Self> + use<> {
        let (seed, mut lo, end) = (self.seed, self.lo, self.hi);
        let len = u128::from(len.max(1));
        std::iter::from_fn(move || {
            let hi = lo.saturating_add(len).min(end);
            let part = (lo < hi).then_some(Self { seed, lo, hi });
            lo = hi;
            part
        })
    }
}

/// The targets of one chunk, by their position in it: from 0 up to [`len`](Self::len).
#[derive(Clone, Debug)]
pub struct ChunkTargets {
    set: TargetSet,
    order: Permutation,
    chunk: Chunk,
}

impl TargetSet {
    /// The targets of `chunk`.
    ///
    /// # Errors
    ///
    /// [`InvalidChunk`] when it is not of these targets, or longer than [`Chunk::MAX_LEN`].
    pub fn chunk(&self, chunk: &Chunk) -> Result<ChunkTargets, InvalidChunk> {
        let Chunk { lo, hi, .. } = *chunk;
        let len = self.len();
        if lo > hi || hi > len {
            return Err(InvalidChunk::OutOfRange { lo, hi, len });
        }
        if chunk.len() > u128::from(Chunk::MAX_LEN) {
            return Err(InvalidChunk::TooLong {
                len: chunk.len(),
                limit: Chunk::MAX_LEN,
            });
        }
        Ok(ChunkTargets {
            set: self.clone(),
            order: Permutation::new(len, chunk.seed),
            chunk: chunk.clone(),
        })
    }
}

impl ChunkTargets {
    /// How many targets there are.
    pub fn len(&self) -> u64 {
        // At most MAX_LEN: that was checked.
        self.chunk.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    /// The chunk that these are the targets of.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The set that the chunk is a part of.
    pub fn set(&self) -> &TargetSet {
        &self.set
    }

    /// All positions.
    pub fn positions(&self) -> Range<u64> {
        0..self.len()
    }

    /// The target at `position`; `None` past the end.
    pub fn get(&self, position: u64) -> Option<Target> {
        if position >= self.len() {
            return None;
        }
        self.set
            .get(self.order.apply(self.chunk.lo + u128::from(position)))
    }

    /// The position of the target at `addr` and `port`, if it is in this chunk.
    pub fn position(&self, addr: IpAddr, port: u16) -> Option<u64> {
        let index = self.set.index_of(addr, port)?;
        let position = self.order.invert(index);
        let inside = (self.chunk.lo..self.chunk.hi).contains(&position);
        // Less than MAX_LEN.
        inside.then(|| (position - self.chunk.lo) as u64)
    }
}

/// Numbers of 128 bits as strings of digits.
mod decimal {
    use serde::de::Error;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}
