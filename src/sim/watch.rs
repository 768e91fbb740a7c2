//! What running tasks do, seen from inside: whether they go on although they should have heard.

use std::fmt;
use std::time::Duration;

use task_core::{CollectionId, TaskState};

use super::keeper::Shared;
use super::paths::Path;

/// Lent to every task as a resource; generated ones say when a step begins.
pub(super) struct Watch {
    shared: Shared,
}

impl Watch {
    pub(super) const fn new(shared: Shared) -> Self {
        Self { shared }
    }

    /// A task was asked to hand back what it has, and need not stop yet.
    pub(super) fn heard_leaving(&self) {
        self.shared.chaos.passed(Path::HeardLeaving);
    }

    /// A task of this collection begins a step. Where nothing goes wrong, the word that a
    /// collection is over reaches who works for it; elsewhere it may be lost, and only costs time.
    pub(super) fn step(&self, collection: CollectionId) {
        if !self.shared.chaos.faults().is_none() {
            return;
        }
        let now = self.shared.world.now();
        let ended = {
            let model = self.shared.model();
            let row = model.collections.get(&collection);
            row.filter(|row| matches!(row.state, TaskState::Disabled | TaskState::Timeout))
                .and_then(|row| row.finished_at)
        };
        if let Some(since) = ended.map(|at| now.since(at)).filter(|since| *since > WORD) {
            self.shared.chaos.violated(format!(
                "a task of collection {collection} goes on {since:?} after it was stopped"
            ));
        }
    }
}

/// What the word may take, with some time to spare: workers look every two seconds, at most once
/// for all their tasks together.
const WORD: Duration = Duration::from_secs(10);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
