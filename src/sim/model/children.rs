//! Children of generators: those that were asked for, and as many.

use task_core::message::NewChild;
use task_core::ports::store::TaskStatus;
use task_core::workflow::Role;
use task_core::{TaskId, TaskState};

use super::attempt::{Next, Wanted};
use super::commit::Turn;
use super::state::{Leaf, Model};

impl Model {
    /// A task that is new was planned, or its generator asked for it.
    pub(super) fn check_created(&self, leaf: &Leaf, turn: &Turn) -> Result<(), String> {
        let head = &leaf.task.head;
        let node = self.containers.get(&head.container);
        let generator = node.and_then(|node| node.row.generator);
        let Some(generator) = generator.filter(|generator| *generator != head.id) else {
            // Held against the plan as a whole.
            return Ok(());
        };
        let asked = turn.creating.get(&generator).into_iter().flatten();
        let mut asked = asked.flat_map(|said| &said.children);
        if asked.any(|child| is_as_asked(leaf, child)) {
            return Ok(());
        }
        Err(format!(
            "child {} of generator {generator} is {} at place {}, and nobody asked for that",
            head.id, head.kind, head.ordinal
        ))
    }

    /// How many children are expected after what this generator did.
    pub(super) fn expect_children(
        &mut self,
        id: TaskId,
        before: &TaskStatus,
        wanted: &Wanted<'_>,
        role: Role,
        turn: &Turn,
    ) -> Result<(), String> {
        if role != Role::Generator {
            return Ok(());
        }
        let Some(leaf) = self.tasks.get(&id) else {
            return Ok(());
        };
        let (status, container) = (&leaf.task.head.status, leaf.task.head.container);
        let (again, state) = (status.attempt > before.attempt, status.state);
        let Some(node) = self.containers.get(&container) else {
            return Ok(());
        };
        let expected = match (&wanted.next, state) {
            (Next::Returned(total), _) => {
                let beyond = node.children.iter().filter_map(|id| self.tasks.get(id));
                let beyond = beyond
                    .filter(|child| child.task.head.ordinal >= *total)
                    .count();
                Some(u64::from(*total) + beyond as u64)
            }
            // Only an attempt that has ended knows.
            _ if again => None,
            _ if turn.closed_tasks.contains(&id) => node.expected,
            (_, TaskState::Failed | TaskState::Timeout) => Some(0),
            _ => node.expected,
        };
        let complete = expected.is_some_and(|expected| node.count.created >= expected);
        let waits = state == TaskState::PendingTaskCreation;
        if waits && complete {
            return Err(format!(
                "generator {id} waits for children that are all there"
            ));
        }
        if state == TaskState::Succeeded && !complete {
            return Err(format!(
                "generator {id} succeeded with {} of {expected:?} children",
                node.count.created
            ));
        }
        if let Some(node) = self.containers.get_mut(&container) {
            node.expected = expected;
        }
        Ok(())
    }
}

fn is_as_asked(leaf: &Leaf, child: &NewChild) -> bool {
    let (task, head) = (&leaf.task, &leaf.task.head);
    child.ordinal == head.ordinal
        && *child.kind == *head.kind
        && (child.version, child.targets) == (task.version, head.targets)
        && child.payload == task.payload
        && child.options.is_none_or(|mut options| {
            // No message may ask for more.
            options.retry.max_failures = options.retry.max_failures.min(1000);
            options == head.options
        })
}
