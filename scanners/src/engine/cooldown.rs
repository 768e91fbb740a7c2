//! When a scan is over.

use std::time::Duration;

use crate::link::Moment;

/// Waits for late answers once everything is sent.
#[derive(Clone, Debug)]
pub(super) struct Cooldown {
    wait: Duration,
    /// When the last sender was seen to be done.
    since: Option<Moment>,
}

impl Cooldown {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, since: None }
    }

    /// Whether there is nothing more to wait for: all is `sent`, and long ago, or nobody is silent.
    pub(super) fn is_over(&mut self, now: Moment, sent: bool, silent: u64) -> bool {
        if !sent {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        silent == 0 || now - since >= self.wait
    }
}
