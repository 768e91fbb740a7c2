//! Moving containers on: activate, fill, decide, finish.
//!
//! Only counters are looked at. A completion costs the same with ten children and with a million.

use std::time::Duration;

use crate::id::{ContainerId, TaskId};
use crate::ports::store::{ContainerRow, StoreError, Task};
use crate::state::TaskState;
use crate::workflow::{Mode, Role};

use super::work::Work;

impl Work<'_> {
    /// Moves on every container that something has happened to, and its parents, until all is at
    /// rest; then dispatches.
    pub(super) async fn advance(&mut self) -> Result<(), StoreError> {
        loop {
            while let Some(id) = self.unsettled.pop_first() {
                self.settle(id).await?;
            }
            self.start_again().await?;
            self.fill().await?;
            // Filling may have activated containers, and these start with a generator.
            if self.unsettled.is_empty() && self.first.is_empty() {
                return Ok(());
            }
        }
    }

    /// A container starts.
    pub(super) fn activate(&mut self, id: ContainerId) -> Result<(), StoreError> {
        let now = self.now;
        let container = self.container(id)?;
        container.state = TaskState::Running;
        container.started_at = Some(now);
        container.cut_off_at = container.policy.cut_off.map(|after| now.after(after));
        match container.generator {
            Some(generator) => self.first.push(generator),
            None => {
                self.unsettled.insert(id);
            }
        }
        Ok(())
    }

    async fn settle(&mut self, id: ContainerId) -> Result<(), StoreError> {
        self.read_containers(&[id]).await?;
        let Some(container) = self.containers.get(&id) else {
            return Ok(());
        };
        if container.state != TaskState::Running {
            return Ok(());
        }
        if self.broken.remove(&id) {
            return self.finish(id, TaskState::Failed).await;
        }
        match container.mode {
            Mode::Parallel => self.settle_parallel(id).await,
            Mode::Sequential => self.settle_sequence(id).await,
        }
    }

    async fn settle_parallel(&mut self, id: ContainerId) -> Result<(), StoreError> {
        let Some(container) = self.containers.get(&id) else {
            return Ok(());
        };
        if let Some(state) = verdict(container) {
            return self.finish(id, state).await;
        }
        let children = container.children;
        let free = u64::from(container.max_in_flight).saturating_sub(children.running);
        if free > 0 && children.waiting > 0 {
            let wanted = u32::try_from(free.min(children.waiting)).unwrap_or(u32::MAX);
            self.wanted.insert(id, wanted);
        }
        Ok(())
    }

    /// A sequence has one child at a time; when it is terminal the next one follows.
    async fn settle_sequence(&mut self, id: ContainerId) -> Result<(), StoreError> {
        let Some(container) = self.containers.get(&id) else {
            return Ok(());
        };
        if container.children.running > 0 {
            return Ok(());
        }
        let broken =
            container.children.failed + container.children.timeout > 0 && !mutant!(FailureIgnored);
        let (cursor, started) = (container.cursor, container.children.done() > 0);
        let Some(next) = self.next_in_sequence(id).await? else {
            return self
                .finish(id, sequence_verdict(self.containers.get(&id)))
                .await;
        };
        match next {
            Next::Task(task) => {
                // An aggregator reads what there is, good or not, but only right behind it.
                let reads = task.head.role == Role::Aggregator
                    && started
                    && task.head.ordinal == cursor + 1;
                if broken && !reads {
                    return self.finish(id, TaskState::Failed).await;
                }
                let container = self.container(id)?;
                container.cursor = task.head.ordinal;
                container.children.move_waiting(TaskState::Running);
                self.start(*task, Duration::ZERO);
            }
            Next::Container(child) => {
                if broken {
                    return self.finish(id, TaskState::Failed).await;
                }
                let row = self.container(child)?;
                let (position, arm) = (row.position, row.arm);
                let container = self.container(id)?;
                container.cursor = position;
                if arm.is_some() && arm != container.chosen {
                    container.children.move_waiting(TaskState::Disabled);
                    self.close(child, TaskState::Disabled).await?;
                    self.unsettled.insert(id);
                } else {
                    container.children.move_waiting(TaskState::Running);
                    self.activate(child)?;
                }
            }
        }
        Ok(())
    }

    /// The pending child that stands first, whatever it is.
    async fn next_in_sequence(&mut self, id: ContainerId) -> Result<Option<Next>, StoreError> {
        let Some(container) = self.containers.get(&id) else {
            return Ok(None);
        };
        if container.children.waiting == 0 {
            return Ok(None);
        }
        let collection = container.collection;
        self.flush_tasks().await?;
        let task = self.tx.waiting(&[(id, 1)]).await?.pop();
        if let Some(task) = &task {
            self.read_collections(&[task.head.collection]).await?;
        }
        self.read_whole(collection).await?;
        let child = self.pending_children(id).first().copied();
        Ok(match (task, child) {
            (Some(task), Some((position, _))) if task.head.ordinal < position => {
                Some(Next::Task(Box::new(task)))
            }
            (_, Some((_, child))) => Some(Next::Container(child)),
            (Some(task), None) => Some(Next::Task(Box::new(task))),
            (None, None) => None,
        })
    }

    /// Containers that stand in `id` and wait for their turn, by position. Needs `read_whole`.
    fn pending_children(&self, id: ContainerId) -> Vec<(u32, ContainerId)> {
        let mut children: Vec<_> = self
            .containers
            .values()
            .filter(|child| child.parent == Some(id) && child.state == TaskState::Pending)
            .map(|child| (child.position, child.id))
            .collect();
        children.sort_unstable();
        children
    }

    /// A container is over: what is left in it is not needed, and its parent moves on.
    pub(super) async fn finish(
        &mut self,
        id: ContainerId,
        state: TaskState,
    ) -> Result<(), StoreError> {
        let rest = if state == TaskState::Timeout {
            state
        } else {
            TaskState::Disabled
        };
        self.close_children(id, rest).await?;
        let now = self.now;
        let container = self.container(id)?;
        container.state = state;
        container.finished_at = Some(now);
        let (collection, parent) = (container.collection, container.parent);
        self.wanted.remove(&id);
        match parent {
            Some(parent) => {
                self.read_containers(&[parent]).await?;
                self.container(parent)?.children.move_running(state);
                self.unsettled.insert(parent);
            }
            None => {
                self.read_collections(&[collection]).await?;
                let collection = self.collection(collection)?;
                collection.state = state;
                collection.finished_at = Some(now);
            }
        }
        Ok(())
    }

    /// Dispatches the generators of containers that were activated, and what is tried again.
    async fn start_again(&mut self) -> Result<(), StoreError> {
        let first = std::mem::take(&mut self.first);
        let again = std::mem::take(&mut self.again);
        let ids: Vec<TaskId> = first
            .into_iter()
            .chain(again.iter().map(|again| again.task))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.flush_tasks().await?;
        let tasks = self.tx.tasks(&ids).await?;
        let mut again: std::collections::HashMap<_, _> =
            again.into_iter().map(|again| (again.task, again)).collect();
        for mut task in tasks {
            self.read_around(std::slice::from_ref(&task.head)).await?;
            let mut delay = Duration::ZERO;
            if let Some(again) = again.remove(&task.head.id) {
                task.head.status = again.status;
                delay = again.delay;
            }
            let closed = |c: &ContainerRow| c.state.is_terminal();
            if !self
                .containers
                .get(&task.head.container)
                .is_some_and(closed)
            {
                self.start(task, delay);
            }
        }
        Ok(())
    }

    /// Dispatches waiting children of parallel containers, as far as there is room.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let wanted: Vec<_> = std::mem::take(&mut self.wanted).into_iter().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        self.flush_tasks().await?;
        let mut found = std::collections::HashMap::<ContainerId, Vec<Task>>::new();
        for task in self.tx.waiting(&wanted).await? {
            found.entry(task.head.container).or_default().push(task);
        }
        for (id, free) in wanted {
            let tasks = found.remove(&id).unwrap_or_default();
            let row = self.container(id)?;
            let (collection, waiting) = (row.collection, row.children.waiting);
            self.read_collections(&[collection]).await?;
            // Whatever waits and is no task is a container.
            let containers = if (tasks.len() as u64) < waiting && tasks.len() < free as usize {
                self.read_whole(collection).await?;
                self.pending_children(id)
            } else {
                Vec::new()
            };
            let tasks = tasks
                .into_iter()
                .map(|task| (task.head.ordinal, Next::Task(Box::new(task))));
            let mut children: Vec<_> = tasks
                .chain(
                    containers
                        .into_iter()
                        .map(|(at, child)| (at, Next::Container(child))),
                )
                .collect();
            children.sort_by_key(|(position, _)| *position);
            for (_, child) in children.into_iter().take(free as usize) {
                self.container(id)?
                    .children
                    .move_waiting(TaskState::Running);
                match child {
                    Next::Task(task) => self.start(*task, Duration::ZERO),
                    Next::Container(child) => self.activate(child)?,
                }
            }
        }
        Ok(())
    }
}

