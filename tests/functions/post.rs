//! A deployment whose manager is a function, and whose carrier is in memory.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use sortie::core::envelope::DispatchTask;
use sortie::core::manager::{FenceKey, Manager, ManagerConfig};
use sortie::core::message::{Message, ToManager};
use sortie::core::ports::objects::Objects;
use sortie::core::ports::runtime::TokioRuntime;
use sortie::core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};
use sortie::core::{MessageId, Queue, Registry};
use sortie::stores::MemoryStore;
use sortie::transports::lambda::{Handler as _, LambdaManager};
use sortie::transports::memory::{MemoryConfig, MemoryTransport};
use sortie::transports::objects::ObjectStoreObjects;

/// The role of the External workers.
const EXTERNAL: &str = "AROAEXAMPLEEXTERNAL";

/// The carrier behind the events: what SQS would be asked to park is noted.
#[derive(Debug)]
struct Carrier {
    inner: MemoryTransport,
    parked: Mutex<Vec<(String, ParkReason)>>,
}

#[async_trait]
impl Transport for Carrier {
    fn limits(&self) -> CarrierLimits {
        self.inner.limits()
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        self.inner.send(queue, messages).await
    }

    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        self.inner.receive(queue, max, wait, visibility).await
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        self.inner.ack(queue, receipts).await
    }

    async fn extend(&self, _: Queue, _: &Receipt, _: Duration) -> Result<(), TransportError> {
        Ok(())
    }

    async fn park(
        &self,
        _: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        let body = String::from_utf8_lossy(&delivery.body).into_owned();
        self.parked.lock().unwrap().push((body, reason));
        Ok(())
    }

    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError> {
        self.inner.parked(queue, max).await
    }

    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError> {
        self.inner.redrive(queue).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, TransportError> {
        self.inner.depth(queue).await
    }
}

/// The function, and what its caller sees of it.
pub(crate) struct Post {
    carrier: Arc<Carrier>,
    function: LambdaManager,
    pub(crate) client: sortie::Client,
    pub(crate) objects: Arc<dyn Objects>,
    runtime: TokioRuntime,
}

impl Post {
    pub(crate) fn new(registry: Registry) -> Self {
        let runtime = TokioRuntime::new();
        let carrier = Arc::new(Carrier {
            inner: MemoryTransport::new(Arc::new(runtime), MemoryConfig::default()),
            parked: Mutex::default(),
        });
        let store = Arc::new(MemoryStore::new());
        let objects: Arc<dyn Objects> = Arc::new(ObjectStoreObjects::memory());
        let client = sortie::Client::new(
            Arc::clone(&store) as _,
            Arc::clone(&carrier) as _,
            Arc::clone(&objects),
            registry.clone(),
        );
        let function = LambdaManager::new(Arc::clone(&carrier) as _, |transport| {
            let config = ManagerConfig::new(FenceKey::new([7; 16]));
            let runtime = Arc::new(runtime);
            Manager::new(store, transport, runtime, Arc::new(registry), config)
                .with_objects(Arc::clone(&objects))
        });
        Self {
            carrier,
            function: function.untrusted(EXTERNAL),
            client,
            objects,
            runtime,
        }
    }

    pub(crate) fn message(&self, body: Message) -> String {
        let message = ToManager::new(MessageId::new(&self.runtime), body);
        String::from_utf8(message.encode().to_vec()).unwrap()
    }

    /// Hands the messages to the function in one event of SQS, as sent by this role; what must
    /// come again.
    pub(crate) async fn deliver(&self, role: &str, bodies: &[String]) -> Vec<String> {
        let record = |(n, body): (usize, &String)| {
            json!({
                "messageId": n.to_string(),
                "receiptHandle": format!("handle-{n}"),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1764003600000",
                    "SenderId": format!("{role}:session"),
                },
                "eventSource": "aws:sqs",
            })
        };
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let mut context = Context::default();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        context.deadline = (now.unwrap() + Duration::from_secs(60)).as_millis() as u64;
        let event = LambdaEvent::new(json!({ "Records": records }), context);
        let failures = self.function.handle(event).await.unwrap();
        failures.ids().map(str::to_owned).collect()
    }

    /// The same by an External worker.
    pub(crate) async fn by_external(&self, bodies: &[String]) -> Vec<String> {
        self.deliver(EXTERNAL, bodies).await
    }

    /// What a client has sent, on its way by the function.
    pub(crate) async fn handle_queue(&self) {
        let second = Duration::from_secs(1);
        let receive = self.carrier.receive(Queue::Manager, 100, second, second);
        let deliveries = receive.await.unwrap();
        let receipts: Vec<Receipt> = deliveries.iter().map(|d| d.receipt.clone()).collect();
        let body = |d: &Delivery| String::from_utf8(d.body.to_vec()).unwrap();
        let bodies: Vec<String> = deliveries.iter().map(body).collect();
        assert!(
            self.deliver("AROAEXAMPLEOPERATOR", &bodies)
                .await
                .is_empty()
        );
        self.carrier.ack(Queue::Manager, &receipts).await.unwrap();
    }

    /// The envelopes that External workers were sent.
    pub(crate) async fn dispatched(&self) -> Vec<DispatchTask> {
        let second = Duration::from_secs(1);
        let receive = self.carrier.receive(Queue::External, 100, second, second);
        let deliveries = receive.await.unwrap();
        let receipts: Vec<Receipt> = deliveries.iter().map(|d| d.receipt.clone()).collect();
        self.carrier.ack(Queue::External, &receipts).await.unwrap();
        let decoded = deliveries.iter().map(|d| DispatchTask::decode(&d.body));
        decoded.collect::<Result<_, _>>().unwrap()
    }

    /// What was parked since the last time, and why.
    pub(crate) fn parked(&self) -> Vec<(String, ParkReason)> {
        std::mem::take(&mut self.carrier.parked.lock().unwrap())
    }
}
