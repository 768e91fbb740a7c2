//! What is watched at the carrier: nothing is acknowledged before it is settled, nothing is sent
//! before it is committed, and what is heard is new once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use task_core::envelope::DispatchTask;
use task_core::message::{CompleteTask, CreateTasks, Message, ToManager};
use task_core::ports::transport::{Delivery, ParkReason, Receipt};
use task_core::{CollectionId, MessageId, Queue, TaskId, Timestamp};

use super::carrier::{Poison, User};
use super::model::Model;

/// The carrier's side of the invariants.
#[derive(Debug)]
pub(super) struct Audit {
    model: Arc<Mutex<Model>>,
    pub(super) poison: Poison,
    /// Envelopes that External workers were given: what a forger knows.
    pub(super) seen: Vec<DispatchTask>,
    /// Attempts of which a completion was sent.
    completed: BTreeSet<(TaskId, u32)>,
    /// What each message says that was ever sent.
    said: HashMap<MessageId, Said>,
    /// Messages whose transaction was committed, and when.
    applied: HashMap<MessageId, Timestamp>,
    /// Nothing goes wrong in this run, so nothing need be done twice.
    pub(super) calm: bool,
    handed_out: HashMap<(Queue, Receipt), Handed>,
    pub(super) parked: BTreeMap<String, u64>,
}

/// What a message says, as far as something follows from it.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Complete(Arc<CompleteTask>),
    Heartbeat(TaskId, u32),
    Create(Arc<CreateTasks>),
    Cancel(CollectionId),
    Other,
}

#[derive(Debug)]
enum Handed {
    Dispatch(TaskId, u32, Timestamp),
    Message(MessageId),
}

/// Envelopes that are remembered for forgers.
const SEEN: usize = 64;

impl Audit {
    pub(super) fn new(model: Arc<Mutex<Model>>, calm: bool) -> Self {
        Self {
            model,
            poison: Poison::default(),
            seen: Vec::new(),
            completed: BTreeSet::new(),
            said: HashMap::new(),
            applied: HashMap::new(),
            calm,
            handed_out: HashMap::new(),
            parked: BTreeMap::new(),
        }
    }

    /// Called before a message goes on its way: it may be heard before who sends it goes on.
    /// What a manager is told comes back.
    pub(super) fn sending(&mut self, user: User, queue: Queue, body: &[u8]) -> Option<Said> {
        if queue != Queue::Manager {
            return None;
        }
        let ToManager { id, body, .. } = ToManager::decode(body).ok()?;
        let said = match body {
            Message::CompleteTask(complete) => {
                if let User::Worker(_) = user {
                    self.completed.insert((complete.task_id, complete.attempt));
                }
                Said::Complete(Arc::from(complete))
            }
            Message::Heartbeat(heartbeat) => Said::Heartbeat(heartbeat.task_id, heartbeat.attempt),
            Message::CreateTasks(create) => Said::Create(Arc::new(create)),
            Message::CancelCollection(cancel) => Said::Cancel(cancel.collection_id),
            Message::SubmitCollection(_) | Message::Tick => Said::Other,
        };
        Some(self.said.entry(id).or_insert(said).clone())
    }

    /// Called when the carrier has taken a message.
    pub(super) fn sent(&self, user: User, queue: Queue, body: &[u8]) -> Result<(), String> {
        match DispatchTask::decode(body) {
            Ok(sent) if user == User::Manager && queue != Queue::Manager => {
                let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
                model.dispatched(&sent)
            }
            _ => Ok(()),
        }
    }

    /// What a store says of messages, held against what was committed.
    pub(super) fn check_inbox(
        &self,
        ids: &[MessageId],
        fresh: &[bool],
        now: Timestamp,
    ) -> Result<(), String> {
        let mut before = BTreeSet::new();
        for (id, fresh) in ids.iter().zip(fresh) {
            let again = !before.insert(*id);
            match (self.applied.get(id), *fresh) {
                (Some(at), true) if now.since(*at) < INBOX_MEMORY => {
                    return Err(format!(
                        "message {id} was applied {:?} ago, and the inbox does not know it",
                        now.since(*at)
                    ));
                }
                (None, false) if !again => {
                    return Err(format!(
                        "message {id} was never applied, and the inbox says it was"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What these messages say.
    pub(super) fn said(&self, ids: &[MessageId]) -> Vec<Said> {
        let said = ids.iter().map(|id| self.said.get(id).cloned());
        said.map(|said| said.unwrap_or(Said::Other)).collect()
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

    /// Whether it was applied in a transaction that has committed.
    pub(super) fn was_applied(&self, message: MessageId) -> bool {
        self.applied.contains_key(&message)
    }

    pub(super) fn applied(&mut self, ids: &[MessageId], now: Timestamp) {
        for id in ids {
            self.applied.entry(*id).or_insert(now);
        }
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
                    let settled = late || self.completed.contains(&(*task, *attempt));
                    if !settled && !self.is_of_a_run_that_is_over(*task) {
                        return Err(format!(
                            "a worker acknowledged attempt {attempt} of task {task} before it said how it ended"
                        ));
                    }
                }
                Some(Handed::Message(id))
                    if user == User::Manager && !self.applied.contains_key(id) =>
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

    /// Nobody waits for such a task: a worker that has heard of it need not start it.
    fn is_of_a_run_that_is_over(&self, task: TaskId) -> bool {
        let model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let leaf = model.tasks.get(&task);
        let run = leaf.and_then(|leaf| model.collections.get(&leaf.task.head.collection));
        run.is_some_and(|run| run.state.is_terminal())
    }
}

/// No clock in the simulation is wrong by more.
const SKEW_MS: u64 = 60_000;

/// What `ManagerConfig::inbox_memory` promises, less what clocks may differ by.
const INBOX_MEMORY: Duration = Duration::from_secs(4 * 24 * 3600 - 3600);
