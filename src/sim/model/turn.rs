//! What must be true of a container at each commit that touches it, and of whoever starts in it.

use task_core::workflow::{Mode, Role};
use task_core::{ContainerId, TaskState};

use super::commit::Turn;
use super::state::{Child, Model, Node};
use super::{ledger, limits};

impl Model {
    /// Counters equal a recount, no more in flight than allowed and no fewer than possible,
    /// nothing left in what is over.
    pub(super) fn check_container(
        &self,
        id: ContainerId,
        before: Option<TaskState>,
        turn: &Turn,
    ) -> Result<(), String> {
        let Some(node) = self.containers.get(&id) else {
            return Ok(());
        };
        let (row, count) = (&node.row, node.count);
        if row.children != count {
            return Err(format!(
                "container {id} counts {}, and there are {count}",
                row.children
            ));
        }
        let most = match row.mode {
            Mode::Sequential => 1,
            Mode::Parallel => u64::from(row.max_in_flight),
        };
        if count.running > most {
            return Err(format!(
                "{} children of container {id} run; {most} may",
                count.running
            ));
        }
        if row.outcomes.total() > row.targets {
            return Err(format!(
                "container {id} accounts for {} of {} targets",
                row.outcomes.total(),
                row.targets
            ));
        }
        limits::check_times(node, before, turn)?;
        if row.chosen != node.chosen {
            return Err(format!(
                "container {id} has chosen {:?}, and its condition said {:?}",
                row.chosen, node.chosen
            ));
        }
        if row.state.is_terminal() {
            self.check_over(node)?;
            if before.is_none_or(|before| !before.is_terminal()) {
                self.check_end(node, before, turn)?;
            }
        } else if self
            .collections
            .get(&row.collection)
            .is_some_and(|c| c.cancelled)
        {
            return Err(format!(
                "container {id} of a cancelled collection is {} at {}",
                row.state, turn.now
            ));
        } else if row.state == TaskState::Running {
            self.check_open(node)?;
        }
        ledger::check(node)
    }

    /// Nothing is left in what is over.
    fn check_over(&self, node: &Node) -> Result<(), String> {
        let (row, count) = (&node.row, node.count);
        if count.waiting + count.running > 0 {
            return Err(format!(
                "container {} is {} with children: {count}",
                row.id, row.state
            ));
        }
        if row.outcomes.total() != row.targets {
            return Err(format!(
                "container {} is over and accounts for {} of {} targets",
                row.id,
                row.outcomes.total(),
                row.targets
            ));
        }
        Ok(())
    }

    /// What is not over has a reason for it, and makes use of its places.
    fn check_open(&self, node: &Node) -> Result<(), String> {
        let (row, count) = (&node.row, node.count);
        if row.expected != node.expected {
            return Err(format!(
                "container {} expects {:?} children, by what was announced {:?}",
                row.id, row.expected, node.expected
            ));
        }
        match row.mode {
            Mode::Sequential if count.running == 0 => {
                Err(format!("nothing runs in sequence {}: {count}", row.id))
            }
            Mode::Sequential => Ok(()),
            Mode::Parallel if node.is_settled() => Err(format!(
                "container {} goes on although it is settled: {count}",
                row.id
            )),
            Mode::Parallel if count.waiting > 0 && count.running < u64::from(row.max_in_flight) => {
                Err(format!(
                    "{} children of container {} wait although only {} of {} run",
                    count.waiting, row.id, count.running, row.max_in_flight
                ))
            }
            Mode::Parallel => match row.generator.and_then(|id| self.status(id)) {
                Some(status) if matches!(status.state, TaskState::Failed | TaskState::Timeout) => {
                    Err(format!(
                        "container {} goes on although its generator is {}",
                        row.id, status.state
                    ))
                }
                _ => Ok(()),
            },
        }
    }

    /// In a sequence, all that stands before a child which starts is over and was good; only who
    /// reads what there is may start behind what was not. A condition's arm is the chosen one.
    pub(super) fn check_start(&self, child: Child) -> Result<(), String> {
        let (parent, position, name) = match child {
            Child::Task(id) => {
                let Some(leaf) = self.tasks.get(&id) else {
                    return Ok(());
                };
                let head = &leaf.task.head;
                if head.role == Role::Generator {
                    return Ok(());
                }
                (head.container, head.ordinal, id.to_string())
            }
            Child::Container(id) => {
                let Some(node) = self.containers.get(&id) else {
                    return Ok(());
                };
                let Some(parent) = node.row.parent else {
                    return Ok(());
                };
                (parent, node.row.position, id.to_string())
            }
        };
        let Some(node) = self
            .containers
            .get(&parent)
            .filter(|n| n.row.mode == Mode::Sequential)
        else {
            return Ok(());
        };
        let places = self.places(node);
        let earlier = || places.iter().filter(|place| place.at < position);
        if let Some(open) = earlier().find(|place| !place.state.is_terminal()) {
            return Err(format!(
                "{name} at place {position} started while place {} before it is {}",
                open.at, open.state
            ));
        }
        let bad = earlier().find(|place| place.is_bad());
        let reads = |bad: &Place| {
            let between = places.iter().filter(|p| p.at > bad.at && p.at <= position);
            between.into_iter().all(|place| place.reads)
        };
        if let Some(bad) = bad.filter(|bad| !reads(bad)) {
            return Err(format!(
                "{name} at place {position} started although place {} before it is {}",
                bad.at, bad.state
            ));
        }
        let own = places.iter().find(|place| place.at == position);
        match own.and_then(|own| own.arm) {
            Some(arm) if node.chosen != Some(arm) => Err(format!(
                "the arm {arm:?} of container {parent} runs, and its condition said {:?}",
                node.chosen
            )),
            _ => Ok(()),
        }
    }

    /// The children of a sequence in their order.
    pub(super) fn places(&self, node: &Node) -> Vec<Place> {
        let tasks = node.children.iter().filter_map(|id| self.tasks.get(id));
        let tasks = tasks.map(|leaf| Place {
            at: leaf.task.head.ordinal,
            state: leaf.state(),
            reads: leaf.task.head.role == Role::Aggregator,
            started: leaf.task.head.status.attempt > 0,
            arm: None,
        });
        let containers = node.containers.iter();
        let containers = containers.filter_map(|id| self.containers.get(id));
        let containers = containers.map(|node| Place {
            at: node.row.position,
            state: node.row.state,
            reads: false,
            started: node.row.started_at.is_some(),
            arm: node.row.arm,
        });
        let mut places: Vec<_> = tasks.chain(containers).collect();
        places.sort_unstable_by_key(|place| place.at);
        places
    }
}

/// A place in a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: u32,
    pub(super) state: TaskState,
    /// It is an aggregator.
    pub(super) reads: bool,
    pub(super) started: bool,
    pub(super) arm: Option<task_core::workflow::Arm>,
}

impl Place {
    pub(super) const fn is_bad(&self) -> bool {
        matches!(self.state, TaskState::Failed | TaskState::Timeout)
    }
}
