//! From deliveries to transactions: decode, check, apply, take apart.

use std::collections::HashMap;
use std::time::Duration;

use crate::id::{MessageId, TaskId};
use crate::ledger::Coverage;
use crate::message::{
    CancelCollection, CompleteTask, CreateTasks, Heartbeat, Message, Outcome, ToManager,
};
use crate::ports::store::StoreError;
use crate::ports::transport::{Delivery, ParkReason, Receipt, TransportError};
use crate::route::Queue;

use super::Manager;
use super::error::{ManagerError, Refusal};
use super::intake::Received;
use super::submit::Submission;
use super::work::{Committed, Work};

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Handled {
    /// Messages that were applied, those dropped as seen or outdated included.
    pub applied: usize,
    /// Messages that were refused, by their index in the batch, with the reason.
    pub refused: Vec<(usize, ParkReason)>,
    /// Messages that must come again, by their index in the batch, with the reason: the object
    /// store did not give out what they refer to, or they overtook the submission that they
    /// belong to.
    pub deferred: Vec<(usize, String)>,
}

/// A message of a batch that can be applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Its place in the batch.
    pub(super) index: usize,
    pub(super) id: MessageId,
    /// To apply it ends the attempt that it speaks for, so that it has no effect a second time,
    /// nor has another one that says the same.
    pub(super) fenced: bool,
}

/// The messages of a batch, sorted by what they ask for and checked as far as possible without
/// the store. `usize` is the index in the batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) arrivals: Vec<Arrival>,
    pub(super) submissions: Vec<(usize, Submission)>,
    pub(super) creations: Vec<(usize, CreateTasks)>,
    pub(super) heartbeats: Vec<(usize, Heartbeat)>,
    pub(super) completions: Vec<(usize, CompleteTask)>,
    pub(super) cancellations: Vec<(usize, CancelCollection)>,
    pub(super) tick: Option<usize>,
}

impl Manager {
    /// Handles deliveries of the manager's queue: applies them, parks what cannot be applied, and
    /// acknowledges the rest.
    ///
    /// # Errors
    ///
    /// [`ManagerError`] if the store or the carrier failed. Nothing is acknowledged then, and all
    /// of it comes again.
    pub async fn handle_deliveries(
        &self,
        deliveries: Vec<Delivery>,
    ) -> Result<Handled, ManagerError> {
        self.handle_received(deliveries.into_iter().map(Received::read))
            .await
    }

    /// Handles deliveries that have been read.
    pub(super) async fn handle_received(
        &self,
        received: impl ExactSizeIterator<Item = Received>,
    ) -> Result<Handled, ManagerError> {
        let mut deliveries = Vec::with_capacity(received.len());
        let mut messages = Vec::with_capacity(received.len());
        let mut places = Vec::with_capacity(received.len());
        let mut parked = Vec::new();
        for (index, Received { delivery, message }) in received.enumerate() {
            match message {
                Ok(message) => {
                    places.push(index);
                    messages.push(message);
                }
                Err(reason) => parked.push((index, reason)),
            }
            deliveries.push(delivery);
        }
        let mut handled = self.handle(messages).await?;
        for (place, _) in &mut handled.refused {
            *place = places[*place];
        }
        for (place, _) in &mut handled.deferred {
            *place = places[*place];
        }
        handled.refused.append(&mut parked);
        handled.refused.sort_by_key(|(place, _)| *place);
        self.conclude(deliveries, &handled).await?;
        Ok(handled)
    }

