//! What became of targets, and what was used, by what was said of it.

use task_core::ledger::{DROPPED_DISABLED, DROPPED_FAILED, DROPPED_TIMEOUT};
use task_core::message::{CompleteTask, Outcome};
use task_core::{TaskId, TaskState};

use super::state::{Leaf, Model, Node};

impl Model {
    /// Takes in what an attempt said that counts.
    pub(super) fn count_in(&mut self, id: TaskId, said: &CompleteTask, keeps: bool) {
        let Some(leaf) = self.tasks.get_mut(&id) else {
            return;
        };
        let Some(node) = self.containers.get_mut(&leaf.task.head.container) else {
            return;
        };
        node.usage.merge(&said.usage);
        if keeps && !leaf.has_returned() {
            for (class, n) in said.coverage.iter() {
                leaf.outcomes.add(class.to_owned(), n);
                node.outcomes.add(class.to_owned(), n);
                leaf.accounted += n;
            }
        }
    }

    /// A task that did not make it has its other targets dropped.
    pub(super) fn drop_rest(&mut self, id: TaskId, said: Option<&CompleteTask>) {
        let Some(leaf) = self.tasks.get_mut(&id) else {
            return;
        };
        let class = match (said.map(|said| &said.outcome), leaf.state()) {
            (Some(Outcome::OutOfScope { .. }), TaskState::Failed) => "out_of_scope",
            (_, TaskState::Timeout) => DROPPED_TIMEOUT,
            (_, TaskState::Disabled) => DROPPED_DISABLED,
            _ => DROPPED_FAILED,
        };
        let left = leaf.left();
        leaf.accounted += left;
        leaf.outcomes.add(class, left);
        if let Some(node) = self.containers.get_mut(&leaf.task.head.container) {
            node.outcomes.add(class, left);
        }
    }
}

impl Leaf {
    /// Targets that nothing is known of yet.
    pub(super) const fn left(&self) -> u64 {
        self.task.head.targets.saturating_sub(self.accounted)
    }

    /// A generator that runs again for its children is not asked once more what became of its own
    /// targets.
    pub(super) fn has_returned(&self) -> bool {
        self.task.head.role == task_core::workflow::Role::Generator
            && self.task.head.targets > 0
            && self.left() == 0
    }
}

/// The books of a container against what was said.
pub(super) fn check(node: &Node) -> Result<(), String> {
    let row = &node.row;
    if row.outcomes != node.outcomes {
        return Err(format!(
            "container {} books its targets as {:?}, and they ended as {:?}",
            row.id, row.outcomes, node.outcomes
        ));
    }
    if row.usage != node.usage {
        return Err(format!(
            "container {} books {:?}, and its tasks used {:?}",
            row.id, row.usage, node.usage
        ));
    }
    Ok(())
}
