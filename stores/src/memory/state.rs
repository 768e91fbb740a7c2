//! The tables and their indices. Every change goes through a method here that keeps the indices
//! in step, so an undo is the opposite change and nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};
use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::payload::Payload;
use task_core::ports::data::RowKey;
use task_core::ports::store::{CollectionRow, ContainerRow, OutboxRow, Task};
use task_core::route::WorkerKind;
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::Role;

use super::recon::Recon;
use super::record::{Record, Shared, Status};

/// All that the store knows.
#[derive(Default)]
pub(super) struct State {
    pub(super) inbox: HashSet<MessageId>,
    pub(super) inbox_by_time: BTreeMap<Timestamp, Vec<MessageId>>,

    pub(super) collections: HashMap<CollectionId, CollectionRow>,
    pub(super) newest: BTreeSet<(Timestamp, CollectionId)>,
    pub(super) deadlines: BTreeSet<(Timestamp, CollectionId)>,

    pub(super) containers: HashMap<ContainerId, ContainerRow>,
    pub(super) containers_of: HashMap<CollectionId, BTreeSet<ContainerId>>,
    pub(super) cut_offs: BTreeSet<(Timestamp, ContainerId)>,
    pub(super) container_names: Names<ContainerId>,

    /// Boxed, so that growing the map moves pointers and its empty slots are small.
    pub(super) tasks: HashMap<TaskId, Box<Record>>,
    pub(super) task_names: Names<TaskId>,
    pub(super) children: HashMap<ContainerId, Children>,
    pub(super) due: BTreeSet<(Timestamp, TaskId)>,
    pub(super) troubles: HashMap<CollectionId, BTreeSet<TaskId>>,
    pub(super) bare_metal_running: u64,
    shared: Shared,

    pub(super) outbox: HashMap<(TaskId, u32), Timestamp>,
    pub(super) outbox_by_time: BTreeSet<(Timestamp, TaskId, u32)>,

    pub(super) data: HashMap<ContainerId, BTreeMap<RowKey, Row>>,
    pub(super) values: HashMap<CollectionId, HashMap<Arc<str>, Payload>>,

    pub(super) recon: Recon,
}

/// Who has a name, by collection. Names are unique in a collection; were one not, the lowest id
/// would have it.
pub(super) type Names<I> = HashMap<CollectionId, HashMap<Arc<str>, BTreeSet<I>>>;

/// What is known of the tasks of one container.
#[derive(Default)]
pub(super) struct Children {
    /// `Pending`, by ordinal.
    pub(super) waiting: BTreeSet<(u32, TaskId)>,
    /// `Running` or `PendingTaskCreation`.
    pub(super) active: HashSet<TaskId>,
    /// How many there are at each ordinal, generators not counted.
    pub(super) ordinals: BTreeMap<u32, u32>,
}

/// A row of task data.
pub(super) struct Row {
    /// The attempt that wrote it; 0 if the manager did.
    pub(super) attempt: u32,
    pub(super) body: Payload,
}

impl State {
    /// Whether it was new.
    pub(super) fn insert_collection(&mut self, row: &CollectionRow) -> bool {
        if self.collections.contains_key(&row.id) {
            return false;
        }
        self.index_collection(row);
        self.collections.insert(row.id, row.clone());
        true
    }

    pub(super) fn remove_collection(&mut self, id: CollectionId) -> Option<CollectionRow> {
        let row = self.collections.remove(&id)?;
        self.newest.remove(&(row.created_at, id));
        if let Some(at) = row.deadline_at {
            self.deadlines.remove(&(at, id));
        }
        Some(row)
    }

    /// The row before, or `None` (and no change) if there is none.
    pub(super) fn replace_collection(&mut self, row: &CollectionRow) -> Option<CollectionRow> {
        let old = self.remove_collection(row.id)?;
        self.insert_collection(row);
        Some(old)
    }

    fn index_collection(&mut self, row: &CollectionRow) {
        self.newest.insert((row.created_at, row.id));
        if let (TaskState::Running, Some(at)) = (row.state, row.deadline_at) {
            self.deadlines.insert((at, row.id));
        }
    }

