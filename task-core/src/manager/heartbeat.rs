//! `Heartbeat`: an attempt makes progress, so its lease is extended.

use crate::message::Heartbeat;
use crate::ports::store::StoreError;
use crate::state::TaskState;

use super::error::Refusal;
use super::work::Work;

impl Work<'_> {
    pub(super) async fn heartbeat(
        &mut self,
        heartbeats: impl Iterator<Item = &(usize, Heartbeat)>,
    ) -> Result<(), StoreError> {
        let heartbeats: Vec<_> = heartbeats.collect();
        let ids: Vec<_> = heartbeats
            .iter()
            .map(|(_, heartbeat)| heartbeat.task_id)
            .collect();
        let heads = self.heads(&ids).await?;
        for (index, heartbeat) in heartbeats {
            let Some(head) = heads.get(&heartbeat.task_id) else {
                self.refused.push((*index, Refusal::UnknownTask));
                continue;
            };
            let mut status = head.status.clone();
            let current = status.attempt == heartbeat.attempt || mutant!(NoFencing);
            if status.state == TaskState::Running && current {
                let due = self.now.after(head.options.limits.running);
                status.due_at = Some(status.give_up_at.map_or(due, |give_up| due.min(give_up)));
                self.update(head.id, status);
            } else if self
                .collections
                .get(&head.collection)
                .is_some_and(|c| c.cancelled)
            {
                // Who still works has not heard; say it again.
                self.cancelled.insert(head.collection);
            }
        }
        Ok(())
    }
}
