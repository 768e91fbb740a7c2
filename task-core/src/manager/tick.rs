//! `Tick`: what is overdue. Also the way back after a crash.

use std::collections::HashSet;
use std::time::Duration;

use crate::policy::Enough;
use crate::ports::store::{ContainerRow, StoreError};
use crate::state::TaskState;
use crate::time::Timestamp;

use super::advance::parallel_verdict;
use super::work::Work;
use super::{Manager, ManagerError};

impl Manager {
    /// Dispatches everything again that is dispatched: for a carrier that has forgotten all, as
    /// the in-memory one has when its process ends. Call it before anything else runs. No
    /// failure is counted; a late twin is fenced. Returns how many tasks there were.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub async fn recover(&self) -> Result<usize, ManagerError> {
        let mut work = Work::begin(self).await?;
        let lost = work
            .tx
            .due_tasks(Timestamp::from_millis(i64::MAX as u64), usize::MAX)
            .await?;
        work.read_around(&lost).await?;
        let count = lost.len();
        for mut head in lost {
            work.try_again(&mut head, Duration::ZERO)?;
        }
        work.advance().await?;
        let committed = work.commit().await?;
        self.send(committed.dispatches).await;
        Ok(count)
    }
}

impl Work<'_> {
    pub(super) async fn tick(&mut self) -> Result<(), StoreError> {
        if !mutant!(DeadlineIgnored) {
            self.end_overdue_collections().await?;
            self.cut_off_containers().await?;
        }
        self.look_after_tasks().await?;
        self.send_stuck().await?;
        let memory = self.manager.config.inbox_memory;
        let now = self.now.as_millis();
        let before = now.saturating_sub(u64::try_from(memory.as_millis()).unwrap_or(u64::MAX));
        self.tx.prune_inbox(Timestamp::from_millis(before)).await?;
        if self.manager.fleet.is_some() {
            self.bare_metal = self.tx.bare_metal_running().await?;
        }
        Ok(())
    }

    async fn end_overdue_collections(&mut self) -> Result<(), StoreError> {
        for collection in self.tx.due_collections(self.now).await? {
            let id = collection.id;
            self.collections.entry(id).or_insert(collection);
            if !self.collection(id)?.state.is_terminal() {
                self.cancelled.insert(id);
                self.end_collection(id, TaskState::Timeout).await?;
            }
        }
        Ok(())
    }

    async fn cut_off_containers(&mut self) -> Result<(), StoreError> {
        for container in self.tx.due_containers(self.now).await? {
            let id = container.id;
            self.containers.entry(id).or_insert(container);
            if self.container(id)?.state != TaskState::Running {
                continue;
            }
            self.close_children(id, TaskState::Timeout).await?;
            let state = cut_off_verdict(self.container(id)?);
            self.finish(id, state).await?;
        }
        Ok(())
    }

    /// Tasks that show no life: another attempt, or the end.
    async fn look_after_tasks(&mut self) -> Result<(), StoreError> {
        self.flush_tasks().await?;
        let due = self
            .tx
            .due_tasks(self.now, self.manager.config.tick_limit)
            .await?;
        self.read_around(&due).await?;
        // What this very batch starts again is due only in the store.
        let again: HashSet<_> = self.again.iter().map(|again| again.task).collect();
        for mut head in due {
            let closed = |c: &ContainerRow| c.state.is_terminal();
            if again.contains(&head.id) || self.containers.get(&head.container).is_some_and(closed)
            {
                continue;
            }
            let attempt = head.status.attempt;
            if head.status.give_up_at.is_some_and(|at| at <= self.now) {
                let error = format!("out of time in attempt {attempt}");
                self.fail(
                    &mut head,
                    TaskState::Timeout,
                    Some(error),
                    crate::ledger::DROPPED_TIMEOUT,
                )?;
            } else {
                let error = format!("attempt {attempt} showed no life until its lease ran out");
                self.retry(&mut head, error, Duration::ZERO, TaskState::Timeout)?;
            }
        }
        Ok(())
    }

    /// Dispatches that were committed but never sent, or had to wait longer than the carrier can.
    async fn send_stuck(&mut self) -> Result<(), StoreError> {
        let grace = u64::try_from(self.manager.config.outbox_grace.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_millis(self.now.as_millis().saturating_sub(grace));
        let due = self.tx.due_outbox(before, self.manager.config.tick_limit);
        let mut stuck = due.await?;
        // Another transaction of this manager may wait for its turn with the proof that it was sent.
        let sent = self.manager.sent.all();
        stuck.retain(|row| !sent.contains(&row.key()));
        if stuck.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = stuck.iter().map(|row| row.task).collect();
        let tasks = self.tx.tasks(&ids).await?;
        let mut outdated = Vec::new();
        for row in stuck {
            let current = tasks.iter().find(|task| {
                let status = &task.head.status;
                task.head.id == row.task
                    && status.state == TaskState::Running
                    && status.attempt == row.attempt
            });
            match current {
                Some(task) => {
                    self.read_collections(&[task.head.collection]).await?;
                    self.resend(task.clone(), row);
                }
                None => outdated.push(row),
            }
        }
        self.tx.remove_outbox(&outdated).await
    }
}

/// How a container ends that is cut off. Children that were announced and never came are missing
/// like those that did not make it; if not even their number is known, it cannot be all of them.
fn cut_off_verdict(container: &mut ContainerRow) -> TaskState {
    let (children, unknown) = (container.children, container.expected.is_none());
    // A generator that was cut off creates no more.
    let announced = *container.expected.get_or_insert(children.created);
    match parallel_verdict(container) {
        _ if unknown && (container.policy.enough == Enough::All || children.good() == 0) => {
            TaskState::Failed
        }
        TaskState::Succeeded if unknown || children.created < announced => {
            TaskState::PartiallyFailed
        }
        verdict => verdict,
    }
}
