//! A set of domain suffixes, compact enough for a million of them.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::name::Name;

/// Names lie end to end in one buffer, each after its length; the table holds their offsets.
/// A million names cost about their own bytes plus ten per name, and no allocation each.
#[derive(Debug, Default)]
pub(super) struct DomainSet {
    text: Vec<u8>,
    offsets: HashTable<u32>,
    hasher: RandomState,
}

/// The set outgrew its 32-bit offsets.
#[derive(Debug)]
pub(super) struct Full;

impl DomainSet {
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Makes room for `names` more names of usual length.
    pub(super) fn reserve(&mut self, names: usize) {
        let Self {
            text,
            offsets,
            hasher,
        } = self;
        text.reserve(names.saturating_mul(16));
        offsets.reserve(names, |&at| hasher.hash_one(entry(text, at)));
    }

    /// Adds `name`; twice is as good as once.
    pub(super) fn insert(&mut self, name: &Name) -> Result<(), Full> {
        let bytes = name.as_str().as_bytes();
        let hash = self.hasher.hash_one(bytes);
        if self
            .offsets
            .find(hash, |&at| entry(&self.text, at) == bytes)
            .is_some()
        {
            return Ok(());
        }
        let offset = u32::try_from(self.text.len()).map_err(|_| Full)?;
        // A name is at most 253 bytes long.
        let len = u8::try_from(bytes.len()).map_err(|_| Full)?;
        self.text.push(len);
        self.text.extend_from_slice(bytes);
        let Self {
            text,
            offsets,
            hasher,
        } = self;
        offsets.insert_unique(hash, offset, |&at| hasher.hash_one(entry(text, at)));
        Ok(())
    }

    /// Whether `name` itself is in the set.
    pub(super) fn contains(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let hash = self.hasher.hash_one(bytes);
        self.offsets
            .find(hash, |&at| entry(&self.text, at) == bytes)
            .is_some()
    }

    /// The longest suffix in the set that covers `name`: `name` itself, or a domain it lies under.
    pub(super) fn covering<'a>(&self, name: &'a str) -> Option<&'a str> {
        if self.offsets.is_empty() {
            return None;
        }
        let mut rest = name;
        loop {
            if self.contains(rest) {
                return Some(rest);
            }
            rest = rest.split_once('.')?.1;
        }
    }
}

/// The name at `offset`; empty for an offset that no insertion returned.
fn entry(text: &[u8], offset: u32) -> &[u8] {
    let Some((&len, rest)) = text.get(offset as usize..).and_then(<[u8]>::split_first) else {
        return &[];
    };
    rest.get(..usize::from(len)).unwrap_or_default()
}
