//! The names of one address, in little more memory than their text.

use std::collections::BTreeSet;

use scanners::scope::{Name, Scope};

use super::part::AddressTarget;

/// A set of names as one text, with a space behind each, which no host name has. Up to `sorted` each
/// stands there once and in order; behind that are those that came since, some of them again.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    sorted: usize,
}

impl Names {
    /// Bytes that are not worth being sorted.
    const FEW: usize = 256;

    /// Adds a name. What came again is sorted out now and then, so that it takes up no more room
    /// than what did not.
    pub(super) fn insert(&mut self, name: &Name) {
        self.text.push_str(name.as_str());
        self.text.push(' ');
        if self.text.len() - self.sorted > self.sorted.max(Self::FEW) {
            self.settle();
        }
    }

    /// Bytes of the text, with what came again since it was settled.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Sorts it, and leaves out what came again. Needs as much memory again, and four bytes for each
    /// name.
    pub(super) fn settle(&mut self) {
        if self.sorted == self.text.len() {
            return;
        }
        let text = self.text.as_str();
        let name = |start: u32| {
            let rest = text.get(start as usize..).unwrap_or_default();
            rest.split_once(' ').map_or(rest, |(name, _)| name)
        };
        let mut end = 0;
        let starts = text.split_inclusive(' ').map(|name| {
            let start = end;
            // Far below 4 GiB: `Gathered` has the limit.
            end += name.len() as u32;
            start
        });
        let mut starts: Vec<u32> = starts.collect();
        starts.sort_unstable_by(|a, b| name(*a).cmp(name(*b)));
        starts.dedup_by(|a, b| name(*a) == name(*b));
        let len = starts.iter().map(|start| name(*start).len() + 1).sum();
        let mut sorted = String::with_capacity(len);
        for start in starts {
            sorted.push_str(name(start));
            sorted.push(' ');
        }
        (self.text, self.sorted) = (sorted, len);
    }

    /// In order and each once, if it is settled.
    pub(super) fn iter(&self) -> impl Iterator<Item = Name> {
        // Each has been a name, and is one.
        self.texts().filter_map(|name| Name::parse(name).ok())
    }

    /// How many there are and how many bytes they have, if it is settled.
    pub(super) fn measure(&self) -> (usize, usize) {
        let count = self.texts().count();
        (count, self.text.len() - count)
    }

    /// Keeps as many as an [`AddressTarget`] may have: first those that the scope admits, in the
    /// order of the alphabet, so that an address is in scope whenever one of all its names is.
    /// Returns how many it leaves out.
    pub(super) fn trim(&mut self, scope: &Scope) -> u64 {
        self.settle();
        let (most, most_bytes) = (AddressTarget::MAX_NAMES, AddressTarget::MAX_NAME_BYTES);
        let (count, bytes) = self.measure();
        if count <= most && bytes <= most_bytes {
            return 0;
        }
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for name in self.iter() {
            let side = match scope.admit(name.clone()) {
                Ok(_) => &mut inside,
                Err(_) => &mut outside,
            };
            if side.len() < most {
                side.push(name);
            }
            if inside.len() == most {
                break;
            }
        }
        let mut room = most_bytes;
        let fits = |name: &Name| {
            let left = room.checked_sub(name.as_str().len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        let chosen = inside.into_iter().chain(outside).take(most);
        let chosen: BTreeSet<Name> = chosen.take_while(fits).collect();
        let cut = count - chosen.len();
        self.text = chosen.iter().map(|name| format!("{name} ")).collect();
        self.sorted = self.text.len();
        cut as u64
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.text.split_terminator(' ')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set_and_never_twice_as_long_as_one(
            drawn in prop::collection::vec(0u32..300, 0..700),
            at_times in 1usize..400,
        ) {
            let (mut names, mut set, mut least) = (Names::default(), BTreeSet::new(), 0);
            for (n, drawn) in drawn.into_iter().enumerate() {
                let name: Name = format!("n{drawn}.example").parse().unwrap();
                names.insert(&name);
                let len = name.as_str().len() + 1;
                least += if set.insert(name) { len } else { 0 };
                prop_assert!(names.len() <= 2 * least.max(Names::FEW));
                if n % at_times == 0 {
                    names.settle();
                    prop_assert_eq!(names.len(), least);
                }
            }
            names.settle();
            prop_assert_eq!(names.measure().0, set.len());
            prop_assert!(names.iter().eq(set));
        }
    }
}