    /// Whether it was new.
    pub(super) fn insert_container(&mut self, row: &ContainerRow) -> bool {
        if self.containers.contains_key(&row.id) {
            return false;
        }
        self.containers_of
            .entry(row.collection)
            .or_default()
            .insert(row.id);
        if let Some(name) = &row.name {
            insert_name(&mut self.container_names, row.collection, name, row.id);
        }
        self.index_container(row);
        self.containers.insert(row.id, row.clone());
        true
    }

    pub(super) fn remove_container(&mut self, id: ContainerId) {
        let Some(row) = self.containers.remove(&id) else {
            return;
        };
        if let Some(ids) = self.containers_of.get_mut(&row.collection) {
            ids.remove(&id);
        }
        if let Some(name) = &row.name {
            remove_name(&mut self.container_names, row.collection, name, &id);
        }
        self.unindex_container(&row);
    }

    /// Overwrites what changes. The row before, or `None` if there is none.
    pub(super) fn update_container(&mut self, row: &ContainerRow) -> Option<ContainerRow> {
        let old = self.containers.get_mut(&row.id)?;
        let new = ContainerRow {
            id: old.id,
            collection: old.collection,
            parent: old.parent,
            position: old.position,
            name: old.name.clone(),
            mode: old.mode,
            arm: old.arm,
            generator: old.generator,
            policy: old.policy,
            max_in_flight: old.max_in_flight,
            ..row.clone()
        };
        let old = std::mem::replace(old, new);
        self.unindex_container(&old);
        self.index_container(row);
        Some(old)
    }

    fn index_container(&mut self, row: &ContainerRow) {
        if let (TaskState::Running, Some(at)) = (row.state, row.cut_off_at) {
            self.cut_offs.insert((at, row.id));
        }
    }

    fn unindex_container(&mut self, row: &ContainerRow) {
        if let Some(at) = row.cut_off_at {
            self.cut_offs.remove(&(at, row.id));
        }
    }

    /// Whether it was new.
    pub(super) fn insert_task(&mut self, task: &Task) -> bool {
        let id = task.head.id;
        let Entry::Vacant(vacant) = self.tasks.entry(id) else {
            return false;
        };
        let record = vacant.insert(Box::new(Record::new(task, &mut self.shared)));
        let children = self.children.entry(record.container).or_default();
        if record.role != Role::Generator {
            *children.ordinals.entry(record.ordinal).or_default() += 1;
        }
        if let Some(name) = &record.name {
            insert_name(&mut self.task_names, record.collection, name, id);
        }
        index_status(
            id,
            record,
            children,
            &mut self.due,
            &mut self.bare_metal_running,
        );
        index_trouble(id, record, &mut self.troubles);
        true
    }

    pub(super) fn remove_task(&mut self, id: TaskId) {
        let Some(record) = self.tasks.remove(&id) else {
            return;
        };
        if let Some(children) = self.children.get_mut(&record.container) {
            if record.role != Role::Generator
                && let Some(count) = children.ordinals.get_mut(&record.ordinal)
            {
                *count -= 1;
                if *count == 0 {
                    children.ordinals.remove(&record.ordinal);
                }
            }
            unindex_status(
                id,
                &record,
                children,
                &mut self.due,
                &mut self.bare_metal_running,
            );
        }
        if let Some(name) = &record.name {
            remove_name(&mut self.task_names, record.collection, name, &id);
        }
        unindex_trouble(id, &record, &mut self.troubles);
    }

    /// The status before, or `None` if there is no such task.
    pub(super) fn set_status(&mut self, id: TaskId, status: Status) -> Option<Status> {
        let record = self.tasks.get_mut(&id)?;
        let children = self.children.get_mut(&record.container)?;
        unindex_status(
            id,
            record,
            children,
            &mut self.due,
            &mut self.bare_metal_running,
        );
        unindex_trouble(id, record, &mut self.troubles);
        let old = std::mem::replace(&mut record.status, status);
        index_status(
            id,
            record,
            children,
            &mut self.due,
            &mut self.bare_metal_running,
        );
        index_trouble(id, record, &mut self.troubles);
        Some(old)
    }

