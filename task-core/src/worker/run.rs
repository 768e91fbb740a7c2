//! The loop around a worker: poll, run, complete, drain.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::{Semaphore, mpsc};
use tracing::Instrument as _;

use super::cancellations::Cancellations;
use super::completer::{Done, complete};
use super::lease::{Lease, visibility};
use super::{Completion, Control, Worker};
use crate::envelope::DispatchTask;
use crate::id::MessageId;
use crate::manager::Stop;
use crate::message::{CompleteTask, Message, Outcome, ToManager};
use crate::ports::objects::Objects;
use crate::ports::runtime::Runtime;
use crate::ports::transport::{Delivery, Outgoing, Receipt, Transport};
use crate::route::WorkerKind;
use crate::task::{CancelSignal, DEFAULT_CANCEL_POLL, Progress};
use crate::time::Timestamp;

/// Polls the queue of one kind of worker and runs what comes.
#[derive(Debug)]
pub struct WorkerLoop {
    shared: Shared,
    concurrency: usize,
    objects: Option<Arc<dyn Objects>>,
}

/// What the loop and its attempts share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) kind: WorkerKind,
    pub(super) worker: Arc<dyn Worker>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) cancellations: Cancellations,
    /// How long tasks may go on after they were told to stop.
    pub(super) grace: Duration,
    stop_at: Option<Timestamp>,
    pub(super) first_visibility: Duration,
}

impl WorkerLoop {
    /// A loop with 16 tasks at once.
    pub fn new(
        kind: WorkerKind,
        worker: Arc<dyn Worker>,
        transport: Arc<dyn Transport>,
        runtime: Arc<dyn Runtime>,
    ) -> Self {
        let cancellations = Cancellations::new(None, Arc::clone(&runtime), DEFAULT_CANCEL_POLL);
        Self {
            shared: Shared {
                kind,
                worker,
                transport,
                runtime,
                cancellations,
                grace: Duration::from_secs(10),
                stop_at: None,
                first_visibility: visibility(crate::policy::Limits::DEFAULT.running),
            },
            concurrency: 16,
            objects: None,
        }
    }

    /// How many tasks run at once. At least 1.
    #[must_use]
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks.max(1);
        self
    }

    /// Where to hear of cancellations, and how often to listen.
    #[must_use]
    pub fn cancellations(mut self, objects: Arc<dyn Objects>, every: Duration) -> Self {
        let runtime = Arc::clone(&self.shared.runtime);
        self.shared.cancellations = Cancellations::new(Some(Arc::clone(&objects)), runtime, every);
        self.objects = Some(objects);
        self
    }

    /// How long tasks may go on after they were told to stop. Default: 10 s.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.shared.grace = grace;
        self
    }

    /// When this worker itself must have ended, as a Lambda must. Tasks see it as
    /// [`remaining`](crate::TaskContext::remaining).
    #[must_use]
    pub const fn stop_at(mut self, at: Timestamp) -> Self {
        self.shared.stop_at = Some(at);
        self
    }

    /// Runs until it is told to stop, then drains: nothing new is received, running tasks have
    /// half of the grace period to hand back a cursor or end, and the other half to stop. What
    /// still runs after that is given back to the queue.
    pub async fn run(self, mut stop: Stop) {
        let shared = Arc::new(self.shared);
        let permits = Arc::new(Semaphore::new(self.concurrency));
        let (done, completions) = mpsc::unbounded_channel();
        shared.runtime.spawn(Box::pin(complete(
            Arc::clone(&shared.transport),
            Arc::clone(&shared.runtime),
            shared.kind,
            completions,
        )));
        let batch = shared.transport.limits().receive_batch;
        let mut pause = Duration::from_millis(50);
        while !stop.is_stopped() {
            let first = {
                let permit = std::pin::pin!(Arc::clone(&permits).acquire_owned());
                match select(std::pin::pin!(stop.stopped()), permit).await {
                    Either::Left(_) => break,
                    Either::Right((Ok(permit), _)) => permit,
                    Either::Right((Err(_), _)) => break,
                }
            };
            let max = batch.min(permits.available_permits() + 1);
            let received = {
                let receive = shared.transport.receive(
                    shared.kind.queue(),
                    max,
                    POLL,
                    shared.first_visibility,
                );
                match select(std::pin::pin!(stop.stopped()), receive).await {
                    // Receiving is safe to give up: what it would have brought comes again.
                    Either::Left(_) => break,
                    Either::Right((received, _)) => received,
                }
            };
            let deliveries = match received {
                Ok(deliveries) => {
                    pause = Duration::from_millis(50);
                    deliveries
                }
                Err(error) => {
                    tracing::error!(kind = %shared.kind, %error, "cannot receive");
                    shared.runtime.sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                    continue;
                }
            };
            let mut first = Some(first);
            for delivery in deliveries {
                let permit = match first.take() {
                    Some(permit) => permit,
                    None => match Arc::clone(&permits).acquire_owned().await {
                        Ok(permit) => permit,
                        Err(_) => break,
                    },
                };
                let (shared, done, stop) = (Arc::clone(&shared), done.clone(), stop.clone());
                let runtime = Arc::clone(&shared.runtime);
                runtime.spawn(Box::pin(async move {
                    let receipt = delivery.receipt.clone();
                    if mutant!(AckBeforeWork) {
                        // If it fails, the one behind the work is still to come.
                        let (queue, receipts) = (shared.kind.queue(), [receipt.clone()]);
                        let _ = shared.transport.ack(queue, &receipts).await;
                    }
                    if let Some(message) = process(&shared, delivery, stop).await {
                        // The completer outlives every sender.
                        let _ = done.send(Done {
                            message: message.0,
                            receipt,
                            permit,
                        });
                    }
                }));
            }
        }
        drop(done);
        // All permits are back when all tasks have ended and their completions are sent.
        let all = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        let drained = permits.acquire_many(all);
        let limit = shared.runtime.sleep(shared.grace + Duration::from_secs(1));
        let _ = select(std::pin::pin!(drained), limit).await;
    }
}

