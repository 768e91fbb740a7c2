//! A set of digests that does not have to fit memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::io;

use super::digest::Digest;
use super::run::Run;
use crate::blocking::Sign;

/// A set. Memory holds [`MEMORY`](Self::MEMORY) digests; what is more lies in the temporary folder
/// of the worker, as runs that are sorted. They have no digest in common, with each other or with
/// memory.
#[derive(Debug)]
pub(in crate::data) struct KeySet {
    memory: HashSet<Digest>,
    runs: Vec<Run>,
    limit: usize,
    len: u64,
}

/// Why a digest was not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::data) enum KeyError {
    #[error("there are more than {max} keys; filter or partition the rows first", max = KeySet::MAX)]
    TooMany,
    #[error("the temporary folder of this worker: {0}")]
    Io(#[from] io::Error),
    /// The [`Sign`] said to stop.
    #[error("cancelled")]
    Stopped,
}

/// Most runs; when there are so many, they become one. A look into the set reads a block of each.
const MAX_RUNS: usize = 8;

impl KeySet {
    /// Digests in memory: 32 MiB, with what it takes to write them out.
    pub(in crate::data) const MEMORY: usize = 450_000;
    /// Most digests in all: 1.6 GB on disk, and as much again while runs become one.
    pub(in crate::data) const MAX: u64 = 50_000_000;

    /// An empty set with so many digests in memory.
    pub(in crate::data) fn new(limit: usize) -> Self {
        Self {
            memory: HashSet::new(),
            runs: Vec::new(),
            limit,
            len: 0,
        }
    }

    /// Whether it has `digest`. Blocks on the disk if not all is in memory.
    pub(in crate::data) fn contains(&self, digest: &Digest) -> io::Result<bool> {
        if self.memory.contains(digest) {
            return Ok(true);
        }
        for run in &self.runs {
            if run.contains(digest)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds `digest`; false if it was there. Blocks, now and then for as long as it takes to copy
    /// all that is on disk; `sign` shows life meanwhile, and is looked at.
    pub(in crate::data) fn insert(
        &mut self,
        digest: Digest,
        sign: &Sign,
    ) -> Result<bool, KeyError> {
        if self.contains(&digest)? {
            return Ok(false);
        }
        if self.len == Self::MAX {
            return Err(KeyError::TooMany);
        }
        if self.memory.len() >= self.limit {
            self.spill(sign)?;
        }
        self.len += 1;
        Ok(self.memory.insert(digest))
    }

    fn spill(&mut self, sign: &Sign) -> Result<(), KeyError> {
        if self.runs.len() >= MAX_RUNS {
            let merged = merge(self.runs.drain(..))?;
            let merged = Run::write(watched(merged, sign)).map_err(stopped)?;
            self.runs.push(merged);
        }
        let mut digests: Vec<Digest> = self.memory.drain().collect();
        digests.sort_unstable();
        let run = Run::write(watched(digests.into_iter().map(Ok), sign)).map_err(stopped)?;
        self.runs.push(run);
        Ok(())
    }
}

/// All digests of the runs, in order.
fn merge(runs: impl Iterator<Item = Run>) -> io::Result<impl Iterator<Item = io::Result<Digest>>> {
    let mut sources = runs.map(Run::read).collect::<io::Result<Vec<_>>>()?;
    // The next digest of each source that has one, the smallest on top.
    let mut heads = BinaryHeap::with_capacity(sources.len());
    for (index, source) in sources.iter_mut().enumerate() {
        heads.extend(
            source
                .next()
                .transpose()?
                .map(|digest| Reverse((digest, index))),
        );
    }
    Ok(std::iter::from_fn(move || {
        let Reverse((digest, index)) = heads.pop()?;
        match sources.get_mut(index).and_then(Iterator::next) {
            Some(Ok(next)) => heads.push(Reverse((next, index))),
            Some(Err(error)) => return Some(Err(error)),
            None => {}
        }
        Some(Ok(digest))
    }))
}

/// The same digests, with signs of life. Ends with an error when the work must stop.
fn watched(
    digests: impl Iterator<Item = io::Result<Digest>>,
    sign: &Sign,
) -> impl Iterator<Item = io::Result<Digest>> {
    digests.zip(1..).map(|(digest, done)| {
        if sign.goes_on(done) {
            digest
        } else {
            Err(io::ErrorKind::Interrupted.into())
        }
    })
}

fn stopped(error: io::Error) -> KeyError {
    // Files are read and written through retries, so only `watched` says this.
    match error.kind() {
        io::ErrorKind::Interrupted => KeyError::Stopped,
        _ => KeyError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use task_core::Progress;

    use super::*;
    use crate::data::Pointer;

    fn sign() -> Sign {
        Sign::new(Progress::default(), Arc::default())
    }

    fn key(row: &Value) -> Digest {
        Digest::of(row, [&Pointer::default()])
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set_in_memory(
            keys in proptest::collection::vec(0u8..200, 0..400),
            limit in 1usize..80,
        ) {
            let mut set = KeySet::new(limit);
            let mut expected = HashSet::new();
            for n in &keys {
                prop_assert_eq!(set.insert(key(&json!(n)), &sign()).unwrap(), expected.insert(n));
            }
            prop_assert!(set.runs.len() <= MAX_RUNS);
            for n in 0..200u8 {
                prop_assert_eq!(set.contains(&key(&json!(n))).unwrap(), expected.contains(&n));
            }
        }

        #[test]
        fn equal_prefixes_are_told_apart(bytes in proptest::collection::vec(0u8..5, 1..2000)) {
            // All blocks begin with the same fence.
            let digest = |n: u64| {
                let mut bytes = [0; Digest::BYTES];
                bytes[24..].copy_from_slice(&n.to_be_bytes());
                Digest(bytes)
            };
            let mut at = 0;
            let places: Vec<u64> = bytes.iter().map(|step| { at += u64::from(*step) + 1; at }).collect();
            let run = Run::write(places.iter().map(|n| Ok(digest(*n)))).unwrap();
            for n in 0..=at {
                prop_assert_eq!(run.contains(&digest(n)).unwrap(), places.binary_search(&n).is_ok());
            }
        }
    }

    #[test]
    fn keys_are_values_not_texts_in_a_row() {
        let places: [Pointer; 2] = ["/a", "/b"].map(|place| place.parse().unwrap());
        let of = |row: Value| Digest::of(&row, &places);
        assert_eq!(
            of(json!({"a": 1, "b": {"x": 1, "y": 2}, "c": 1})),
            of(json!({"b": {"y": 2, "x": 1}, "a": 1}))
        );
        assert_ne!(of(json!({"a": 1})), of(json!({"b": 1})));
        assert_ne!(of(json!({"a": null})), of(json!({})));
        assert_ne!(of(json!({"a": "1"})), of(json!({"a": 1})));
        assert_ne!(of(json!({"a": "x\ny"})), of(json!({"a": "x", "b": "y"})));
    }

    #[test]
    fn copying_all_runs_stops_when_it_must() {
        let stop: Arc<std::sync::atomic::AtomicBool> = Arc::default();
        let sign = Sign::new(Progress::default(), Arc::clone(&stop));
        let mut set = KeySet::new(2000);
        for n in 0..2000 {
            set.insert(key(&json!(n)), &sign).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(
            set.insert(key(&json!(-1)), &sign),
            Err(KeyError::Stopped)
        ));
    }
}
