//! The carrier as one machine sees it: the real one in memory, with faults in between.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use task_core::envelope::DispatchTask;
use task_core::message::{Message, Outcome, ToManager};
use task_core::ports::runtime::Runtime;
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};
use task_core::{Payload, Queue, TaskId, WorkerKind};
use transports::memory::{MemoryConfig, MemoryTransport};

use super::audit::{Audit, Said};
use super::chaos::Chaos;
use super::dice::{Dice, hash_bytes, unit};
use super::faults::Fault;
use super::paths::Path;
use super::world::{MachineRuntime, NOBODY, World};

/// The queues themselves. A blackout replaces them by empty ones.
#[derive(Debug)]
pub(super) struct Queues {
    runtime: Arc<MachineRuntime>,
    current: Mutex<Arc<MemoryTransport>>,
    config: MemoryConfig,
    limits: CarrierLimits,
}

impl Queues {
    /// Empty ones. Small messages send some payloads through the object store.
    pub(super) fn new(world: &Arc<World>, small_messages: bool) -> Arc<Self> {
        let runtime = world.runtime(NOBODY, 0);
        // More often than SQS is usually told, so that it is faults and not the limit that is met.
        let mut config = MemoryConfig::default().max_receives(8);
        if small_messages {
            config = config.message_bytes(SMALL_BYTES);
        }
        let transport = fresh(&runtime, config);
        Arc::new(Self {
            limits: transport.limits(),
            current: Mutex::new(transport),
            runtime,
            config,
        })
    }

    pub(super) fn current(&self) -> Arc<MemoryTransport> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything is forgotten.
    pub(super) fn forget(&self) {
        let new = fresh(&self.runtime, self.config);
        let old = std::mem::replace(
            &mut *self.current.lock().unwrap_or_else(PoisonError::into_inner),
            new,
        );
        old.close();
    }
}

fn fresh(runtime: &Arc<MachineRuntime>, config: MemoryConfig) -> Arc<MemoryTransport> {
    Arc::new(MemoryTransport::new(
        Arc::clone(runtime) as Arc<dyn Runtime>,
        config,
    ))
}

/// The most bytes in a small message.
const SMALL_BYTES: usize = 32 << 10;

/// Who uses the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    Client,
    Manager,
    Worker(WorkerKind),
}

/// The carrier of one machine.
pub(super) struct Carrier {
    pub(super) queues: Arc<Queues>,
    pub(super) user: User,
    pub(super) runtime: Arc<MachineRuntime>,
    pub(super) world: Arc<World>,
    pub(super) chaos: Arc<Chaos>,
    pub(super) audit: Arc<Mutex<Audit>>,
}

impl Carrier {
    fn strikes(&self, fault: Fault) -> Option<Dice> {
        self.chaos.strikes(fault, self.runtime.machine())
    }

    /// This machine dies here and now.
    async fn die<T>(&self) -> T {
        let machine = self.runtime.machine();
        self.chaos.note(machine, format_args!("dies"));
        self.world.kill(machine);
        std::future::pending().await
    }

    fn audit(&self) -> std::sync::MutexGuard<'_, Audit> {
        self.audit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is asked of a message that was received is refused.
    fn throttle(&self) -> Result<(), TransportError> {
        match self.strikes(Fault::ReceiptThrottled) {
            Some(_) => Err(lost("throttled")),
            None => Ok(()),
        }
    }

    /// What workers say is counted.
    fn watch(&self, said: Option<&Said>) {
        let (User::Worker(_), Some(Said::Complete(complete))) = (self.user, said) else {
            return;
        };
        match &complete.outcome {
            Outcome::Retry { error, .. } if error.starts_with("no progress") => {
                self.chaos.passed(Path::NoProgress);
            }
            Outcome::NotStarted { .. } => self.chaos.passed(Path::NotStarted),
            Outcome::Deadline { .. } => self.chaos.passed(Path::CursorHandedBack),
            _ => {}
        }
        if let Some(Payload::Claim(_)) = complete.data {
            self.chaos.passed(Path::ResultClaimed);
        }
    }

    /// What becomes of a message on its way: its copies, with their delays.
    fn on_the_way(&self, message: &Outgoing) -> Vec<Outgoing> {
        let mut first = message.clone();
        if let Some(mut dice) = self.strikes(Fault::Reorder) {
            first.delay += dice.time(Duration::from_millis(1), Duration::from_millis(500));
        }
        if let Some(mut dice) = self.strikes(Fault::Late) {
            first.delay += dice.time(Duration::from_millis(500), Duration::from_secs(120));
        }
        first.delay = first.delay.min(self.queues.limits.max_delay);
        let mut copies = vec![first];
        if let Some(mut dice) = self.strikes(Fault::Duplicate) {
            let delay = dice.time(Duration::from_millis(1), Duration::from_secs(60));
            copies.push(Outgoing {
                body: message.body.clone(),
                delay: (message.delay + delay).min(self.queues.limits.max_delay),
            });
        }
        copies
    }

    /// A worker that has said something may die of it.
    async fn die_after_sending(&self, bodies: &[bytes::Bytes]) {
        let User::Worker(_) = self.user else { return };
        for body in bodies {
            let fault = match ToManager::decode(body).map(|message| message.body) {
                Ok(Message::CompleteTask(_)) => Fault::WorkerDiesAfterCompletion,
                Ok(Message::CreateTasks(_)) => Fault::GeneratorDies,
                _ => continue,
            };
            if self.strikes(fault).is_some() {
                self.die().await
            }
        }
    }

