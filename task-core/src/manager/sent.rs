//! Dispatches that were sent and still stand in the outbox.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::TaskId;
use crate::ports::store::OutboxRow;

/// They leave the outbox with the next transaction, which saves one of its own; losing this list only
/// sends them twice.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rows: Vec<OutboxRow>,
    /// What a transaction removes that has not committed yet. To others it still stands there.
    leaving: HashMap<u64, Vec<OutboxRow>>,
    next: u64,
}

impl Sent {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what was sent.
    pub(super) fn keep(&self, mut rows: Vec<OutboxRow>) {
        self.state().rows.append(&mut rows);
    }

    /// What one transaction removes from the outbox. Unless that commits, the next one does.
    pub(super) fn leave(&self) -> Leaving<'_> {
        let mut state = self.state();
        let rows = std::mem::take(&mut state.rows);
        let ticket = state.next;
        if !rows.is_empty() {
            state.next += 1;
            state.leaving.insert(ticket, rows.clone());
        }
        Leaving {
            sent: self,
            ticket,
            rows,
        }
    }

    /// All that need not be sent once more, whether it is leaving or not.
    pub(super) fn all(&self) -> HashSet<(TaskId, u32)> {
        let state = self.state();
        let leaving = state.leaving.values().flatten();
        leaving.chain(&state.rows).map(OutboxRow::key).collect()
    }
}

/// Dispatches that a transaction removes from the outbox.
#[derive(Debug)]
pub(super) struct Leaving<'a> {
    sent: &'a Sent,
    ticket: u64,
    rows: Vec<OutboxRow>,
}

impl Leaving<'_> {
    pub(super) fn rows(&self) -> &[OutboxRow] {
        &self.rows
    }

    /// The transaction has committed.
    pub(super) fn are_gone(mut self) {
        self.rows.clear();
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.sent.state();
        state.leaving.remove(&self.ticket);
        state.rows.append(&mut self.rows);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn what_leaves_is_known_until_it_is_gone_and_comes_back_if_it_is_not() {
        let row = |n| {
            let task = TaskId::from_uuid(Uuid::from_u128(n));
            OutboxRow::alone(task, 1, Timestamp::from_millis(0))
        };
        let sent = Sent::default();
        sent.keep(vec![row(1), row(2)]);
        let first = sent.leave();
        assert_eq!(first.rows(), [row(1), row(2)]);
        sent.keep(vec![row(3)]);
        let second = sent.leave();
        assert_eq!(second.rows(), [row(3)], "nothing leaves twice at a time");
        assert!(sent.leave().rows().is_empty());
        assert_eq!(sent.all(), HashSet::from([1, 2, 3].map(|n| row(n).key())));
        second.are_gone();
        assert_eq!(sent.all(), HashSet::from([1, 2].map(|n| row(n).key())));
        drop(first);
        assert_eq!(sent.leave().rows(), [row(1), row(2)]);
    }
}
