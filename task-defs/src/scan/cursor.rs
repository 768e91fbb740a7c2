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
    use serde_json::json;

    use super::*;

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
