//! A manager under the hand of the test: real store and carrier, virtual time, no workers.

use std::sync::Arc;
use std::time::Duration;

use sortie::core::conformance::ManualRuntime;
use sortie::core::envelope::DispatchTask;
use sortie::core::manager::{FenceKey, Handled, Manager, ManagerConfig, ManagerError};
use sortie::core::message::{CancelCollection, CompleteTask, Message, ToManager};
use sortie::core::ports::objects::Objects;
use sortie::core::ports::runtime::Runtime;
use sortie::core::ports::store::{ContainerRow, Store, TaskHead};
use sortie::core::ports::transport::{Outgoing, Parked, Transport};
use sortie::core::submit::submission;
use sortie::core::{CollectionId, MessageId, Plan, Queue, TaskId, WorkerKind};
use sortie::prelude::*;
use sortie::stores::MemoryStore;
use sortie::transports::memory::{MemoryConfig, MemoryTransport};

use super::defs::inert;

/// The test plays the workers: it takes dispatches off the carrier and says how they ended.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) runtime: ManualRuntime,
    pub(crate) store: Arc<dyn Store>,
    /// The store without its faults, to look at.
    pub(crate) truth: Arc<dyn Store>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) objects: Option<Arc<dyn Objects>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) manager: Arc<Manager>,
}

impl Bench {
    /// In memory, with the inert definitions.
    pub(crate) fn new() -> Self {
        let runtime = ManualRuntime::new(1);
        let store = Arc::new(MemoryStore::new());
        let transport = carrier(&runtime);
        Self::over(runtime, store, transport, inert())
    }

    /// Over other parts.
    pub(crate) fn over(
        runtime: ManualRuntime,
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        registry: Registry,
    ) -> Self {
        let registry = Arc::new(registry);
        let manager = manager(&runtime, &store, &transport, &registry);
        Self {
            runtime,
            truth: Arc::clone(&store),
            store,
            transport,
            objects: None,
            registry,
            manager: Arc::new(manager),
        }
    }

    /// With an object store.
    pub(crate) fn with_objects(mut self, objects: Arc<dyn Objects>) -> Self {
        let manager = manager(&self.runtime, &self.store, &self.transport, &self.registry);
        self.manager = Arc::new(manager.with_objects(Arc::clone(&objects)));
        self.objects = Some(objects);
        self
    }

    /// Another manager over the same parts; as after a restart, if the first is dropped.
    pub(crate) fn twin(&self) -> Self {
        let manager = manager(&self.runtime, &self.store, &self.transport, &self.registry);
        Self {
            manager: Arc::new(manager),
            ..self.clone()
        }
    }

    /// The same, with a carrier that starts empty: the process has died.
    pub(crate) fn reborn(&self) -> Self {
        let mut reborn = self.clone();
        reborn.transport = carrier(&self.runtime);
        reborn.twin()
    }

    /// Submits a sound workflow.
    pub(crate) async fn submit(&self, workflow: Workflow) -> CollectionId {
        let (id, message) = self.submission(workflow).await;
        let handled = self.manager.handle(vec![message]).await.unwrap();
        assert_eq!(handled.refused, []);
        id
    }

    /// The message that submits a sound workflow.
    pub(crate) async fn submission(&self, workflow: Workflow) -> (CollectionId, ToManager) {
        let limit = self.transport.limits().message_bytes;
        let made = submission(
            workflow,
            Some(&self.registry),
            limit,
            self.objects.as_deref(),
            &self.runtime,
        );
        made.await.unwrap()
    }

    /// Submits a plan as it is, sound or not.
    pub(crate) async fn submit_plan(&self, plan: &Plan) -> (CollectionId, Handled) {
        let collection_id = CollectionId::new(&self.runtime);
        let plan = sortie::core::Payload::encode(plan).unwrap();
        let submit = sortie::core::message::SubmitCollection {
            collection_id,
            plan,
            scope: None,
        };
        (
            collection_id,
            self.tell(Message::SubmitCollection(submit)).await,
        )
    }

    /// A message, under an id of its own.
    pub(crate) fn message(&self, message: impl Into<Said>) -> ToManager {
        ToManager::new(MessageId::new(&self.runtime), message.into().0)
    }

    /// Tells the manager something.
    pub(crate) async fn tell(&self, message: impl Into<Said>) -> Handled {
        self.try_tell(vec![self.message(message)]).await.unwrap()
    }

    /// Tells the manager several things, in one batch.
    pub(crate) async fn tell_all(&self, messages: impl IntoIterator<Item = Said>) -> Handled {
        let messages = messages
            .into_iter()
            .map(|said| self.message(said))
            .collect();
        self.try_tell(messages).await.unwrap()
    }

    /// Tells the manager something that it may not be able to handle.
    pub(crate) async fn try_tell(&self, messages: Vec<ToManager>) -> Result<Handled, ManagerError> {
        self.manager.handle(messages).await
    }

    /// Puts bodies on the manager's queue and lets it handle what is there, as one batch.
    pub(crate) async fn deliver(&self, bodies: Vec<Vec<u8>>) -> Result<Handled, ManagerError> {
        let bodies = bodies
            .into_iter()
            .map(|body| Outgoing::now(body.into()))
            .collect();
        for sent in self.transport.send(Queue::Manager, bodies).await.unwrap() {
            sent.unwrap();
        }
        self.handle_queue().await
    }

