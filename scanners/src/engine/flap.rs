//! A link that goes down and comes back.

use std::time::Duration;

use crate::link::{LinkError, Moment};

/// How soon it is looked whether a link that is down has come back.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Bears with a link that is down, for a while.
#[derive(Clone, Debug)]
pub(super) struct Flap {
    patience: Duration,
    /// Since when it has been down.
    since: Option<Moment>,
}

/// What to make of a failure.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The link is down; `first` if it was not before. Look again after [`LOOK`].
    Wait { first: bool },
    /// The scan is over.
    Fail(LinkError),
}

impl Flap {
    pub(super) fn new(patience: Duration) -> Self {
        let since = None;
        Self { patience, since }
    }

    /// The link works.
    pub(super) fn up(&mut self) {
        self.since = None;
    }

    /// The link failed at `now`.
    pub(super) fn failed(&mut self, error: LinkError, now: Moment) -> Verdict {
        if !matches!(error, LinkError::Down(_)) {
            return Verdict::Fail(error);
        }
        let first = self.since.is_none();
        let since = *self.since.get_or_insert(now);
        match now - since < self.patience {
            true => Verdict::Wait { first },
            false => Verdict::Fail(error),
        }
    }
}
