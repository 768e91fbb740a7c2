//! `CreateTasks`: children of generators, in any order and more than once.

use std::collections::HashMap;
use std::time::Duration;

use crate::ledger::DROPPED_FAILED;
use crate::message::{CreateTasks, NewChild};
use crate::policy::TaskOptions;
use crate::ports::store::{ContainerRow, StoreError, Task, TaskHead, TaskStatus};
use crate::route::WorkerKind;
use crate::state::TaskState;
use crate::task::ErasedTask;
use crate::workflow::Role;

use super::Manager;
use super::error::Refusal;
use super::work::{Heads, Work};

impl Work<'_> {
    pub(super) async fn create(
        &mut self,
        creations: &[&(usize, CreateTasks)],
        heads: &mut Heads,
    ) -> Result<(), StoreError> {
        let mut children = Vec::new();
        // Places that are left in each container; shared by all messages of the batch.
        let mut places = HashMap::new();
        for (index, create) in creations {
            let Some(generator) = heads.get_mut(&create.parent_id) else {
                self.refused.push((*index, Refusal::UnknownTask));
                continue;
            };
            if generator.role != Role::Generator {
                self.refused.push((*index, Refusal::NotAGenerator));
                continue;
            }
            // An older attempt's children may differ from the current one's, unless that one goes
            // on where the older one has stopped. A generator that has ended wants no more.
            let status = &generator.status;
            let current =
                create.attempt == status.attempt || status.cursor.is_some() || mutant!(NoFencing);
            if !current || status.state.is_terminal() {
                continue;
            }
            let container = self.container(generator.container)?;
            let total = container.expected.unwrap_or(u64::MAX);
            let taken = container.children.waiting + container.children.running;
            let free: &mut u64 = places
                .entry(generator.container)
                .or_insert_with(|| u64::from(container.max_in_flight).saturating_sub(taken));
            for child in &create.children {
                if u64::from(child.ordinal) < total {
                    let mut task = self.child(generator, child);
                    // What finds a place at once skips the waiting room. The place is lost if
                    // the child is there already; then `advance` fills it.
                    if *free > 0 && task.head.status.state == TaskState::Pending {
                        *free -= 1;
                        Manager::next_attempt(&mut task.head, self.now, Duration::ZERO);
                    }
                    children.push(task);
                }
            }
            // Children on their way are a sign of life.
            let due = self.now.after(generator.options.limits.running);
            let due = generator.status.due_at.map(|old| old.max(due));
            generator.status.due_at = due.min(generator.status.give_up_at.or(due));
            self.update(generator.id, generator.status.clone());
            self.unsettled.insert(generator.container);
        }
        if children.is_empty() {
            return Ok(());
        }
        let fresh = self.tx.insert_tasks(&children).await?;
        for (task, fresh) in children.into_iter().zip(fresh) {
            if fresh || mutant!(CountWithoutDedupe) {
                self.count_child(task)?;
            }
        }
        for generator in heads.values_mut() {
            let pending = generator.status.state == TaskState::PendingTaskCreation;
            if pending && self.container(generator.container)?.has_all_children() {
                self.end(generator, TaskState::Succeeded)?;
            }
        }
        Ok(())
    }

    fn child(&self, generator: &TaskHead, child: &NewChild) -> Task {
        let known = self.manager.registry.get(&child.kind);
        let limit = self.manager.inline_limit();
        let trouble = match known {
            None => Some(format!(
                "no task definition of kind `{}` is registered",
                child.kind
            )),
            Some(known) if child.version > known.version => Some(format!(
                "`{}` has version {} but only {} is registered",
                child.kind, child.version, known.version
            )),
            Some(known) if !self.may_create(generator, known) => Some(format!(
                "`{}` may not create `{}`; name it in the generator's `CREATES`",
                generator.kind, child.kind
            )),
            Some(_) if child.payload.inline_len() > limit => Some(format!(
                "the payload has {} bytes; at most {limit} fit a message",
                child.payload.inline_len()
            )),
            Some(_) => None,
        };
        let mut status = TaskStatus::NEW;
        if trouble.is_some() {
            status.state = TaskState::Failed;
            status.error = trouble;
        }
        let own = known.map(|known| known.options).unwrap_or_default();
        Task {
            head: TaskHead {
                id: generator.id.child(child.ordinal),
                collection: generator.collection,
                container: generator.container,
                role: Role::Plain,
                ordinal: child.ordinal,
                kind: known.map_or_else(|| child.kind.as_str().into(), |known| known.kind.into()),
                route: known.map_or(WorkerKind::External, |known| known.worker),
                targets: child.targets,
                options: child.options.map_or(own, TaskOptions::capped),
                status,
            },
            name: None,
            version: child.version,
            payload: child.payload.clone(),
        }
    }

    /// Whether a generator may have children of this kind: those that it names, or, if it names
    /// none, those that need no more than it has itself.
    fn may_create(&self, generator: &TaskHead, child: &ErasedTask) -> bool {
        match self.manager.registry.get(&generator.kind) {
            Some(known) if !known.creates.is_empty() => known.creates.contains(&child.kind),
            _ => child.worker <= generator.route,
        }
    }

    /// Books a child that was not there before.
    fn count_child(&mut self, task: Task) -> Result<(), StoreError> {
        let container: &mut ContainerRow = self.container(task.head.container)?;
        container.children.created += 1;
        container.targets = container.targets.saturating_add(task.head.targets);
        match task.head.status.state {
            TaskState::Running => {
                container.children.running += 1;
                self.enqueue(task, Duration::ZERO);
            }
            TaskState::Failed => {
                container.children.failed += 1;
                container.outcomes.add(DROPPED_FAILED, task.head.targets);
            }
            _ => container.children.waiting += 1,
        }
        Ok(())
    }
}
