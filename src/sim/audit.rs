//! What is watched at the carrier: nothing is acknowledged before it is settled.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use task_core::envelope::DispatchTask;
use task_core::message::{Message, ToManager};
use task_core::ports::transport::{Delivery, ParkReason, Receipt};
use task_core::{CollectionId, MessageId, Queue, TaskId, Timestamp};

use super::carrier::{Poison, User};

/// The carrier's side of the invariants.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) poison: Poison,
    /// Envelopes that External workers were given: what a forger knows.
    pub(super) seen: Vec<DispatchTask>,
    /// Attempts of which a completion was sent.
    completed: BTreeSet<(TaskId, u32)>,
    /// Messages whose transaction was committed.
    applied: BTreeSet<MessageId>,
    /// What clients asked to be cancelled.
    pub(super) cancels: BTreeMap<MessageId, CollectionId>,
    /// Nothing goes wrong in this run, so nothing need be done twice.
    pub(super) calm: bool,
    handed_out: HashMap<(Queue, Receipt), Handed>,
    pub(super) parked: BTreeMap<String, u64>,
}

#[derive(Debug)]
enum Handed {
    Dispatch(TaskId, u32, Timestamp),
    Message(MessageId),
}

/// Envelopes that are remembered for forgers.
const SEEN: usize = 64;

impl Audit {
    pub(super) fn sent(&mut self, user: User, queue: Queue, body: &[u8]) {
        if let (User::Worker(_), Queue::Manager) = (user, queue)
            && let Ok(ToManager {
                body: Message::CompleteTask(complete),
                ..
            }) = ToManager::decode(body)
        {
            self.completed.insert((complete.task_id, complete.attempt));
        }
    }

    pub(super) fn received(
        &mut self,
        user: User,
        queue: Queue,
        deliveries: &[Delivery],
    ) -> Result<(), String> {
        for delivery in deliveries {
            if self.calm && delivery.receive_count > 1 {
                return Err(format!(
                    "a message of {queue} was delivered {} times although nothing went wrong",
                    delivery.receive_count
                ));
            }
            let handed = match user {
                User::Worker(_) => DispatchTask::decode(&delivery.body).ok().map(|task| {
                    let handed = Handed::Dispatch(task.task_id, task.attempt, task.start_by);
                    if queue == Queue::External {
                        self.remember(task);
                    }
                    handed
                }),
                User::Manager | User::Client => ToManager::decode(&delivery.body)
                    .ok()
                    .map(|message| Handed::Message(message.id)),
            };
            if let Some(handed) = handed {
                self.handed_out
                    .insert((queue, delivery.receipt.clone()), handed);
            }
        }
        Ok(())
    }

    fn remember(&mut self, task: DispatchTask) {
        if self.seen.len() >= SEEN {
            self.seen.remove(0);
        }
        self.seen.push(task);
    }

    /// The collections that these messages cancel.
    pub(super) fn cancellations(&self, ids: &[MessageId]) -> Vec<CollectionId> {
        ids.iter()
            .filter_map(|id| self.cancels.get(id).copied())
            .collect()
    }

    pub(super) fn applied(&mut self, ids: &[MessageId]) {
        self.applied.extend(ids);
    }

    pub(super) fn parked(&mut self, reason: &ParkReason) {
        let name = match reason {
            ParkReason::Undecodable(_) => "undecodable",
            ParkReason::TooManyReceives(_) => "too_many_receives",
            ParkReason::Refused(_) => "refused",
            ParkReason::Poison(_) => "poison",
            _ => "other",
        };
        *self.parked.entry(name.to_owned()).or_default() += 1;
    }

    pub(super) fn acked(
        &self,
        user: User,
        queue: Queue,
        receipts: &[Receipt],
        now: Timestamp,
    ) -> Result<(), String> {
        for receipt in receipts {
            match self.handed_out.get(&(queue, receipt.clone())) {
                Some(Handed::Dispatch(task, attempt, start_by)) => {
                    // One that came too late to be started is nobody's any more; clocks differ.
                    let late = now.as_millis() + SKEW_MS > start_by.as_millis();
                    if !late && !self.completed.contains(&(*task, *attempt)) {
                        return Err(format!(
                            "a worker acknowledged attempt {attempt} of task {task} before it said how it ended"
                        ));
                    }
                }
                Some(Handed::Message(id))
                    if user == User::Manager && !self.applied.contains(id) =>
                {
                    return Err(format!(
                        "a manager acknowledged message {id} before its transaction was committed"
                    ));
                }
                Some(Handed::Message(_)) | None => {}
            }
        }
        Ok(())
    }
}

/// No clock in the simulation is wrong by more.
const SKEW_MS: u64 = 60_000;
