//! What must be true, checked at every commit.
//!
//! The model is told what each transaction changed, never what the manager thinks of it: it counts
//! for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use task_core::ports::data::Writer;
use task_core::ports::store::{CollectionRow, ContainerRow, Counters, ResultRow, Task, TaskUpdate};
use task_core::workflow::Role;
use task_core::{CollectionId, ContainerId, Payload, TaskId, TaskState, Timestamp};

use super::recon::Findings;

/// One change of a transaction.
#[derive(Debug)]
pub(super) enum Change {
    Collection(CollectionRow),
    NewContainer(Box<ContainerRow>),
    Container(Box<ContainerRow>),
    NewTask(Box<Task>),
    Task(Box<TaskUpdate>),
    Close(Vec<ContainerId>, TaskState),
    Data(ResultRow),
}

/// The state of all collections, as it follows from what was committed.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) collections: BTreeMap<CollectionId, CollectionRow>,
    pub(super) containers: BTreeMap<ContainerId, Node>,
    pub(super) tasks: BTreeMap<TaskId, Leaf>,
    pub(super) findings: Findings,
    /// Effects on stored data: rows, values, and what was observed.
    pub(super) effects: u64,
}

/// A container, with a count of its own.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) row: ContainerRow,
    /// Its children by state, recounted from every change.
    pub(super) count: Counters,
    pub(super) children: BTreeSet<TaskId>,
    pub(super) containers: BTreeSet<ContainerId>,
}

/// A task.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) task: Task,
    /// Attempts by which the manager stored data for it.
    stored: BTreeSet<u32>,
    /// The attempt that wrote each of its rows.
    pub(super) rows: Vec<u32>,
}

impl Leaf {
    pub(super) const fn state(&self) -> TaskState {
        self.task.head.status.state
    }
}

impl Model {
    /// Takes in a transaction.
    pub(super) fn commit(
        &mut self,
        changes: Vec<Change>,
        now: Timestamp,
        mut note: impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let mut touched = BTreeSet::new();
        let mut started = Vec::new();
        for change in changes {
            match change {
                Change::Collection(row) => self.collection(row, &mut note)?,
                Change::NewContainer(row) => self.new_container(*row, &mut touched),
                Change::Container(row) => {
                    self.container(*row, &mut touched, &mut started, &mut note)?
                }
                Change::NewTask(task) => self.new_task(*task, &mut touched, &mut started)?,
                Change::Task(update) => {
                    self.task(*update, &mut touched, &mut started, &mut note)?
                }
                Change::Close(containers, state) => {
                    note(format_args!(
                        "closes {} containers as {state}",
                        containers.len()
                    ));
                    self.close(&containers, state, &mut touched);
                }
                Change::Data(row) => self.data(&row)?,
            }
        }
        for child in started {
            self.check_turn(child)?;
        }
        for id in touched {
            self.check_container(id, now)?;
        }
        Ok(())
    }

    fn collection(
        &mut self,
        row: CollectionRow,
        note: &mut impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let id = row.id;
        if let Some(old) = self.collections.get(&id) {
            forward("collection", id, old.state, row.state)?;
            if old.cancelled && !row.cancelled {
                return Err(format!("collection {id} is not cancelled any more"));
            }
        }
        note(format_args!("collection {id} is {}", row.state));
        self.collections.insert(id, row);
        Ok(())
    }

    fn new_container(&mut self, row: ContainerRow, touched: &mut BTreeSet<ContainerId>) {
        let id = row.id;
        if let Some(parent) = row
            .parent
            .and_then(|parent| self.containers.get_mut(&parent))
        {
            parent.containers.insert(id);
            parent.count.created += 1;
            book(&mut parent.count, row.state, 1);
        }
        touched.insert(id);
        let node = Node {
            row,
            count: Counters::default(),
            children: BTreeSet::new(),
            containers: BTreeSet::new(),
        };
        self.containers.entry(id).or_insert(node);
    }