    /// Applies messages. The order within a batch does not matter: submissions come first,
    /// children before the completion of who made them, cancellations last.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Store`] if the store failed. What was applied by then stays applied, and
    /// it is dropped when it comes again.
    pub async fn handle(&self, messages: Vec<ToManager>) -> Result<Handled, ManagerError> {
        let total = messages.len();
        let (batch, refused, mut deferred) = self.sort(messages).await;
        let mut refused: Vec<_> = refused
            .into_iter()
            .map(|(index, refusal)| (index, ParkReason::Refused(refusal.to_string())))
            .collect();
        let mut parts = vec![batch.arrivals.clone()];
        while let Some(part) = parts.pop() {
            match self.transact(&batch, &part, total).await {
                Ok(committed) => {
                    refused.extend(
                        committed.refused.into_iter().map(|(index, refusal)| {
                            (index, ParkReason::Refused(refusal.to_string()))
                        }),
                    );
                    let early = committed.early.into_iter();
                    deferred.extend(early.map(|index| (index, TOO_EARLY.to_owned())));
                    self.send(committed.dispatches).await;
                }
                // What fails for its own sake is halved until it is alone.
                Err(StoreError::Refused(_)) if part.len() > 1 => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.push(right.to_vec());
                    parts.push(left.to_vec());
                }
                Err(StoreError::Refused(why)) if part.len() == 1 => {
                    refused.push((part[0].index, ParkReason::Poison(why)));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Handled {
            applied: total - refused.len() - deferred.len(),
            refused,
            deferred,
        })
    }

    /// One transaction over the messages of `part`, run again if it loses a race.
    async fn transact(
        &self,
        batch: &Batch,
        part: &[Arrival],
        total: usize,
    ) -> Result<Committed, StoreError> {
        let mut races = 0;
        loop {
            match self.try_transact(batch, part, total).await {
                Err(StoreError::Conflict) if races < self.config.conflict_retries => {
                    races += 1;
                    metrics::counter!("sortie_manager_conflicts_total").increment(1);
                    let wait = Duration::from_millis(self.runtime.random() % (5 << races.min(6)));
                    self.runtime.sleep(wait).await;
                }
                other => return other,
            }
        }
    }

    async fn try_transact(
        &self,
        batch: &Batch,
        part: &[Arrival],
        total: usize,
    ) -> Result<Committed, StoreError> {
        let mut work = Work::begin(self).await?;
        let part = work.in_time(part, batch).await?;
        let unseen = work.unseen(&part, total).await?;
        let fresh = |index: usize| unseen[index];
        work.submit(batch.submissions.iter().filter(|(index, _)| fresh(*index)))
            .await?;
        let creations: Vec<_> = of(&batch.creations, fresh);
        let heartbeats: Vec<_> = of(&batch.heartbeats, fresh);
        let completions: Vec<_> = of(&batch.completions, fresh);
        let parents = creations.iter().map(|(_, create)| create.parent_id);
        let beating = heartbeats.iter().map(|(_, heartbeat)| heartbeat.task_id);
        let ended = completions.iter().map(|(_, complete)| complete.task_id);
        let tasks: Vec<_> = parents.chain(beating).chain(ended).collect();
        let mut heads = work.heads(&tasks).await?;
        work.create(&creations, &mut heads).await?;
        work.heartbeat(&heartbeats, &mut heads);
        work.complete(&completions, &mut heads).await?;
        work.cancel(
            batch
                .cancellations
                .iter()
                .filter(|(index, _)| fresh(*index)),
        )
        .await?;
        if batch.tick.is_some_and(fresh) {
            work.tick().await?;
        }
        work.advance().await?;
        work.commit().await
    }

    /// Sorts messages by what they ask for; what breaks a rule is refused here.
    async fn sort(&self, messages: Vec<ToManager>) -> Sorted {
        let mut batch = Batch::default();
        let mut refused = Vec::new();
        let mut deferred = Vec::new();
        for (index, ToManager { id, body, .. }) in messages.into_iter().enumerate() {
            let fenced = matches!(body, Message::CompleteTask(_));
            let checked = match body {
                Message::SubmitCollection(submit) => match self.read_plan(&submit.plan).await {
                    Ok(plan) => plan
                        .and_then(|plan| {
                            self.check_submission(submit.collection_id, plan, submit.scope)
                        })
                        .map(|submission| batch.submissions.push((index, submission))),
                    Err(error) => {
                        deferred.push((index, error.to_string()));
                        continue;
                    }
                },
                Message::CreateTasks(create) => self
                    .check_fence(create.parent_id, create.attempt, create.fence)
                    .map(|()| batch.creations.push((index, create))),
                Message::CompleteTask(complete) => self
                    .check_completion(&complete)
                    .map(|()| batch.completions.push((index, *complete))),
                Message::Heartbeat(heartbeat) => self
                    .check_fence(heartbeat.task_id, heartbeat.attempt, heartbeat.fence)
                    .map(|()| batch.heartbeats.push((index, heartbeat))),
                Message::CancelCollection(cancel) => {
                    batch.cancellations.push((index, cancel));
                    Ok(())
                }
                Message::Tick => {
                    batch.tick = Some(index);
                    Ok(())
                }
            };
            match checked {
                Ok(()) => batch.arrivals.push(Arrival { index, id, fenced }),
                Err(refusal) => refused.push((index, refusal)),
            }
        }
        (batch, refused, deferred)
    }

    fn check_fence(
        &self,
        task: TaskId,
        attempt: u32,
        fence: crate::envelope::Fence,
    ) -> Result<(), Refusal> {
        if self.config.fence_key.fence(task, attempt) == fence || mutant!(NoFencing) {
            Ok(())
        } else {
            Err(Refusal::Fence)
        }
    }

    /// What can be held against a completion without the store. External workers are not trusted.
    fn check_completion(&self, complete: &CompleteTask) -> Result<(), Refusal> {
        self.check_fence(complete.task_id, complete.attempt, complete.fence)?;
        let check = |what, found, limit| {
            if found > limit {
                Err(Refusal::TooLarge { what, found, limit })
            } else {
                Ok(())
            }
        };
        if let Some(data) = &complete.data {
            check(
                "bytes of data",
                data.inline_len(),
                self.transport.limits().message_bytes,
            )?;
        }
        check(
            "outcome classes",
            complete.coverage.len(),
            Coverage::MAX_CLASSES,
        )?;
        for (class, _) in complete.coverage.iter() {
            check(
                "bytes of an outcome class",
                class.len(),
                Coverage::MAX_CLASS_BYTES,
            )?;
        }
        match &complete.outcome {
            Outcome::Deadline { cursor, .. } => check(
                "bytes of a cursor",
                cursor.inline_len(),
                self.inline_limit() / 2,
            ),
            Outcome::Retry { error, .. }
            | Outcome::Fatal { error }
            | Outcome::OutOfScope { error }
            | Outcome::NotStarted { error } => {
                check("bytes of an error", error.len(), MAX_ERROR_BYTES)
            }
            Outcome::Succeeded { .. } | Outcome::Cancelled => Ok(()),
        }
    }

    /// Parks what was refused, lets come again what was deferred, and acknowledges the rest.
    async fn conclude(
        &self,
        deliveries: Vec<Delivery>,
        handled: &Handled,
    ) -> Result<(), ManagerError> {
        let reasons: HashMap<usize, &ParkReason> = handled
            .refused
            .iter()
            .map(|(index, reason)| (*index, reason))
            .collect();
        let deferred: HashMap<usize, &String> = handled
            .deferred
            .iter()
            .map(|(index, why)| (*index, why))
            .collect();
        let mut done: Vec<Receipt> = Vec::with_capacity(deliveries.len());
        for (index, delivery) in deliveries.into_iter().enumerate() {
            if let Some(reason) = reasons.get(&index) {
                tracing::warn!(%reason, "message parked");
                metrics::counter!("sortie_manager_parked_total").increment(1);
                let park = self
                    .transport
                    .park(Queue::Manager, delivery, (*reason).clone());
                unless_stale(park.await)?;
            } else if let Some(why) = deferred.get(&index) {
                tracing::warn!(%why, "message deferred; it comes again");
                let extend = self
                    .transport
                    .extend(Queue::Manager, &delivery.receipt, LATER);
                unless_stale(extend.await)?;
            } else {
                done.push(delivery.receipt);
            }
        }
        Ok(self.transport.ack(Queue::Manager, &done).await?)
    }
}

/// What was delivered to somebody else meanwhile is theirs to put aside.
fn unless_stale(done: Result<(), TransportError>) -> Result<(), TransportError> {
    match done {
        Err(TransportError::StaleReceipt) => Ok(()),
        other => other,
    }
}

/// Those messages of one kind that are wanted.
fn of<M>(messages: &[(usize, M)], wanted: impl Fn(usize) -> bool) -> Vec<&(usize, M)> {
    let wanted = messages.iter().filter(|(index, _)| wanted(*index));
    wanted.collect()
}

/// What a batch is sorted into: what can be applied, what is refused, what must come again.
type Sorted = (Batch, Vec<(usize, Refusal)>, Vec<(usize, String)>);

/// Why a cancellation is deferred.
const TOO_EARLY: &str = "the collection is not known yet";

/// When a deferred message comes again.
const LATER: Duration = Duration::from_secs(5);

/// Longest error text that is stored. The worker shortens its own.
pub(crate) const MAX_ERROR_BYTES: usize = 4096;
