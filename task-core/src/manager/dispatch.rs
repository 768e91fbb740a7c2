//! After the commit: envelopes, and what else must leave the house.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::envelope::{DispatchTask, WIRE_VERSION, traceparent};
use crate::id::CollectionId;
use crate::payload::Claim;
use crate::ports::store::{OutboxRow, Task, TaskHead};
use crate::ports::transport::Outgoing;
use crate::route::WorkerKind;
use crate::state::TaskState;
use crate::task::cancel_marker;
use crate::time::Timestamp;

use super::Manager;

/// An attempt to send.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) task: Task,
    pub(super) delay: Duration,
    /// What stands in the outbox until it is sent.
    pub(super) row: OutboxRow,
}

/// All that a committed transaction wants sent.
#[derive(Debug, Default)]
pub(super) struct Dispatches {
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) scopes: HashMap<CollectionId, Claim>,
    pub(super) cancelled: BTreeSet<CollectionId>,
    pub(super) bare_metal: u64,
}

impl Manager {
    /// Puts a task into its next attempt.
    pub(super) fn next_attempt(head: &mut TaskHead, now: Timestamp, delay: Duration) {
        let limits = head.options.limits;
        let status = &mut head.status;
        if status.attempt == 0 {
            status.give_up_at = limits.total.map(|total| now.after(total));
        }
        debug_assert!(
            status.state.may_become(TaskState::Running) || mutant!(NoFencing | RetryForgetsAttempt),
            "{}",
            status.state
        );
        status.state = TaskState::Running;
        if status.attempt == 0 || !mutant!(RetryForgetsAttempt) {
            status.attempt += 1;
        }
        let due = now.after(delay).after(limits.queued).after(limits.running);
        status.due_at = Some(status.give_up_at.map_or(due, |give_up| due.min(give_up)));
    }

    /// Sends what a committed transaction wants sent. A failure here is no failure of the batch:
    /// what was not sent stands in the outbox, and a tick sends it.
    pub(super) async fn send(&self, dispatches: Dispatches) {
        for kind in WorkerKind::ALL {
            let of_kind = dispatches
                .dispatches
                .iter()
                .filter(|d| d.task.head.route == kind);
            self.send_kind(kind, of_kind, &dispatches.scopes).await;
        }
        if let Some(objects) = &self.objects {
            let told = dispatches.cancelled.iter();
            for collection in told.filter(|_| !mutant!(CancelNotSpread)) {
                // Only makes running tasks stop earlier; their results are refused anyway.
                if let Err(error) = objects
                    .put(&cancel_marker(*collection), bytes::Bytes::new())
                    .await
                {
                    tracing::warn!(%collection, %error, "cannot spread the word of a cancellation");
                }
            }
        }
        if dispatches.bare_metal > 0
            && let Some(fleet) = &self.fleet
            && let Err(error) = fleet.ensure(dispatches.bare_metal).await
        {
            tracing::warn!(%error, "no bare-metal worker was started; the next tick asks again");
        }
    }

    async fn send_kind(
        &self,
        kind: WorkerKind,
        dispatches: impl Iterator<Item = &Dispatch>,
        scopes: &HashMap<CollectionId, Claim>,
    ) {
        let max_delay = self.transport.limits().max_delay;
        let mut outgoing = Vec::new();
        let mut rows = Vec::new();
        // What the carrier cannot hold back for so long waits in the outbox until a tick.
        for dispatch in dispatches.filter(|dispatch| dispatch.delay <= max_delay) {
            let envelope = self.envelope(dispatch, scopes);
            outgoing.push(Outgoing {
                body: envelope.encode().into(),
                delay: dispatch.delay,
            });
            rows.push(dispatch.row);
        }
        if outgoing.is_empty() {
            return;
        }
        metrics::counter!("sortie_manager_dispatched_total", "worker" => kind.as_str())
            .increment(outgoing.len() as u64);
        match self.transport.send(kind.queue(), outgoing).await {
            Ok(results) => {
                let mut sent = Vec::with_capacity(rows.len());
                for (row, result) in rows.into_iter().zip(results) {
                    match result {
                        Ok(()) => sent.push(row),
                        Err(error) => {
                            tracing::warn!(task = %row.task, %error, "dispatch not sent; a tick sends it");
                        }
                    }
                }
                self.sent.keep(sent);
            }
            Err(error) => tracing::warn!(%kind, %error, "dispatches not sent; a tick sends them"),
        }
    }

    fn envelope(&self, dispatch: &Dispatch, scopes: &HashMap<CollectionId, Claim>) -> DispatchTask {
        let Dispatch { task, delay, .. } = dispatch;
        let head = &task.head;
        let attempt = head.status.attempt;
        DispatchTask {
            v: WIRE_VERSION,
            kind: head.kind.to_string(),
            kind_version: task.version,
            task_id: head.id,
            collection_id: head.collection,
            parent_id: head.container,
            ordinal: head.ordinal,
            attempt,
            fence: self.config.fence_key.fence(head.id, attempt),
            // To be held back on purpose is no time in the queue.
            start_by: self
                .runtime
                .now()
                .after(*delay)
                .after(head.options.limits.queued),
            deadline: head.status.give_up_at,
            lease: head.options.limits.running,
            scope: scopes.get(&head.collection).cloned(),
            trace: traceparent(head.collection, head.id, attempt),
            cursor: head.status.cursor.clone(),
            payload: task.payload.clone(),
        }
    }

    /// Removes from the outbox what was sent since the last transaction. Called when there is
    /// nothing else to do, and before a Lambda freezes.
    ///
    /// # Errors
    ///
    /// What the store reports; the rows then leave with a later transaction.
    pub async fn flush(&self) -> Result<(), super::ManagerError> {
        let leaving = self.sent.leave();
        if leaving.rows().is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        tx.remove_outbox(leaving.rows()).await?;
        tx.commit().await?;
        leaving.are_gone();
        Ok(())
    }
}
