//! Sorted ranges of numbers, and what sets do: union, intersection, difference.

/// What addresses are as numbers.
pub(super) trait Number: Copy + Ord {
    /// The number after this one.
    fn next(self) -> Option<Self>;
    /// The number before this one.
    fn previous(self) -> Option<Self>;
}

macro_rules! number {
    ($($int:ty),*) => {$(
        impl Number for $int {
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}

number!(u32, u128);

/// Ranges, both ends included, in ascending order. They neither overlap nor touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges<T>(Vec<(T, T)>);

// Derived, it would ask for `T: Default`.
impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Number> Ranges<T> {
    pub(super) fn as_slice(&self) -> &[(T, T)] {
        &self.0
    }

    /// Those of both.
    pub(super) fn union(mut self, other: impl IntoIterator<Item = (T, T)>) -> Self {
        self.0.extend(other);
        self.0.into_iter().collect()
    }

    /// Those in `self` and in `other`.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let mut others = other.0.iter().copied().peekable();
        for &(first, last) in &self.0 {
            while let Some((from, to)) = others.peek().copied() {
                if from <= last && first <= to {
                    both.push((first.max(from), last.min(to)));
                }
                // A range that goes on past this one may meet the next one, too.
                if to > last {
                    break;
                }
                others.next();
            }
        }
        Self(both)
    }

    /// Those in `self` and not in `other`.
    pub(super) fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut others = other.0.iter().copied().peekable();
        for &(first, last) in &self.0 {
            let mut start = Some(first);
            while let Some((from, to)) = others.peek().copied() {
                if from > last {
                    break;
                }
                if let (Some(begin), Some(before)) = (start, from.previous())
                    && begin <= before
                {
                    left.push((begin, before));
                }
                start = start.and_then(|begin| to.next().map(|after| begin.max(after)));
                if to > last {
                    break;
                }
                others.next();
            }
            if let Some(begin) = start.filter(|&begin| begin <= last) {
                left.push((begin, last));
            }
        }
        Self(left)
    }
}

impl<T: Number> FromIterator<(T, T)> for Ranges<T> {
    /// Ranges that end before they start hold nothing and are left out.
    fn from_iter<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(a, b)| a <= b).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touches = kept.1.next().is_none_or(|after| next.0 <= after);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        ranges.shrink_to_fit();
        Self(ranges)
    }
}