/// What to do with a delivery when it is settled: send this, if anything, and acknowledge.
struct Settled(Option<Outgoing>);

/// Runs one delivery. `None`: it was put aside or given back, there is nothing to acknowledge.
async fn process(shared: &Shared, delivery: Delivery, stop: Stop) -> Option<Settled> {
    let task = match DispatchTask::decode(&delivery.body) {
        Ok(task) => task,
        Err(reason) => return park(shared, delivery, reason).await,
    };
    if shared.runtime.now() > task.start_by {
        // The manager finds out by itself: its lease covers the time in the queue, and one more.
        tracing::warn!(task = %task.task_id, "received too late to be started");
        return Some(Settled(None));
    }
    if shared.cancellations.check(task.collection_id).await {
        // Its run is over, and the manager has closed it already: what it would bring is refused.
        return Some(Settled(None));
    }
    let span = tracing::info_span!(
        "task",
        kind = %task.kind,
        task = %task.task_id,
        attempt = task.attempt,
        trace = %task.trace,
    );
    let reply = CompleteTask {
        task_id: task.task_id,
        kind: task.kind.clone(),
        attempt: task.attempt,
        fence: task.fence,
        outcome: Outcome::Cancelled,
        data: None,
        coverage: crate::ledger::Coverage::new(),
        usage: crate::ledger::Usage::default(),
    };
    let receipt = delivery.receipt.clone();
    match attempt(shared, task, receipt, stop).instrument(span).await {
        Ended::Completed(completion) => {
            let Completion {
                outcome,
                data,
                coverage,
                usage,
            } = completion;
            let reply = CompleteTask {
                outcome,
                data,
                coverage,
                usage,
                ..reply
            };
            let message = Message::CompleteTask(Box::new(reply));
            let message = ToManager::new(MessageId::new(&*shared.runtime), message).encode();
            Some(Settled(Some(Outgoing::now(message))))
        }
        Ended::Parked(reason) => park(shared, delivery, reason).await,
        Ended::GivenBack => {
            let queue = shared.kind.queue();
            let back = shared
                .transport
                .extend(queue, &delivery.receipt, Duration::ZERO)
                .await;
            if let Err(error) = back {
                tracing::warn!(%error, "not given back; it comes again when its visibility ends");
            }
            None
        }
    }
}

enum Ended {
    Completed(Completion),
    Parked(crate::ports::transport::ParkReason),
    GivenBack,
}

/// One attempt, under its lease.
async fn attempt(shared: &Shared, task: DispatchTask, receipt: Receipt, mut stop: Stop) -> Ended {
    let (signal, cancelled) = CancelSignal::new();
    let progress = Progress::default();
    let stop_at = match (task.deadline, shared.stop_at) {
        (Some(deadline), Some(stop_at)) => Some(deadline.min(stop_at)),
        (deadline, stop_at) => deadline.or(stop_at),
    };
    let lease = Lease::new(&task, receipt);
    let control = Control {
        progress: progress.clone(),
        cancelled,
        stop_at,
    };
    let mut run = shared.worker.run(task, control);
    // Most tasks are over at once; they must not pay for what watches over the others.
    let mut draining = false;
    let ended = match futures_util::poll!(&mut run) {
        Poll::Ready(result) => Either::Left(result),
        Poll::Pending => {
            let watch = Box::pin(async {
                let keep = std::pin::pin!(lease.keep(shared, &progress, &signal));
                let drain = std::pin::pin!(async {
                    stop.stopped().await;
                    draining = true;
                    // First there is time to hand back a cursor, then only to stop.
                    signal.leave();
                    shared.runtime.sleep(shared.grace / 2).await;
                    signal.cancel();
                    shared.runtime.sleep(shared.grace / 2).await;
                });
                match select(keep, drain).await {
                    Either::Left((outcome, _)) => Some(outcome),
                    Either::Right(((), _)) => None,
                }
            });
            match select(&mut run, watch).await {
                Either::Left((result, _)) => Either::Left(result),
                Either::Right((outcome, _)) => Either::Right(outcome),
            }
        }
    };
    match ended {
        Either::Left(Ok(completion)) => {
            // A task that stops because its worker leaves has not failed.
            if draining && completion.outcome == Outcome::Cancelled {
                let error = "the worker is leaving".to_owned();
                return Ended::Completed(Completion::bare(Outcome::NotStarted { error }));
            }
            Ended::Completed(completion)
        }
        Either::Left(Err(reason)) => Ended::Parked(reason),
        Either::Right(Some(outcome)) => Ended::Completed(Completion::bare(outcome)),
        Either::Right(None) => Ended::GivenBack,
    }
}

async fn park(
    shared: &Shared,
    delivery: Delivery,
    reason: crate::ports::transport::ParkReason,
) -> Option<Settled> {
    tracing::warn!(%reason, "dispatch parked");
    let queue = shared.kind.queue();
    if let Err(error) = shared.transport.park(queue, delivery, reason).await {
        tracing::warn!(%error, "not parked; it comes again");
    }
    None
}

/// How long one poll waits for a message: the longest that SQS allows.
const POLL: Duration = Duration::from_secs(20);