/// A child whose turn has come.
enum Next {
    Task(Box<Task>),
    Container(ContainerId),
}

/// Whether a parallel container is over, and how.
fn verdict(container: &ContainerRow) -> Option<TaskState> {
    let children = &container.children;
    let enough = |total| children.good() >= container.policy.enough.needed(total);
    let over = match container.expected {
        Some(expected) => {
            let done = container.has_all_children() && children.done() >= expected;
            done || enough(expected) && expected > 0 && children.good() > 0
        }
        // The total is not known yet, but some policies do not ask for it.
        None => match container.policy.enough {
            crate::policy::Enough::Any => children.good() >= 1,
            crate::policy::Enough::AtLeast(n) => children.good() >= n,
            crate::policy::Enough::All | crate::policy::Enough::PerMille(_) => false,
        },
    };
    if mutant!(AggregatorOnFirst) && children.done() > 0 {
        return Some(sequence_verdict(Some(container)));
    }
    let over = over || mutant!(NoExpectedTotal) && children.done() >= children.created;
    over.then(|| parallel_verdict(container))
}

/// How a parallel container ends with its children as they are.
pub(super) fn parallel_verdict(container: &ContainerRow) -> TaskState {
    let children = &container.children;
    let total = container
        .expected
        .unwrap_or(children.created)
        .max(children.created);
    let bad = children.failed + children.timeout + children.partial;
    if children.good() < container.policy.enough.needed(total) {
        TaskState::Failed
    } else if bad > 0 {
        TaskState::PartiallyFailed
    } else {
        TaskState::Succeeded
    }
}

fn sequence_verdict(container: Option<&ContainerRow>) -> TaskState {
    let children = container
        .map(|container| container.children)
        .unwrap_or_default();
    if children.failed + children.timeout > 0 && !mutant!(FailureIgnored) {
        TaskState::Failed
    } else if children.partial > 0 {
        TaskState::PartiallyFailed
    } else {
        TaskState::Succeeded
    }
}