    fn container(
        &mut self,
        row: ContainerRow,
        touched: &mut BTreeSet<ContainerId>,
        started: &mut Vec<Child>,
        note: &mut impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let id = row.id;
        let node = self
            .containers
            .get_mut(&id)
            .ok_or_else(|| format!("container {id} is unknown"))?;
        let (old, new, parent) = (node.row.state, row.state, row.parent);
        node.row = row;
        touched.insert(id);
        if old == new {
            return Ok(());
        }
        forward("container", id, old, new)?;
        note(format_args!("container {id} is {new}"));
        if new == TaskState::Running {
            started.push(Child::Container(id));
        }
        if let Some(parent) = parent.and_then(|parent| self.containers.get_mut(&parent)) {
            unbook(&mut parent.count, old)?;
            book(&mut parent.count, new, 1);
            touched.insert(parent.row.id);
        }
        Ok(())
    }

    fn new_task(
        &mut self,
        task: Task,
        touched: &mut BTreeSet<ContainerId>,
        started: &mut Vec<Child>,
    ) -> Result<(), String> {
        let (id, container, state) = (task.head.id, task.head.container, task.head.status.state);
        let node = self
            .containers
            .get_mut(&container)
            .ok_or_else(|| format!("task {id} stands in no container"))?;
        if node.row.state.is_terminal() && !state.is_terminal() {
            return Err(format!("task {id} was created in a container that is over"));
        }
        if task.head.role != Role::Generator {
            node.count.created += 1;
            book(&mut node.count, state, 1);
            node.children.insert(id);
        }
        if state == TaskState::Running {
            started.push(Child::Task(id));
        }
        touched.insert(container);
        let leaf = Leaf {
            task,
            stored: BTreeSet::new(),
            rows: Vec::new(),
        };
        match self.tasks.insert(id, leaf) {
            None => Ok(()),
            Some(_) => Err(format!("task {id} was created twice")),
        }
    }

    fn task(
        &mut self,
        update: TaskUpdate,
        touched: &mut BTreeSet<ContainerId>,
        started: &mut Vec<Child>,
        note: &mut impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let id = update.id;
        let leaf = self
            .tasks
            .get_mut(&id)
            .ok_or_else(|| format!("task {id} is unknown"))?;
        let old = std::mem::replace(&mut leaf.task.head.status, update.status);
        let (new, head) = (&leaf.task.head.status, &leaf.task.head);
        if new.attempt < old.attempt {
            return Err(format!(
                "task {id} went back from attempt {} to {}",
                old.attempt, new.attempt
            ));
        }
        if new.attempt > old.attempt && new.state != TaskState::Running {
            return Err(format!(
                "attempt {} of task {id} began as {}",
                new.attempt, new.state
            ));
        }
        let again = new.attempt > old.attempt;
        if old.state != new.state || again {
            forward("task", id, old.state, new.state)?;
            note(format_args!(
                "task {id} is {} in attempt {}",
                new.state, new.attempt
            ));
        }
        if new.accounted < old.accounted || new.accounted > head.targets {
            return Err(format!(
                "task {id} accounts for {} targets, then for {}, and stands for {}",
                old.accounted, new.accounted, head.targets
            ));
        }
        if old.state == new.state {
            return Ok(());
        }
        let (container, generator) = (head.container, head.role == Role::Generator);
        if new.state == TaskState::Running && old.state == TaskState::Pending {
            started.push(Child::Task(id));
        }
        let state = new.state;
        if let Some(node) = self.containers.get_mut(&container).filter(|_| !generator) {
            unbook(&mut node.count, old.state)?;
            book(&mut node.count, state, 1);
            touched.insert(container);
        }
        Ok(())
    }