    /// A worker that is given tasks may die of them, at once or later.
    async fn die_of_receiving(&self, deliveries: &[Delivery]) {
        let User::Worker(_) = self.user else { return };
        let machine = self.runtime.machine();
        for delivery in deliveries {
            if self.is_poison(&delivery.body) || self.strikes(Fault::WorkerDiesBeforeWork).is_some()
            {
                self.die().await
            }
            let (shortest, longest) = (Duration::from_millis(1), Duration::from_secs(20));
            let fault = Fault::WorkerDiesDuringWork;
            if let Some(after) = self.chaos.after(fault, machine, shortest, longest) {
                let (world, sleep) = (Arc::clone(&self.world), self.runtime.sleep(after));
                let doom = async move {
                    sleep.await;
                    world.kill(machine);
                };
                self.world.spawn(NOBODY, Box::pin(doom));
            }
        }
    }

    /// Whether this task kills each worker that is given it. Its id decides, so it does so again.
    fn is_poison(&self, body: &[u8]) -> bool {
        let rate = self.chaos.faults().rate(Fault::PoisonTask);
        let Ok(task) = DispatchTask::decode(body) else {
            return false;
        };
        rate > 0.0
            && unit(hash_bytes(5, task.task_id.as_bytes())) < rate
            && self.strikes_poison(task.task_id)
    }

    /// Once it is decided that a task is poison, it only remains to count it.
    fn strikes_poison(&self, task: TaskId) -> bool {
        let certain = Fault::PoisonTask;
        let known = self.audit().poison.get(&task).copied();
        match known {
            Some(poison) => poison && !self.chaos.is_calm(),
            None => {
                let poison = self.chaos.strikes_surely(certain, self.runtime.machine());
                self.audit().poison.insert(task, poison);
                poison
            }
        }
    }
}

#[async_trait]
impl Transport for Carrier {
    fn limits(&self) -> CarrierLimits {
        self.queues.limits
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        self.runtime.way().await;
        let inner = self.queues.current();
        let bodies: Vec<_> = messages.iter().map(|m| m.body.clone()).collect();
        let mut results = Vec::with_capacity(messages.len());
        let dies_at = (self.user == User::Manager)
            .then(|| self.strikes(Fault::ManagerDiesSending))
            .flatten()
            .map(|mut dice| dice.below(messages.len() as u64));
        for (place, message) in (0..).zip(&messages) {
            if dies_at == Some(place) {
                self.die::<()>().await;
            }
            if self.strikes(Fault::SendThrottled).is_some() {
                results.push(Err(lost("throttled")));
                continue;
            }
            let said = self.audit().sending(self.user, queue, &message.body);
            self.watch(said.as_ref());
            let sent = inner.send(queue, self.on_the_way(message)).await?;
            results.push(sent.into_iter().next().unwrap_or(Ok(())));
            let verdict = self.audit().sent(self.user, queue, &message.body);
            if let Err(violation) = verdict {
                self.chaos.violated(violation);
            }
        }
        self.chaos.note(
            self.runtime.machine(),
            format_args!("sent {} to {queue}", messages.len()),
        );
        self.die_after_sending(&bodies).await;
        self.runtime.way().await;
        if self.strikes(Fault::SendAnswerLost).is_some() {
            return Err(lost("the answer was lost"));
        }
        Ok(results)
    }

    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        if self.strikes(Fault::ReceiveThrottled).is_some() {
            return Err(lost("throttled"));
        }
        let visibility = match self.strikes(Fault::ShortVisibility) {
            Some(mut dice) => dice.time(Duration::from_millis(50), Duration::from_secs(5)),
            None => visibility,
        };
        let inner = self.queues.current();
        let deliveries = inner.receive(queue, max, wait, visibility).await?;
        if !deliveries.is_empty() {
            self.chaos.note(
                self.runtime.machine(),
                format_args!("received {} of {queue}", deliveries.len()),
            );
            let verdict = self.audit().received(self.user, queue, &deliveries);
            if let Err(violation) = verdict {
                self.chaos.violated(violation);
            }
            self.die_of_receiving(&deliveries).await;
        }
        Ok(deliveries)
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        let now = self.world.now();
        let verdict = self.audit().acked(self.user, queue, receipts, now);
        if let Err(violation) = verdict {
            self.chaos.violated(violation);
        }
        self.runtime.way().await;
        if self.strikes(Fault::LostAck).is_some() {
            return Ok(());
        }
        self.throttle()?;
        self.queues.current().ack(queue, receipts).await
    }

    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        self.throttle()?;
        let inner = self.queues.current();
        inner.extend(queue, receipt, visibility).await
    }

    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        self.throttle()?;
        self.chaos.note(
            self.runtime.machine(),
            format_args!("parked in {queue}: {reason}"),
        );
        self.audit().parked(&reason);
        let inner = self.queues.current();
        inner.park(queue, delivery, reason).await
    }

    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError> {
        self.queues.current().parked(queue, max).await
    }

    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError> {
        self.queues.current().redrive(queue).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, TransportError> {
        self.queues.current().depth(queue).await
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

fn lost(why: &'static str) -> TransportError {
    TransportError::Backend(why.into())
}

/// Tasks that are known to be poison, or not.
pub(super) type Poison = BTreeMap<TaskId, bool>;
