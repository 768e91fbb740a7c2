//! Time: limits are those of the plan, they hold, and nothing is given up before.

use std::time::Duration;

use task_core::{CollectionId, TaskState, Timestamp};

use super::commit::Turn;
use super::state::{Leaf, Model, Node};
use crate::sim::site::{LOOK, TICK};

/// How late something may be that `extra` and the next tick of a manager bring about; in a storm
/// it may take some time until there is one.
pub(in crate::sim) fn late(calm: bool, extra: Duration) -> Duration {
    if calm {
        extra + TICK + LOOK + MARGIN
    } else {
        extra + Duration::from_secs(600)
    }
}

/// What transactions may take.
const MARGIN: Duration = Duration::from_secs(2);

impl Model {
    /// Whoever is dispatched and shows no life is looked after, and what must be sent is sent.
    pub(in crate::sim) fn check_overdue(&self, now: Timestamp) -> Result<(), String> {
        if let Some((due, task)) = self.due.first()
            && now.since(*due) > late(self.calm, Duration::ZERO)
        {
            return Err(format!(
                "task {task} has counted as lost for {:?}, and nobody looks after it",
                now.since(*due)
            ));
        }
        self.check_stuck(now)
    }

    /// Who has recovered has dispatched all again that was dispatched before the carrier forgot it.
    pub(in crate::sim) fn check_recovered(&self, forgotten: Timestamp) -> Result<(), String> {
        let lost = |leaf: &&Leaf| leaf.task.head.status.due_at.is_some() && leaf.began < forgotten;
        match self.tasks.values().find(lost) {
            None => Ok(()),
            Some(leaf) => Err(format!(
                "task {} was forgotten by the carrier, and a manager that recovered left it so",
                leaf.task.head.id
            )),
        }
    }

    pub(super) fn check_collection(&self, id: CollectionId, turn: &Turn) -> Result<(), String> {
        let (Some(row), Some(root)) = (
            self.collections.get(&id),
            self.containers.get(&id.container(0)),
        ) else {
            return Err(format!("collection {id} has no root"));
        };
        let after = self.plan.deadline_ms.map(Duration::from_millis);
        let deadline = after.map(|after| row.created_at.after(after));
        if row.deadline_at != deadline {
            return Err(format!(
                "collection {id} must be over at {:?}, by its plan at {deadline:?}",
                row.deadline_at
            ));
        }
        if row.state != root.row.state {
            return Err(format!(
                "collection {id} is {}, and its root is {}",
                row.state, root.row.state
            ));
        }
        if row.state == TaskState::Timeout && !turn.is_past(deadline) {
            return Err(format!(
                "collection {id} ran out of time before {deadline:?}"
            ));
        }
        if row.state == TaskState::Disabled && !row.cancelled {
            return Err(format!("collection {id} was given up, and nobody asked"));
        }
        Ok(())
    }

    /// Whoever took a cancellation has done what it says.
    pub(super) fn check_cancelled(&self, id: CollectionId) -> Result<(), String> {
        match self.collections.get(&id) {
            Some(collection) if !collection.state.is_terminal() => Err(format!(
                "the cancellation of collection {id} was taken, and it is still {}",
                collection.state
            )),
            Some(_) => Ok(()),
            None => Err(format!(
                "the cancellation of collection {id} was taken before the collection was known"
            )),
        }
    }

    /// What was submitted is what is there.
    pub(super) fn check_planned(&self, id: CollectionId) -> Result<(), String> {
        for (index, planned) in (0..).zip(&self.plan.containers) {
            let id_of = |index| id.container(index);
            let row = self.containers.get(&id_of(index)).map(|node| &node.row);
            let right = row.is_some_and(|row| {
                row.parent == planned.parent.map(id_of)
                    && (row.position, row.mode, row.arm)
                        == (planned.position, planned.mode, planned.arm)
                    && (row.policy, row.max_in_flight) == (planned.policy, planned.max_in_flight)
            });
            if !right {
                return Err(format!("container {} is not as planned", id_of(index)));
            }
        }
        for (index, planned) in (0..).zip(&self.plan.tasks) {
            let id_of = id.task(index);
            let right = self.tasks.get(&id_of).is_some_and(|leaf| {
                let head = &leaf.task.head;
                head.container == id.container(planned.container)
                    && (head.ordinal, head.role) == (planned.position, planned.role)
                    && (head.targets, head.options) == (planned.targets, planned.options)
                    && *head.kind == *planned.kind
            });
            if !right {
                return Err(format!("task {id_of} is not as planned"));
            }
        }
        Ok(())
    }
}

/// The times of a container are those of its plan and of its manager.
pub(super) fn check_times(
    node: &Node,
    before: Option<TaskState>,
    turn: &Turn,
) -> Result<(), String> {
    let row = &node.row;
    let cut_off = row
        .started_at
        .and_then(|started| Some(started.after(row.policy.cut_off?)));
    if row.cut_off_at != cut_off {
        return Err(format!(
            "container {} is cut off at {:?}, by its policy at {cut_off:?}",
            row.id, row.cut_off_at
        ));
    }
    let is = |at: Option<Timestamp>| turn.clock.is_none() || at == turn.clock;
    let started = row.state == TaskState::Running && before != Some(TaskState::Running);
    if started && !is(row.started_at) {
        return Err(format!(
            "container {} says it started at another time",
            row.id
        ));
    }
    let ended = row.state.is_terminal() && before.is_none_or(|state| !state.is_terminal());
    if ended && !is(row.finished_at) {
        return Err(format!(
            "container {} says it ended at another time",
            row.id
        ));
    }
    Ok(())
}
