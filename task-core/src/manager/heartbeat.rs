//! `Heartbeat`: an attempt makes progress, so its lease is extended.

use crate::message::Heartbeat;
use crate::state::TaskState;

use super::error::Refusal;
use super::work::{Heads, Work};

impl Work<'_> {
    pub(super) fn heartbeat(&mut self, heartbeats: &[&(usize, Heartbeat)], heads: &mut Heads) {
        for (index, heartbeat) in heartbeats {
            let Some(head) = heads.get_mut(&heartbeat.task_id) else {
                self.refused.push((*index, Refusal::UnknownTask));
                continue;
            };
            let status = &mut head.status;
            let current = status.attempt == heartbeat.attempt || mutant!(NoFencing);
            if status.state == TaskState::Running && current {
                let due = self.now.after(head.options.limits.running);
                status.due_at = Some(status.give_up_at.map_or(due, |give_up| due.min(give_up)));
                self.update(head.id, status.clone());
            } else if self
                .collections
                .get(&head.collection)
                .is_some_and(|c| c.cancelled)
            {
                // Who still works has not heard; say it again.
                self.cancelled.insert(head.collection);
            }
        }
    }
}
