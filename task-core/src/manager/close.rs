//! Ending what is not needed any more, in bulk.

use std::collections::HashSet;

use crate::id::{CollectionId, ContainerId};
use crate::ports::store::StoreError;
use crate::state::TaskState;

use super::complete::dropped;
use super::work::Work;

impl Work<'_> {
    /// Ends a container and everything below it in `state`. The caller books it in its parent.
    pub(super) async fn close(
        &mut self,
        id: ContainerId,
        state: TaskState,
    ) -> Result<(), StoreError> {
        self.close_children(id, state).await?;
        let now = self.now;
        let container = self.container(id)?;
        container.state = state;
        container.finished_at = Some(now);
        Ok(())
    }

    /// Ends everything below a container in `state`, generators included, and books it. One
    /// statement for all tasks, however many there are.
    pub(super) async fn close_children(
        &mut self,
        id: ContainerId,
        state: TaskState,
    ) -> Result<(), StoreError> {
        self.read_containers(&[id]).await?;
        let Some(container) = self.containers.get(&id) else {
            return Ok(());
        };
        if container.has_all_children() && container.children.done() >= container.children.created {
            return Ok(());
        }
        self.read_whole(container.collection).await?;
        let below = self.below(id);
        let open: Vec<ContainerId> = std::iter::once(id).chain(below.iter().copied()).collect();
        self.flush_tasks().await?;
        self.book_generators(&open, state).await?;
        for closed in self.tx.close_tasks(&open, state, self.now).await? {
            let container = self.container(closed.container)?;
            let children = &mut container.children;
            children.waiting = children.waiting.saturating_sub(closed.waiting);
            children.running = children.running.saturating_sub(closed.running);
            children.book(state, closed.waiting + closed.running);
            container.outcomes.add(dropped(state), closed.targets);
        }
        let now = self.now;
        for child in below {
            let row = self.container(child)?;
            let (was, parent) = (row.state, row.parent);
            row.state = state;
            row.finished_at = Some(now);
            if let Some(parent) = parent {
                let children = &mut self.container(parent)?.children;
                match was {
                    TaskState::Pending => children.move_waiting(state),
                    _ => children.move_running(state),
                }
            }
        }
        // What was on its way to be dispatched in this transaction is closed with the rest.
        let open: HashSet<ContainerId> = open.into_iter().collect();
        self.wanted.retain(|container, _| !open.contains(container));
        Ok(())
    }

    /// Books the targets of generators that are about to be closed; the store counts only those
    /// of children.
    async fn book_generators(
        &mut self,
        open: &[ContainerId],
        state: TaskState,
    ) -> Result<(), StoreError> {
        let generators: Vec<_> = open
            .iter()
            .filter_map(|id| self.containers.get(id)?.generator)
            .collect();
        if generators.is_empty() {
            return Ok(());
        }
        for head in self.tx.heads(&generators).await? {
            if !head.status.state.is_terminal() {
                let left = head.targets.saturating_sub(head.status.accounted);
                let outcomes = &mut self.container(head.container)?.outcomes;
                outcomes.add(dropped(state), left);
            }
        }
        Ok(())
    }

    /// Ends a collection from outside.
    pub(super) async fn end_collection(
        &mut self,
        id: CollectionId,
        state: TaskState,
    ) -> Result<(), StoreError> {
        let root = id.container(0);
        self.close(root, state).await?;
        let now = self.now;
        let collection = self.collection(id)?;
        collection.state = state;
        collection.finished_at = Some(now);
        Ok(())
    }

    /// Every container below `id` that is not terminal. Needs `read_whole`.
    fn below(&self, id: ContainerId) -> Vec<ContainerId> {
        let mut inside = HashSet::from([id]);
        let mut below = Vec::new();
        // Parents come before their children in the order of the plan, which their ids keep.
        let mut rows: Vec<_> = self.containers.values().collect();
        rows.sort_unstable_by_key(|row| row.id);
        for row in rows {
            if row.parent.is_some_and(|parent| inside.contains(&parent)) {
                inside.insert(row.id);
                if !row.state.is_terminal() {
                    below.push(row.id);
                }
            }
        }
        below
    }
}