    /// Lets the manager handle what is on its queue, as one batch.
    pub(crate) async fn handle_queue(&self) -> Result<Handled, ManagerError> {
        let deliveries = self
            .transport
            .receive(
                Queue::Manager,
                1000,
                Duration::ZERO,
                Duration::from_secs(60),
            )
            .await
            .unwrap();
        self.manager.handle_deliveries(deliveries).await
    }

    /// Dead letters of the manager's queue.
    pub(crate) async fn parked(&self) -> Vec<Parked> {
        self.transport.parked(Queue::Manager, 1000).await.unwrap()
    }

    /// Takes every dispatch off the carrier.
    pub(crate) async fn dispatched(&self) -> Vec<DispatchTask> {
        let mut tasks = Vec::new();
        for kind in WorkerKind::ALL {
            tasks.extend(self.dispatched_to(kind).await);
        }
        tasks
    }

    /// Takes every dispatch to one kind of worker off the carrier.
    pub(crate) async fn dispatched_to(&self, kind: WorkerKind) -> Vec<DispatchTask> {
        let (queue, mut tasks) = (kind.queue(), Vec::new());
        loop {
            let (wait, hidden) = (Duration::ZERO, Duration::from_secs(60));
            let got = self
                .transport
                .receive(queue, 1000, wait, hidden)
                .await
                .unwrap();
            if got.is_empty() {
                return tasks;
            }
            for delivery in got {
                tasks.push(DispatchTask::decode(&delivery.body).unwrap());
                self.transport
                    .ack(queue, &[delivery.receipt])
                    .await
                    .unwrap();
            }
        }
    }

    /// Takes the only dispatch off the carrier.
    pub(crate) async fn only(&self) -> DispatchTask {
        let mut tasks = self.dispatched().await;
        assert_eq!(tasks.len(), 1, "dispatched: {tasks:#?}");
        tasks.remove(0)
    }

    /// Takes the only dispatch and ends it well; returns it.
    pub(crate) async fn finish_only(&self) -> DispatchTask {
        let task = self.only().await;
        self.tell(super::messages::done(&task)).await;
        task
    }

    /// Lets time pass, then ticks.
    pub(crate) async fn tick_after(&self, passed: Duration) {
        self.runtime.advance(passed).await;
        self.tell(Message::Tick).await;
    }

    /// Cancels a collection.
    pub(crate) async fn cancel(&self, collection_id: CollectionId) {
        self.tell(Message::CancelCollection(CancelCollection {
            collection_id,
        }))
        .await;
    }

    /// The state of a collection.
    pub(crate) async fn state(&self, id: CollectionId) -> TaskState {
        self.truth.collection(id).await.unwrap().unwrap().state
    }

    /// The container of that name.
    pub(crate) async fn container(&self, id: CollectionId, name: &str) -> ContainerRow {
        let containers = self.truth.containers(id).await.unwrap();
        containers
            .into_iter()
            .find(|c| c.name.as_deref() == Some(name))
            .unwrap()
    }

    /// The task of that name.
    pub(crate) async fn task(&self, id: CollectionId, name: &str) -> TaskHead {
        self.truth.task(id, name).await.unwrap().unwrap()
    }

    /// The task of that id.
    pub(crate) async fn head(&self, id: TaskId) -> Option<TaskHead> {
        self.truth
            .begin()
            .await
            .unwrap()
            .heads(&[id])
            .await
            .unwrap()
            .pop()
    }

    /// The rows under a name, decoded.
    pub(crate) async fn rows<T: serde::de::DeserializeOwned>(
        &self,
        id: CollectionId,
        name: &str,
    ) -> Vec<T> {
        let dataset = self.truth.dataset(id, name).await.unwrap().unwrap();
        let rows = self.truth.rows(dataset, None, 100_000).await.unwrap();
        rows.into_iter()
            .map(|row| row.body.decode().unwrap())
            .collect()
    }
}

/// Something to say to the manager.
pub(crate) struct Said(Message);

impl From<Message> for Said {
    fn from(message: Message) -> Self {
        Self(message)
    }
}

impl From<CompleteTask> for Said {
    fn from(complete: CompleteTask) -> Self {
        Self(Message::CompleteTask(Box::new(complete)))
    }
}

/// An empty carrier that hands out large batches.
pub(crate) fn carrier(runtime: &ManualRuntime) -> Arc<dyn Transport> {
    let config = MemoryConfig::default().receive_batch(1000);
    Arc::new(MemoryTransport::new(Arc::new(runtime.clone()), config))
}

fn manager(
    runtime: &ManualRuntime,
    store: &Arc<dyn Store>,
    transport: &Arc<dyn Transport>,
    registry: &Arc<Registry>,
) -> Manager {
    let runtime: Arc<dyn Runtime> = Arc::new(runtime.clone());
    let config = ManagerConfig::new(FenceKey::new(*b"a key for tests."));
    Manager::new(
        Arc::clone(store),
        Arc::clone(transport),
        runtime,
        Arc::clone(registry),
        config,
    )
}
