//! How a container must end.

use task_core::workflow::Mode;
use task_core::{Enough, TaskState};

use super::commit::Turn;
use super::state::{Model, Node};

impl Model {
    /// A container that has just ended did so for a reason, and as its children say.
    pub(super) fn check_end(
        &self,
        node: &Node,
        before: Option<TaskState>,
        turn: &Turn,
    ) -> Result<(), String> {
        let row = &node.row;
        self.check_closed(node, turn)?;
        if matches!(row.state, TaskState::Disabled | TaskState::Timeout) {
            return self.check_given_up(node, before, turn);
        }
        let wanted = match row.mode {
            Mode::Parallel => self.parallel(node, turn)?,
            // A plan made by hand may cut off a sequence, too; workflows cannot.
            Mode::Sequential if row.policy.cut_off.is_some() => return Ok(()),
            Mode::Sequential => self.sequence(node)?,
        };
        if row.state == wanted {
            return Ok(());
        }
        Err(format!(
            "container {} is {} and should be {wanted}: {:?} {:?} of {:?}, {}",
            row.id, row.state, row.mode, row.policy.enough, node.expected, node.count
        ))
    }

    /// What is left in a container ends as the container does; in `Timeout` behind a good end only
    /// if it was cut off.
    fn check_closed(&self, node: &Node, turn: &Turn) -> Result<(), String> {
        let row = &node.row;
        let Some(rest) = turn.closed.get(&row.id) else {
            return Ok(());
        };
        let right = match row.state {
            TaskState::Disabled | TaskState::Timeout => *rest == row.state,
            _ if *rest == TaskState::Timeout => turn.is_past(row.cut_off_at),
            _ => *rest == TaskState::Disabled,
        };
        if right {
            return Ok(());
        }
        Err(format!(
            "what was left in container {}, which is {}, ended as {rest}; it is cut off at {:?}",
            row.id, row.state, row.cut_off_at
        ))
    }

    /// A container is not given up by itself: it is in another that is over, it is the arm that
    /// was not chosen, or it is the whole collection.
    fn check_given_up(
        &self,
        node: &Node,
        before: Option<TaskState>,
        turn: &Turn,
    ) -> Result<(), String> {
        let row = &node.row;
        // The collection itself is held against its limits elsewhere.
        let Some(parent) = row.parent.and_then(|parent| self.containers.get(&parent)) else {
            return Ok(());
        };
        let waited = before == Some(TaskState::Pending);
        let other = waited && row.arm.is_some() && row.arm != parent.chosen;
        let right = match parent.row.state {
            TaskState::Disabled | TaskState::Timeout => row.state == parent.row.state,
            _ if other => row.state == TaskState::Disabled,
            TaskState::Succeeded | TaskState::PartiallyFailed | TaskState::Failed => {
                turn.closed.get(&parent.row.id) == Some(&row.state)
            }
            _ => false,
        };
        if right {
            return Ok(());
        }
        Err(format!(
            "container {} is {} in one that is {} and has chosen {:?}",
            row.id, row.state, parent.row.state, parent.chosen
        ))
    }

    fn parallel(&self, node: &Node, turn: &Turn) -> Result<TaskState, String> {
        let (row, count) = (&node.row, node.count);
        let generator = row.generator.and_then(|id| self.tasks.get(&id));
        let failed = generator.is_some_and(|generator| {
            let id = generator.task.head.id;
            matches!(generator.state(), TaskState::Failed | TaskState::Timeout)
                && !turn.closed_tasks.contains(&id)
        });
        if failed {
            return Ok(TaskState::Failed);
        }
        let good = count.succeeded + count.partial;
        let announced = node.expected.unwrap_or(count.created);
        let total = announced.max(count.created);
        let verdict = if !reaches(row.policy.enough, good, total) {
            TaskState::Failed
        } else if count.failed + count.timeout + count.partial > 0 {
            TaskState::PartiallyFailed
        } else {
            TaskState::Succeeded
        };
        if turn.closed.get(&row.id) != Some(&TaskState::Timeout) {
            if node.is_settled() {
                return Ok(verdict);
            }
            return Err(format!(
                "container {} is {} before it was settled: {:?} of {:?}, {count}",
                row.id, row.state, row.policy.enough, node.expected
            ));
        }
        // Cut off. What was announced and never came is missing; if nothing was announced, it
        // cannot be all of it.
        let unknown = node.expected.is_none();
        let missing = unknown || count.created < announced;
        Ok(match verdict {
            _ if unknown && (row.policy.enough == Enough::All || good == 0) => TaskState::Failed,
            TaskState::Succeeded if missing => TaskState::PartiallyFailed,
            verdict => verdict,
        })
    }

    fn sequence(&self, node: &Node) -> Result<TaskState, String> {
        let places = self.places(node);
        let Some(bad) = places.iter().position(super::turn::Place::is_bad) else {
            // An arm that was not chosen was looked at when it was given up.
            let given_up = |place: &&super::turn::Place| {
                place.state == TaskState::Disabled && place.arm.is_none()
            };
            if let Some(place) = places.iter().find(given_up) {
                return Err(format!(
                    "sequence {} is {} and left out place {}",
                    node.row.id, node.row.state, place.at
                ));
            }
            let partial = places.iter().any(|p| p.state == TaskState::PartiallyFailed);
            return Ok(match partial {
                true => TaskState::PartiallyFailed,
                false => TaskState::Succeeded,
            });
        };
        let behind = places.iter().skip(bad + 1).take_while(|place| place.reads);
        if let Some(place) = behind.into_iter().find(|place| !place.started) {
            return Err(format!(
                "sequence {} is {} and left out the aggregator at place {}",
                node.row.id, node.row.state, place.at
            ));
        }
        Ok(TaskState::Failed)
    }
}

impl Node {
    /// Whether nothing more can be expected of a parallel container, or nothing more is needed.
    pub(super) fn is_settled(&self) -> bool {
        let count = self.count;
        let good = count.succeeded + count.partial;
        let over = good + count.failed + count.timeout;
        let enough = self.row.policy.enough;
        match self.expected {
            Some(expected) => {
                count.created >= expected && over >= expected
                    || good > 0 && reaches(enough, good, expected)
            }
            // Some do not ask how many there will be.
            None => matches!(enough, Enough::Any | Enough::AtLeast(_)) && reaches(enough, good, 1),
        }
    }
}

/// Whether `good` of `total` are enough.
fn reaches(enough: Enough, good: u64, total: u64) -> bool {
    match enough {
        Enough::All => good >= total,
        Enough::Any => good >= 1 || total == 0,
        Enough::AtLeast(n) => good >= n,
        Enough::PerMille(share) => u128::from(good) * 1000 >= u128::from(total) * u128::from(share),
    }
}
