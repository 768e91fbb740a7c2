//! Keeping an attempt alive while it makes progress, and ending it when it does not.

use std::time::Duration;

use crate::envelope::DispatchTask;
use crate::id::MessageId;
use crate::message::{Heartbeat, Message, Outcome, ToManager};
use crate::ports::transport::{Outgoing, Receipt};
use crate::route::Queue;
use crate::task::{CancelSignal, Progress};

use super::run::Shared;

/// What the keeper needs of the envelope that it watches over.
pub(super) struct Lease {
    heartbeat: Heartbeat,
    collection: crate::id::CollectionId,
    length: Duration,
    deadline: Option<crate::time::Timestamp>,
    receipt: Receipt,
}

impl Lease {
    pub(super) fn new(task: &DispatchTask, receipt: Receipt) -> Self {
        Self {
            heartbeat: Heartbeat {
                task_id: task.task_id,
                attempt: task.attempt,
                fence: task.fence,
            },
            collection: task.collection_id,
            // A lease below a second could not be kept over a network.
            length: task.lease.max(Duration::from_secs(1)),
            deadline: task.deadline,
            receipt,
        }
    }

    /// Watches over an attempt; returns only to end it. Both the message's visibility and the
    /// manager's lease are extended when progress was shown since the last look, and never
    /// otherwise.
    pub(super) async fn keep(
        self,
        shared: &Shared,
        progress: &Progress,
        cancel: &CancelSignal,
    ) -> Outcome {
        let runtime = &shared.runtime;
        // It was received before anybody knew how long its lease is.
        if visibility(self.length) > shared.first_visibility {
            self.hide(shared).await;
        }
        let look = (self.length / 3).min(shared.cancellations.every);
        let mut seen = progress.count();
        let mut moved_at = runtime.now();
        let mut extended_at = runtime.now();
        let mut stopped_at = None;
        loop {
            runtime.sleep(look).await;
            let now = runtime.now();
            if self.deadline.is_some_and(|deadline| now >= deadline) {
                let error = "out of time for the whole task".to_owned();
                return Outcome::Retry {
                    error,
                    after_ms: None,
                };
            }
            if shared.cancellations.check(self.collection).await {
                cancel.cancel();
                let since = *stopped_at.get_or_insert(now);
                if now.since(since) >= shared.grace {
                    return Outcome::Cancelled;
                }
            }
            let count = progress.count();
            if count != seen {
                seen = count;
                moved_at = now;
            } else if now.since(moved_at) >= self.length {
                let error = format!("no progress for {:?}", now.since(moved_at));
                return Outcome::Retry {
                    error,
                    after_ms: None,
                };
            }
            if moved_at > extended_at && now.since(extended_at) >= self.length / 3 {
                extended_at = now;
                self.extend(shared).await;
            }
        }
    }

    async fn extend(&self, shared: &Shared) {
        if mutant!(LeaseNeverExtended) {
            return;
        }
        self.hide(shared).await;
        let message = Message::Heartbeat(self.heartbeat.clone());
        let message = ToManager::new(MessageId::new(&*shared.runtime), message).encode();
        let sent = shared
            .transport
            .send(Queue::Manager, vec![Outgoing::now(message)])
            .await;
        if let Err(error) = sent {
            tracing::warn!(task = %self.heartbeat.task_id, %error, "heartbeat not sent");
        }
    }

    /// Hides the message for another lease.
    async fn hide(&self, shared: &Shared) {
        if mutant!(LeaseNeverExtended) {
            return;
        }
        let queue = shared.kind.queue();
        let visibility = visibility(self.length);
        if let Err(error) = shared
            .transport
            .extend(queue, &self.receipt, visibility)
            .await
        {
            tracing::warn!(task = %self.heartbeat.task_id, %error, "lease not extended");
        }
    }
}

/// How long a message stays hidden for a lease of this length: somewhat longer, so that an
/// attempt which is ended for lack of progress can still say so.
pub(super) fn visibility(lease: Duration) -> Duration {
    lease + lease / 2
}