    /// Whether it was new.
    pub(super) fn insert_outbox(&mut self, row: OutboxRow) -> bool {
        let Entry::Vacant(vacant) = self.outbox.entry((row.task, row.attempt)) else {
            return false;
        };
        vacant.insert(row.send_at);
        self.outbox_by_time
            .insert((row.send_at, row.task, row.attempt));
        true
    }

    pub(super) fn remove_outbox(&mut self, task: TaskId, attempt: u32) -> Option<OutboxRow> {
        let send_at = self.outbox.remove(&(task, attempt))?;
        self.outbox_by_time.remove(&(send_at, task, attempt));
        Some(OutboxRow::alone(task, attempt, send_at))
    }

    /// Sets or removes a row of task data; returns what was there.
    pub(super) fn set_row(
        &mut self,
        container: ContainerId,
        key: RowKey,
        row: Option<Row>,
    ) -> Option<Row> {
        match row {
            Some(row) => self.data.entry(container).or_default().insert(key, row),
            None => self.data.get_mut(&container)?.remove(&key),
        }
    }
}

fn index_status(
    id: TaskId,
    record: &Record,
    children: &mut Children,
    due: &mut BTreeSet<(Timestamp, TaskId)>,
    bare_metal_running: &mut u64,
) {
    match record.status.state {
        TaskState::Pending => {
            children.waiting.insert((record.ordinal, id));
        }
        TaskState::Running | TaskState::PendingTaskCreation => {
            children.active.insert(id);
            if let Some(at) = record.status.due_at {
                due.insert((at, id));
            }
            *bare_metal_running += u64::from(counts_as_bare_metal(record));
        }
        _ => {}
    }
}

fn unindex_status(
    id: TaskId,
    record: &Record,
    children: &mut Children,
    due: &mut BTreeSet<(Timestamp, TaskId)>,
    bare_metal_running: &mut u64,
) {
    match record.status.state {
        TaskState::Pending => {
            children.waiting.remove(&(record.ordinal, id));
        }
        TaskState::Running | TaskState::PendingTaskCreation => {
            children.active.remove(&id);
            if let Some(at) = record.status.due_at {
                due.remove(&(at, id));
            }
            *bare_metal_running -= u64::from(counts_as_bare_metal(record));
        }
        _ => {}
    }
}

fn counts_as_bare_metal(record: &Record) -> bool {
    record.route == WorkerKind::BareMetal && record.status.state == TaskState::Running
}

fn is_trouble(record: &Record) -> bool {
    matches!(record.status.state, TaskState::Failed | TaskState::Timeout)
}

fn index_trouble(
    id: TaskId,
    record: &Record,
    troubles: &mut HashMap<CollectionId, BTreeSet<TaskId>>,
) {
    if is_trouble(record) {
        troubles.entry(record.collection).or_default().insert(id);
    }
}

fn unindex_trouble(
    id: TaskId,
    record: &Record,
    troubles: &mut HashMap<CollectionId, BTreeSet<TaskId>>,
) {
    if is_trouble(record)
        && let Some(ids) = troubles.get_mut(&record.collection)
    {
        ids.remove(&id);
    }
}

fn insert_name<I: Ord>(names: &mut Names<I>, collection: CollectionId, name: &Arc<str>, id: I) {
    let names = names.entry(collection).or_default();
    names.entry(Arc::clone(name)).or_default().insert(id);
}

fn remove_name<I: Ord>(names: &mut Names<I>, collection: CollectionId, name: &Arc<str>, id: &I) {
    if let Some(ids) = names
        .get_mut(&collection)
        .and_then(|names| names.get_mut(name))
    {
        ids.remove(id);
    }
}

/// Who has `name` in `collection`.
pub(super) fn named<I: Copy + Ord>(
    names: &Names<I>,
    collection: CollectionId,
    name: &str,
) -> Option<I> {
    names.get(&collection)?.get(name)?.first().copied()
}
