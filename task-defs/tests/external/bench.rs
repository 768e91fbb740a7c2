//! A worker on the bench: an envelope in, its messages out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use scanners::scope::ScopeSpec;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{CompleteTask, CreateTasks, Message, ToManager};
use task_core::ports::objects::Objects;
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::transport::{Outgoing, Transport};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{
    Claim, CollectionId, Payload, Queue, TaskDefinition, Timestamp, WorkerKind, registry,
};
use tokio::net::UdpSocket;
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

use sortie_task_defs::robots::{RobotsGenerator, RobotsScan};

pub(crate) struct Bench {
    pub(crate) objects: Arc<ObjectStoreObjects>,
    runtime: Arc<TokioRuntime>,
    transport: Arc<MemoryTransport>,
    scope: Option<Claim>,
    _stop: StopHandle,
}

/// What came of an envelope.
pub(crate) struct Ended {
    pub(crate) children: Vec<CreateTasks>,
    pub(crate) complete: CompleteTask,
}

impl Bench {
    /// A worker whose tasks may touch `example` and what lies under it.
    pub(crate) async fn new() -> Self {
        let runtime = Arc::new(TokioRuntime::new());
        let transport = Arc::new(MemoryTransport::new(
            runtime.clone(),
            MemoryConfig::default(),
        ));
        let objects = Arc::new(ObjectStoreObjects::memory());
        let known = registry![External: RobotsGenerator, RobotsScan];
        let worker = StockWorker::new(known, transport.clone(), runtime.clone())
            .with_objects(objects.clone());
        let (stop, stopped) = StopHandle::new();
        let kind = WorkerKind::External;
        let worker = WorkerLoop::new(kind, Arc::new(worker), transport.clone(), runtime.clone());
        drop(tokio::spawn(worker.run(stopped)));
        let spec = ScopeSpec {
            allow_domains: vec!["example".to_owned()],
            ..ScopeSpec::default()
        };
        let scope = Claim::store("scope".to_owned(), spec.to_json().into(), &*objects).await;
        Self {
            objects,
            runtime,
            transport,
            scope: Some(scope.unwrap()),
            _stop: stop,
        }
    }

    pub(crate) fn without_scope(self) -> Self {
        Self {
            scope: None,
            ..self
        }
    }

    /// Runs the first attempt, without a deadline.
    pub(crate) async fn run<T: TaskDefinition>(&self, task: &T) -> Ended {
        self.run_attempt(task, 1, None, None).await
    }

    pub(crate) async fn run_attempt<T: TaskDefinition>(
        &self,
        task: &T,
        attempt: u32,
        cursor: Option<Payload>,
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
            scope: self.scope.clone(),
            trace: String::new(),
            cursor,
            payload: Payload::encode(task).unwrap(),
        };
        let body = Outgoing::now(envelope.encode().into());
        for sent in self
            .transport
            .send(Queue::External, vec![body])
            .await
            .unwrap()
        {
            sent.unwrap();
        }
        self.ended().await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.runtime.now()
    }

    pub(crate) async fn fetch(&self, claim: &Claim) -> String {
        let bytes = claim.fetch(&*self.objects as &dyn Objects).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Reads the manager's queue up to the completion.
    async fn ended(&self) -> Ended {
        let mut children = Vec::new();
        loop {
            let (wait, visibility) = (Duration::from_secs(20), Duration::from_secs(60));
            let queue = Queue::Manager;
            let deliveries = self
                .transport
                .receive(queue, 10, wait, visibility)
                .await
                .unwrap();
            assert!(!deliveries.is_empty(), "the worker says nothing");
            for delivery in deliveries {
                self.transport
                    .ack(queue, &[delivery.receipt])
                    .await
                    .unwrap();
                match ToManager::decode(&delivery.body).unwrap().body {
                    Message::CreateTasks(create) => children.push(create),
                    Message::CompleteTask(complete) => {
                        let complete = *complete;
                        return Ended { children, complete };
                    }
                    _ => {}
                }
            }
        }
    }
}

pub(crate) fn collection() -> CollectionId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}

/// A name server that knows no name.
pub(crate) async fn knows_nothing() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    drop(tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            // The question again, as a response with NXDOMAIN (RFC 1035 §4.1.1).
            buffer[2] |= 0x80;
            buffer[3] = 0x83;
            let _ = socket.send_to(&buffer[..len], from).await;
        }
    }));
    addr
}

/// A name server that never answers.
pub(crate) async fn says_nothing() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    drop(tokio::spawn(async move {
        let mut buffer = [0; 512];
        while socket.recv_from(&mut buffer).await.is_ok() {}
    }));
    addr
}
