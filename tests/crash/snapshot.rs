//! The state as the store has it at one moment, and what must be true of it at any moment.

use std::collections::HashMap;
use std::path::Path;

use sortie::core::id::ContainerId;
use sortie::core::ports::store::{CollectionRow, ContainerRow, Counters, Store as _, TaskHead};
use sortie::core::workflow::Role;
use sortie::core::{CollectionId, TaskId};
use sortie::prelude::*;
use sortie::stores::SqliteStore;

use crate::workflow::CHILDREN;

/// Tasks of the plan: generator, reader, publisher.
const PLANNED: u32 = 3;

pub(crate) struct Snapshot {
    pub(crate) collection: CollectionRow,
    pub(crate) containers: Vec<ContainerRow>,
    pub(crate) tasks: HashMap<TaskId, TaskHead>,
}

impl Snapshot {
    /// From a copy of what a killed process has left: whoever opens the original would recover it,
    /// and nothing would be left to the next process. `None` if nothing has been submitted.
    pub(crate) async fn of_dead(folder: &Path) -> Option<Self> {
        let copy = tempfile::tempdir().unwrap();
        let copied = |file| std::fs::copy(folder.join(file), copy.path().join(file)).ok();
        copied("state.sqlite")?;
        // Killed so early that there is no log, it has not submitted anything either.
        copied("state.sqlite-wal")?;
        let store = SqliteStore::open(copy.path().join("state.sqlite")).await;
        Self::of(&store.unwrap()).await
    }

    pub(crate) async fn of(store: &SqliteStore) -> Option<Self> {
        let mut collections = store.collections(2).await.unwrap();
        assert!(collections.len() <= 1, "submitted more than once");
        let collection = collections.pop()?;
        let containers = store.containers(collection.id).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        let mut ids = planned(collection.id);
        let mut tasks = tx.heads(&ids).await.unwrap();
        assert_eq!(tasks.len(), ids.len());
        let generator = generator(&tasks);
        // One more than there may be.
        ids = (0..=CHILDREN).map(|n| generator.child(n)).collect();
        tasks.extend(tx.heads(&ids).await.unwrap());
        Some(Self {
            collection,
            containers,
            tasks: tasks.into_iter().map(|task| (task.id, task)).collect(),
        })
    }

    /// The tasks of the plan.
    pub(crate) fn planned(&self) -> impl Iterator<Item = &TaskHead> {
        let ids = planned(self.collection.id);
        ids.into_iter().map(|id| &self.tasks[&id])
    }

    /// The task that makes the children.
    pub(crate) fn generator(&self) -> TaskId {
        generator(self.tasks.values())
    }

    pub(crate) fn container(&self, name: &str) -> &ContainerRow {
        let named = |c: &&ContainerRow| c.name.as_deref() == Some(name);
        self.containers.iter().find(named).unwrap()
    }

    /// Counters are those of a recount, nobody is over `max_in_flight`, and the ledger has what
    /// the tasks have accounted for, and no more.
    pub(crate) fn is_consistent(&self) {
        for container in &self.containers {
            let counted = self.recount(container.id);
            assert_eq!(container.children, counted, "counters of {container:#?}");
            assert!(counted.running <= u64::from(container.max_in_flight));
            let targets: u64 = self.inside(container.id).map(|task| task.targets).sum();
            assert_eq!(container.targets, targets, "targets of {container:#?}");
            let accounted: u64 = self.inside(container.id).map(accounted).sum();
            let booked = container.outcomes.total();
            assert_eq!(booked, accounted, "outcomes of {container:#?}");
        }
    }

    /// What had ended before is as it was: nothing was lost, and nothing done again.
    pub(crate) fn keeps(&self, before: &Self) {
        for (id, task) in &before.tasks {
            if task.status.state.is_terminal() {
                assert_eq!(self.tasks.get(id), Some(task), "was over");
            } else {
                let now = self.tasks.get(id).expect("a task that was there is lost");
                assert!(now.status.attempt >= task.status.attempt, "{now:#?}");
            }
        }
    }

    fn inside(&self, container: ContainerId) -> impl Iterator<Item = &TaskHead> {
        let inside = move |task: &&TaskHead| task.container == container;
        self.tasks.values().filter(inside)
    }

    fn recount(&self, container: ContainerId) -> Counters {
        let containers = self.containers.iter();
        let below = containers.filter(|c| c.parent == Some(container));
        let below = below.map(|c| c.state);
        let tasks = self.inside(container).filter(|t| t.role != Role::Generator);
        let mut counters = Counters::default();
        for state in below.chain(tasks.map(|task| task.status.state)) {
            counters.created += 1;
            *match state {
                TaskState::Pending => &mut counters.waiting,
                TaskState::Running | TaskState::PendingTaskCreation => &mut counters.running,
                TaskState::Succeeded => &mut counters.succeeded,
                TaskState::PartiallyFailed => &mut counters.partial,
                TaskState::Failed => &mut counters.failed,
                TaskState::Timeout => &mut counters.timeout,
                TaskState::Disabled => &mut counters.disabled,
            } += 1;
        }
        counters
    }
}

/// Targets of a task that are in the ledger of its container.
fn accounted(task: &TaskHead) -> u64 {
    if task.status.state.is_terminal() {
        task.targets
    } else {
        task.status.accounted
    }
}

fn planned(collection: CollectionId) -> Vec<TaskId> {
    (0..PLANNED).map(|n| collection.task(n)).collect()
}

fn generator<'a>(tasks: impl IntoIterator<Item = &'a TaskHead>) -> TaskId {
    let mut generators = tasks.into_iter().filter(|t| t.role == Role::Generator);
    generators.next().unwrap().id
}
