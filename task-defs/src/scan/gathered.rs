//! Targets without duplicates, within bounds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use task_core::TaskError;

use super::probe::Target;

/// Targets in the order in which they came first.
#[derive(Debug)]
pub(super) struct Gathered<T: Target> {
    targets: Vec<T>,
    places: HashMap<T::Key, usize>,
    duplicates: u64,
    /// Of JSON, of all that was kept.
    bytes: usize,
    limits: (usize, usize),
}

impl<T: Target> Gathered<T> {
    /// Most targets.
    pub(super) const MAX_TARGETS: usize = 1_000_000;
    /// Most bytes of them, as JSON.
    pub(super) const MAX_BYTES: usize = 64 << 20;

    pub(super) fn new() -> Self {
        Self::within(Self::MAX_TARGETS, Self::MAX_BYTES)
    }

    fn within(targets: usize, bytes: usize) -> Self {
        Self {
            targets: Vec::new(),
            places: HashMap::new(),
            duplicates: 0,
            bytes: 0,
            limits: (targets, bytes),
        }
    }

    pub(super) fn add(&mut self, target: T) -> Result<(), TaskError> {
        let bytes = serde_json::to_vec(&target)?.len();
        let grew = match self.places.entry(target.key()) {
            Entry::Vacant(place) => {
                place.insert(self.targets.len());
                self.targets.push(target);
                true
            }
            Entry::Occupied(place) => {
                self.duplicates += 1;
                // The index of a target that was pushed, of which none is ever taken out.
                let kept = self.targets.get_mut(*place.get());
                kept.is_some_and(|kept| kept.merge(target))
            }
        };
        self.bytes += if grew { bytes } else { 0 };
        let (most_targets, most_bytes) = self.limits;
        if self.targets.len() > most_targets || self.bytes > most_bytes {
            return Err(TaskError::fatal(format!(
                "the rows have more than {most_targets} targets, or {most_bytes} bytes of them; \
                 divide them before (`data.filter_by_expression`, `data.filter_by_membership`) and \
                 give each part a generator of its own"
            )));
        }
        Ok(())
    }

    /// How many came more than once, each further time counted.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    pub(super) fn into_targets(self) -> Vec<T> {
        self.targets
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scanners::scope::Name;

    use super::*;

    fn name(n: u8) -> Name {
        format!("n{n}.example").parse().unwrap()
    }

    proptest! {
        #[test]
        fn every_target_is_kept_once_where_it_came_first(drawn in proptest::collection::vec(0u8..20, 0..100)) {
            let mut gathered = Gathered::new();
            let mut expected: Vec<Name> = Vec::new();
            for n in &drawn {
                gathered.add(name(*n)).unwrap();
                if !expected.contains(&name(*n)) {
                    expected.push(name(*n));
                }
            }
            prop_assert_eq!(gathered.duplicates() as usize + expected.len(), drawn.len());
            prop_assert_eq!(gathered.into_targets(), expected);
        }
    }

    #[test]
    fn more_than_fits_is_refused_with_a_way_out() {
        let mut few = Gathered::within(2, 1000);
        for n in [1, 2, 1, 2] {
            few.add(name(n)).unwrap();
        }
        let error = few.add(name(3)).unwrap_err().to_string();
        assert!(error.contains("more than 2 targets"), "{error}");
        assert!(error.contains("data.filter_by_expression"), "{error}");
        let mut short = Gathered::within(10, 20);
        short.add(name(1)).unwrap();
        assert!(short.add(name(2)).is_err());
    }
}