    fn close(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        touched: &mut BTreeSet<ContainerId>,
    ) {
        let closed = |leaf: &&mut Leaf| {
            containers.contains(&leaf.task.head.container) && !leaf.state().is_terminal()
        };
        for leaf in self.tasks.values_mut().filter(closed) {
            let head = &mut leaf.task.head;
            let old = std::mem::replace(&mut head.status.state, state);
            head.status.due_at = None;
            if let Some(node) = self
                .containers
                .get_mut(&head.container)
                .filter(|_| head.role != Role::Generator)
            {
                // A count that is wrong here shows when the container is checked.
                let _ = unbook(&mut node.count, old);
                book(&mut node.count, state, 1);
                touched.insert(head.container);
            }
        }
    }

    /// Data that the manager writes for a worker: once per attempt, with the end of that attempt.
    fn data(&mut self, row: &ResultRow) -> Result<(), String> {
        let id = row.task;
        let leaf = self
            .tasks
            .get_mut(&id)
            .ok_or_else(|| format!("data of an unknown task {id}"))?;
        self.effects += 1;
        let again = !leaf.stored.insert(row.seq);
        if again && leaf.task.head.role != Role::Generator {
            return Err(format!(
                "the data of attempt {} of task {id} was stored twice",
                row.seq
            ));
        }
        let status = &leaf.task.head.status;
        if leaf.stored.len() > 1 && status.cursor.is_none() {
            return Err(format!("the data of two attempts of task {id} was stored"));
        }
        Ok(())
    }

    /// Rows that a worker wrote itself.
    pub(super) fn wrote_rows(
        &mut self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), String> {
        let leaf = self.running(writer)?;
        if leaf.rows.len() < first as usize {
            return Err(format!(
                "task {} has {} rows and writes behind row {first}",
                writer.task,
                leaf.rows.len()
            ));
        }
        leaf.rows.truncate(first as usize);
        leaf.rows.extend(rows.iter().map(|_| writer.attempt));
        self.effects += rows.len() as u64;
        Ok(())
    }

    /// A value that a worker set.
    pub(super) fn wrote_value(&mut self, writer: Writer) -> Result<(), String> {
        self.running(writer)?;
        self.effects += 1;
        Ok(())
    }

    pub(super) fn running(&mut self, writer: Writer) -> Result<&mut Leaf, String> {
        let Writer { task, attempt, .. } = writer;
        let leaf = self
            .tasks
            .get_mut(&task)
            .ok_or_else(|| format!("a write of an unknown task {task}"))?;
        let status = &leaf.task.head.status;
        if status.state != TaskState::Running || status.attempt != attempt {
            return Err(format!(
                "attempt {attempt} of task {task} wrote data although attempt {} is {}",
                status.attempt, status.state
            ));
        }
        Ok(leaf)
    }
}

/// What stands in a container.
#[derive(Clone, Copy)]
pub(super) enum Child {
    Task(TaskId),
    Container(ContainerId),
}

fn forward(
    what: &str,
    id: impl fmt::Display,
    old: TaskState,
    new: TaskState,
) -> Result<(), String> {
    if old == new && !old.is_terminal() || old.may_become(new) {
        return Ok(());
    }
    if old == new && what == "collection" {
        return Ok(());
    }
    Err(format!("{what} {id} went from {old} to {new}"))
}

fn slot(count: &mut Counters, state: TaskState) -> &mut u64 {
    match state {
        TaskState::Pending => &mut count.waiting,
        TaskState::Running | TaskState::PendingTaskCreation => &mut count.running,
        TaskState::Succeeded => &mut count.succeeded,
        TaskState::PartiallyFailed => &mut count.partial,
        TaskState::Failed => &mut count.failed,
        TaskState::Timeout => &mut count.timeout,
        TaskState::Disabled => &mut count.disabled,
    }
}

fn book(count: &mut Counters, state: TaskState, n: u64) {
    *slot(count, state) += n;
}

fn unbook(count: &mut Counters, state: TaskState) -> Result<(), String> {
    let slot = slot(count, state);
    *slot = slot
        .checked_sub(1)
        .ok_or("a child left a state that it was not in")?;
    Ok(())
}
