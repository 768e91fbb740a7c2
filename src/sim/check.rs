//! What must be true of a container at each commit that touches it.

use task_core::workflow::{Mode, Role};
use task_core::{CollectionId, ContainerId, Enough, TaskState, Timestamp};

use super::model::{Child, Model, Node};

impl Model {
    /// Counters equal a recount, no more in flight than allowed, nothing left in what is over.
    pub(super) fn check_container(&self, id: ContainerId, now: Timestamp) -> Result<(), String> {
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
        if row.state.is_terminal() {
            if count.waiting + count.running > 0 {
                return Err(format!(
                    "container {id} is {} with children: {count}",
                    row.state
                ));
            }
            if row.outcomes.total() != row.targets {
                return Err(format!(
                    "container {id} is over and accounts for {} of {} targets",
                    row.outcomes.total(),
                    row.targets
                ));
            }
            self.check_verdict(node)?;
        }
        let cancelled = self
            .collections
            .get(&row.collection)
            .is_some_and(|c| c.cancelled);
        if cancelled && !row.state.is_terminal() {
            return Err(format!(
                "container {id} of a cancelled collection is {} at {now}",
                row.state
            ));
        }
        Ok(())
    }

    /// A container that must have all of its children has them: they were announced, they exist,
    /// they made it.
    fn check_verdict(&self, node: &Node) -> Result<(), String> {
        let row = &node.row;
        if row.state != TaskState::Succeeded || row.mode != Mode::Parallel {
            return Ok(());
        }
        let id = row.id;
        let generator = row
            .generator
            .and_then(|generator| self.tasks.get(&generator));
        if row.policy.enough == Enough::All {
            if let Some(generator) = generator.filter(|g| g.state() != TaskState::Succeeded) {
                return Err(format!(
                    "container {id} succeeded although its generator is {}",
                    generator.state()
                ));
            }
            if row.children.good() != row.children.created {
                return Err(format!("container {id} succeeded with {}", row.children));
            }
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

    /// In a sequence, all that stands before a child which starts is over.
    pub(super) fn check_turn(&self, child: Child) -> Result<(), String> {
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
        let tasks = node.children.iter().filter_map(|id| self.tasks.get(id));
        let tasks = tasks.map(|leaf| (leaf.task.head.ordinal, leaf.state()));
        let containers = node
            .containers
            .iter()
            .filter_map(|id| self.containers.get(id));
        let containers = containers.map(|node| (node.row.position, node.row.state));
        match tasks
            .chain(containers)
            .find(|(at, state)| *at < position && !state.is_terminal())
        {
            None => Ok(()),
            Some((at, state)) => Err(format!(
                "{name} at place {position} started while place {at} before it is {state}"
            )),
        }
    }
}
