//! A worker on the bench: an envelope in, its completion out.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sortie_task_defs::source::Sources;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{CompleteTask, Message, Outcome, ToManager};
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::transport::{Outgoing, Transport};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{CollectionId, Payload, Queue, Resources, Routed, TaskDefinition, WorkerKind};
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

use crate::rows::Rows;

pub(crate) struct Bench {
    runtime: Arc<TokioRuntime>,
    transport: Arc<MemoryTransport>,
    _stop: StopHandle,
}

/// What came of an envelope.
pub(crate) struct Ended(pub(crate) CompleteTask);

impl Bench {
    /// A worker that asks the source of each kind at the URL beside it, with keys for all.
    pub(crate) fn at(kind: &str, url: impl Into<String>) -> Self {
        let sources = Sources::new()
            .base_url(kind, url)
            .key("SHODAN_API_KEY", KEY)
            .key("CENSYS_PLATFORM_TOKEN", KEY);
        Self::with(Resources::new().with(sources))
    }

    pub(crate) fn with(resources: Resources) -> Self {
        Self::new(resources, Some(&Arc::new(ObjectStoreObjects::memory())))
    }

    pub(crate) fn new(resources: Resources, objects: Option<&Arc<ObjectStoreObjects>>) -> Self {
        Self::over(Rows::default(), resources, objects)
    }

    /// Workers of both kinds, over task data called `rows`.
    pub(crate) fn over(
        rows: Rows,
        resources: Resources,
        objects: Option<&Arc<ObjectStoreObjects>>,
    ) -> Self {
        let runtime = Arc::new(TokioRuntime::new());
        let transport = Arc::new(MemoryTransport::new(
            runtime.clone(),
            MemoryConfig::default(),
        ));
        let (resources, rows) = (Arc::new(resources), Arc::new(rows));
        let (stop, stopped) = StopHandle::new();
        for kind in [WorkerKind::External, WorkerKind::Internal] {
            let registry = sortie_task_defs::registry().routed_to(kind);
            let mut worker = StockWorker::new(registry, transport.clone(), runtime.clone())
                .with_resources(resources.clone());
            if let Some(objects) = objects {
                worker = worker.with_objects(objects.clone());
            }
            if kind == WorkerKind::Internal {
                worker = worker.with_data(rows.clone());
            }
            let worker = Arc::new(worker);
            let worker = WorkerLoop::new(kind, worker, transport.clone(), runtime.clone());
            drop(tokio::spawn(worker.run(stopped.clone())));
        }
        Self {
            runtime,
            transport,
            _stop: stop,
        }
    }

    /// Runs the first attempt, without a deadline.
    pub(crate) async fn run<T: TaskDefinition>(&self, task: &T) -> Ended {
        self.attempt(task, 1, None).await
    }

    pub(crate) async fn attempt<T: TaskDefinition>(
        &self,
        task: &T,
        attempt: u32,
        time: Option<Duration>,
    ) -> Ended {
        let now = self.runtime.now();
        let envelope = DispatchTask {
            v: WIRE_VERSION,
            kind: T::KIND.to_owned(),
            kind_version: T::VERSION,
            task_id: collection().task(0),
            collection_id: collection(),
            parent_id: collection().container(0),
            ordinal: 0,
            attempt,
            fence: Fence(7),
            start_by: now.after(Duration::from_secs(60)),
            deadline: time.map(|time| now.after(time)),
            lease: Duration::from_secs(60),
            scope: None,
            trace: String::new(),
            cursor: None,
            payload: Payload::encode(task).unwrap(),
        };
        let body = Outgoing::now(envelope.encode().into());
        let sent = self
            .transport
            .send(T::WORKER_KIND.queue(), vec![body])
            .await;
        sent.unwrap().remove(0).unwrap();
        loop {
            let (wait, visibility) = (Duration::from_secs(20), Duration::from_secs(60));
            let queue = Queue::Manager;
            let deliveries = self
                .transport
                .receive(queue, 1, wait, visibility)
                .await
                .unwrap();
            assert!(!deliveries.is_empty(), "the worker says nothing");
            for delivery in deliveries {
                let receipts = [delivery.receipt];
                self.transport.ack(queue, &receipts).await.unwrap();
                let message = ToManager::decode(&delivery.body).unwrap().body;
                if let Message::CompleteTask(complete) = message {
                    return Ended(*complete);
                }
            }
        }
    }
}

impl Ended {
    pub(crate) fn output<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.0.outcome, Outcome::Succeeded { children: None });
        self.0.data.as_ref().unwrap().decode().unwrap()
    }

    pub(crate) fn fatal(&self) -> &str {
        match &self.0.outcome {
            Outcome::Fatal { error } => error,
            other => panic!("{other:?}"),
        }
    }

    /// The error of an attempt that comes again, and the milliseconds that it asks to wait.
    pub(crate) fn retry(&self) -> (&str, Option<u64>) {
        match &self.0.outcome {
            Outcome::Retry { error, after_ms } => (error, *after_ms),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn collection() -> CollectionId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

/// A key that is easily found in a text.
pub(crate) const KEY: &str = "K3Y+that/nobody=may.see";
