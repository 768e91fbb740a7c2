//! Where a scan goes on.

use serde::{Deserialize, Serialize};
use task_core::TaskError;

use super::positions::Positions;

/// Which targets of a chunk are not done: those from `next` on, and those in `again`.
///
/// Without the latter it is written as the number alone, which is all that the first version had,
/// so either reads what the other writes wherever it can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub(super) struct Cursor {
    pub(super) next: u64,
    /// Before `next`: looks that were begun, and have no record. They were given up when the worker
    /// left, or this machine could not make them.
    pub(super) again: Positions,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "must be a position, or an object with `next` and `again`"
)]
enum Wire {
    Next(u64),
    Both {
        // So the first version of scans of ports had it.
        #[serde(alias = "from")]
        next: u64,
        #[serde(default)]
        again: Positions,
    },
}

impl From<Wire> for Cursor {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Next(next) => Self::at(next),
            Wire::Both { next, again } => Self { next, again },
        }
    }
}

impl From<Cursor> for Wire {
    fn from(Cursor { next, again }: Cursor) -> Self {
        match again.is_empty() {
            true => Self::Next(next),
            false => Self::Both { next, again },
        }
    }
}

impl Cursor {
    /// Bytes of `again`, as JSON, beyond which no further look is begun. A cursor may have 64 KiB,
    /// and the engine's own part of it grows with the attempts.
    const MOST_AGAIN: usize = 48 << 10;
    /// The longest distance, with its comma.
    const LONGEST: usize = "18446744073709551615,".len();

    /// All before `next` are done.
    pub(super) fn at(next: u64) -> Self {
        Self {
            next,
            again: Positions::default(),
        }
    }

    /// Whether all of `targets` are done.
    pub(super) fn is_behind(&self, targets: u64) -> bool {
        self.next >= targets && self.again.is_empty()
    }

    /// Whether a further look of `targets` may be begun. Not while so many that were begun have no
    /// record that a cursor would hardly hold them.
    pub(super) fn has_next(&self, targets: u64) -> bool {
        let fits = self.again.encoded_len() + Self::LONGEST <= Self::MOST_AGAIN;
        self.next < targets && fits
    }

    /// Begins the next look.
    pub(super) fn begin(&mut self) -> u64 {
        let position = self.next;
        self.next += 1;
        self.again.insert(position);
        position
    }

    /// Holds it against what it is a cursor of.
    ///
    /// # Errors
    ///
    /// [`TaskError::Fatal`] if there are not so many targets.
    pub(super) fn check(&self, targets: u64) -> Result<(), TaskError> {
        let sound = self.again.last().is_none_or(|last| last < self.next);
        if self.next <= targets && sound {
            return Ok(());
        }
        Err(TaskError::fatal(format!(
            "the cursor {} is behind the last of {targets} targets, or has targets again that are \
             not before it",
            self.next
        )))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// However far apart those lie that do not end, and wherever they begin.
        #[test]
        fn no_cursor_is_too_long_for_its_message(
            next in prop_oneof![Just(0), 0..1u64 << 62],
            apart in prop_oneof![1u64..12, 90u64..110, 1u64..1 << 40],
            strays in any::<u64>(),
        ) {
            let mut cursor = Cursor::at(next);
            let mut longest = 0;
            for n in 0..30_000u64 {
                if !cursor.has_next(u64::MAX) {
                    break;
                }
                cursor.begin();
                // Those between this one and the next are begun and end.
                cursor.next += apart - 1;
                // Now and then one of those that hang ends after all.
                if n.wrapping_mul(strays) % 64 == 0 {
                    cursor.again.remove(next + n / 2 * apart);
                }
                longest = longest.max(cursor.again.encoded_len());
            }
            let text = serde_json::to_string(&cursor).unwrap();
            prop_assert!(text.len() <= 49 << 10, "{} bytes", text.len());
            prop_assert!(longest <= Cursor::MOST_AGAIN, "{} bytes", longest);
        }
    }

    #[test]
    fn the_most_looks_under_way_in_the_largest_chunk_may_all_be_begun() {
        let mut cursor = Cursor::at(0);
        // As far apart as ten thousand of a million can be, which is their longest form.
        cursor.again = (0..10_000).map(|n| n * 104).collect();
        cursor.next = 9_999 * 104 + 1;
        assert!(cursor.has_next(1 << 20));
        // Twice as many that this machine could not look at do not fit.
        cursor.again = (0..20_000).map(|n| n * 52).collect();
        assert!(!cursor.has_next(1 << 20));
        // They come first, and then there is room again.
        (0..5_000).for_each(|n| cursor.again.remove(n * 52));
        assert!(cursor.has_next(1 << 20));
    }

    #[test]
    fn the_number_of_the_first_version_is_read_and_what_is_to_be_done_again_is_told() {
        let read = |value| serde_json::from_value::<Cursor>(value).unwrap();
        assert_eq!(read(json!(7)), Cursor::at(7));
        let cursor = Cursor {
            next: 9,
            again: [3, 4, 8].into_iter().collect(),
        };
        let written = serde_json::to_value(&cursor).unwrap();
        assert_eq!(written, json!({"next": 9, "again": [3, 1, 4]}));
        assert_eq!(read(written), cursor);
        assert_eq!(serde_json::to_value(Cursor::at(9)).unwrap(), json!(9));
    }

    #[test]
    fn a_cursor_of_other_targets_is_refused() {
        assert!(Cursor::at(5).check(5).is_ok());
        assert!(Cursor::at(6).check(5).is_err());
        let again = Cursor {
            next: 3,
            again: [3].into_iter().collect(),
        };
        assert!(again.check(5).is_err());
    }
}
