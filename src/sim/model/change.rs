//! Taking a change in.

use std::fmt;

use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, OutboxRow, Task, TaskStatus, TaskUpdate,
};
use task_core::workflow::Role;
use task_core::{ContainerId, Coverage, TaskState, Usage};

use super::commit::Turn;
use super::state::{Change, Child, Leaf, Model, Node};

impl Model {
    pub(super) fn apply(
        &mut self,
        change: Change,
        turn: &mut Turn,
        note: &mut impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        match change {
            Change::Collection(row) => self.collection(row, turn, note),
            Change::NewContainer(row) => {
                self.new_container(*row, turn);
                Ok(())
            }
            Change::Container(row) => self.container(*row, turn, note),
            Change::NewTask(task) => self.new_task(*task, turn),
            Change::Task(update) => self.task(*update, turn, note),
            Change::Close(containers, state) => {
                note(format_args!(
                    "closes {} containers as {state}",
                    containers.len()
                ));
                self.close(&containers, state, turn)
            }
            Change::Data(row) => self.data(&row),
            Change::Send(rows) => {
                self.outbox.put(&rows);
                Ok(())
            }
            Change::Unsend(rows) => {
                self.outbox.remove(&rows);
                turn.unsent.extend(rows.iter().map(OutboxRow::key));
                Ok(())
            }
        }
    }

    fn collection(
        &mut self,
        row: CollectionRow,
        turn: &mut Turn,
        note: &mut impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let id = row.id;
        if let Some(old) = self.collections.get(&id) {
            forward("collection", id, old.state, row.state)?;
            if old.cancelled && !row.cancelled {
                return Err(format!("collection {id} is not cancelled any more"));
            }
            if !old.cancelled && row.cancelled && !turn.cancelled.contains(&id) {
                return Err(format!("collection {id} was cancelled, and nobody asked"));
            }
            if (old.created_at, old.deadline_at) != (row.created_at, row.deadline_at) {
                return Err(format!("the time limit of collection {id} has changed"));
            }
        } else {
            turn.submitted.insert(id);
        }
        note(format_args!("collection {id} is {}", row.state));
        turn.collections.insert(id);
        self.collections.insert(id, row);
        Ok(())
    }

    fn new_container(&mut self, row: ContainerRow, turn: &mut Turn) {
        let id = row.id;
        if let Some(parent) = row
            .parent
            .and_then(|parent| self.containers.get_mut(&parent))
        {
            parent.containers.insert(id);
            parent.count.created += 1;
            book(&mut parent.count, row.state, 1);
        }
        turn.containers.entry(id).or_insert(None);
        let node = Node {
            expected: row.expected,
            row,
            count: Counters::default(),
            children: std::collections::BTreeSet::new(),
            containers: std::collections::BTreeSet::new(),
            chosen: None,
            outcomes: Coverage::new(),
            usage: Usage::default(),
        };
        self.containers.entry(id).or_insert(node);
    }

    fn container(
        &mut self,
        row: ContainerRow,
        turn: &mut Turn,
        note: &mut impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let id = row.id;
        let node = self
            .containers
            .get_mut(&id)
            .ok_or_else(|| format!("container {id} is unknown"))?;
        if !same_place(&node.row, &row) {
            return Err(format!("container {id} is not what was planned any more"));
        }
        let (old, new, parent) = (node.row.state, row.state, row.parent);
        node.row = row;
        turn.containers.entry(id).or_insert(Some(old));
        if old == new {
            return Ok(());
        }
        forward("container", id, old, new)?;
        note(format_args!("container {id} is {new}"));
        if new == TaskState::Running {
            turn.started.push(Child::Container(id));
        }
        if let Some(parent) = parent.and_then(|parent| self.containers.get_mut(&parent)) {
            unbook(&mut parent.count, old)?;
            book(&mut parent.count, new, 1);
            touch(turn, parent);
        }
        Ok(())
    }

    fn new_task(&mut self, task: Task, turn: &mut Turn) -> Result<(), String> {
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
            turn.started.push(Child::Task(id));
        }
        touch(turn, node);
        turn.tasks.entry(id).or_insert(None);
        let leaf = Leaf {
            task,
            stored: std::collections::BTreeSet::new(),
            rows: Vec::new(),
            outcomes: Coverage::new(),
            accounted: 0,
            began: turn.now,
        };
        match self.tasks.insert(id, leaf) {
            None => Ok(()),
            Some(_) => Err(format!("task {id} was created twice")),
        }
    }

    fn task(
        &mut self,
        update: TaskUpdate,
        turn: &mut Turn,
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
        if old.state != new.state || new.attempt > old.attempt {
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
        let (state, was) = (new.state, old.state);
        let (container, generator) = (head.container, head.role == Role::Generator);
        if new.attempt > old.attempt {
            leaf.began = turn.now;
        }
        turn.tasks.entry(id).or_insert(Some(old));
        if state == was {
            return Ok(());
        }
        if state == TaskState::Running && was == TaskState::Pending {
            turn.started.push(Child::Task(id));
        }
        if let Some(node) = self.containers.get_mut(&container) {
            if !generator {
                unbook(&mut node.count, was)?;
                book(&mut node.count, state, 1);
            }
            touch(turn, node);
        }
        Ok(())
    }

    fn close(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        turn: &mut Turn,
    ) -> Result<(), String> {
        for id in containers {
            // Who ends a container looks twice; the first time counts.
            turn.closed.entry(*id).or_insert(state);
            let Some(node) = self.containers.get_mut(id) else {
                continue;
            };
            touch(turn, node);
            for task in node.children.iter().chain(&node.row.generator) {
                let Some(leaf) = self
                    .tasks
                    .get_mut(task)
                    .filter(|l| !l.state().is_terminal())
                else {
                    continue;
                };
                let head = &mut leaf.task.head;
                let old: TaskStatus = head.status.clone();
                head.status.state = state;
                head.status.due_at = None;
                if head.role != Role::Generator {
                    unbook(&mut node.count, old.state)?;
                    book(&mut node.count, state, 1);
                }
                turn.tasks.entry(*task).or_insert(Some(old));
                turn.closed_tasks.insert(*task);
            }
        }
        Ok(())
    }
}

fn touch(turn: &mut Turn, node: &Node) {
    let state = Some(node.row.state);
    turn.containers.entry(node.row.id).or_insert(state);
}

/// Whether what never changes is the same.
fn same_place(old: &ContainerRow, new: &ContainerRow) -> bool {
    let place = |row: &ContainerRow| {
        let limits = (row.policy, row.max_in_flight);
        (
            row.parent,
            row.position,
            row.mode,
            row.arm,
            row.generator,
            limits,
        )
    };
    place(old) == place(new)
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
