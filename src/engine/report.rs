//! What can be said of a run at one moment.

use serde::Serialize;
use task_core::ports::store::{CollectionRow, ContainerRow, Counters};
use task_core::{CollectionId, Coverage, Ledger, TaskState, Usage};

/// A run at one moment: its state, its ledger, and its containers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The run.
    pub id: CollectionId,
    /// The workflow's name.
    pub name: String,
    /// Its state.
    pub state: TaskState,
    /// The targets of all its tasks, and what became of them.
    pub ledger: Ledger,
    /// What its tasks used.
    #[serde(skip)]
    pub usage: Usage,
    /// Its containers, parents before children.
    pub containers: Vec<ContainerProgress>,
    /// Seconds since it was accepted, until now or until it was over.
    pub seconds: f64,
}

/// A container at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContainerProgress {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its state.
    pub state: TaskState,
    /// Its children by state.
    #[serde(skip)]
    pub children: Counters,
    /// Children there will be, once that is known.
    pub expected: Option<u64>,
    /// Targets its tasks stand for.
    pub targets: u64,
    /// What became of them.
    pub outcomes: Coverage,
}

impl Report {
    pub(crate) fn new(
        collection: CollectionRow,
        containers: Vec<ContainerRow>,
        now: task_core::Timestamp,
    ) -> Self {
        let mut ledger = Ledger::default();
        let mut usage = Usage::default();
        for container in &containers {
            ledger.targets = ledger.targets.saturating_add(container.targets);
            ledger.outcomes.merge(&container.outcomes);
            usage.merge(&container.usage);
        }
        let until = collection.finished_at.unwrap_or(now);
        Self {
            id: collection.id,
            name: collection.name,
            state: collection.state,
            ledger,
            usage,
            containers: containers
                .into_iter()
                .map(ContainerProgress::from)
                .collect(),
            seconds: until.since(collection.created_at).as_secs_f64(),
        }
    }

    /// The container called `name`.
    pub fn container(&self, name: &str) -> Option<&ContainerProgress> {
        self.containers
            .iter()
            .find(|container| container.name.as_deref() == Some(name))
    }
}

impl From<ContainerRow> for ContainerProgress {
    fn from(row: ContainerRow) -> Self {
        Self {
            name: row.name.as_deref().map(str::to_owned),
            state: row.state,
            children: row.children,
            expected: row.expected,
            targets: row.targets,
            outcomes: row.outcomes,
        }
    }
}
