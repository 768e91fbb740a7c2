//! The manager as a function.

use std::collections::HashMap;
use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use task_core::Queue;
use task_core::id::MessageId;
use task_core::manager::{Manager, ManagerError};
use task_core::message::{Message, ToManager};
use task_core::ports::transport::{Delivery, ParkReason, Transport, TransportError};

use super::event::{Event, Sender};
use super::{EventCarrier, EventError, Failures, FunctionRuntime, Handler};

/// Applies each event in one transaction; an event of a schedule is a tick.
///
/// The rule of the schedule must be one whose events have the source `aws.events` or
/// `aws.scheduler`, as EventBridge makes them, or `{"source":"sortie"}` for its input.
#[derive(Debug)]
pub struct LambdaManager {
    manager: Manager,
    carrier: EventCarrier,
    untrusted: Vec<String>,
}

impl LambdaManager {
    /// A manager that sends by `transport`. It is made by `make` over the carrier that it must use.
    pub fn new(
        transport: Arc<dyn Transport>,
        make: impl FnOnce(Arc<dyn Transport>) -> Manager,
    ) -> Self {
        let carrier = EventCarrier::new(transport, Queue::Manager);
        Self {
            manager: make(Arc::new(carrier.clone())),
            carrier,
            untrusted: Vec::new(),
        }
    }

    /// The role with this unique id (`AROA…`), that of the External workers, is not trusted: what
    /// it sends may end its tasks, report progress of them, and create children of them, all of
    /// which their fences guard. It may neither submit nor cancel collections, nor tick; who tries
    /// finds it among the dead letters.
    ///
    /// SQS tells who has sent a message, and no sender can make it say otherwise.
    #[must_use]
    pub fn untrusted(mut self, role: impl Into<String>) -> Self {
        self.untrusted.push(role.into());
        self
    }

    /// Handles what the event has brought; what must come again.
    async fn apply(&self, deliveries: Vec<Delivery>) -> Result<Failures, ManagerError> {
        let handled = self.manager.handle_deliveries(deliveries).await;
        let failures = self.carrier.end();
        handled?;
        Ok(failures)
    }

    /// Parks what its sender may not say; returns the rest.
    async fn admit(&self, sent: Vec<(Delivery, Sender)>) -> Result<Vec<Delivery>, TransportError> {
        let mut admitted = Vec::with_capacity(sent.len());
        for (delivery, sender) in sent {
            if self.untrusted.iter().any(|role| sender.is_of(role)) && !is_of_a_task(&delivery) {
                let why = "an External worker may neither submit nor cancel collections, nor tick";
                tracing::warn!("message parked: {why}");
                let reason = ParkReason::Refused(why.to_owned());
                self.carrier.park(Queue::Manager, delivery, reason).await?;
            } else {
                admitted.push(delivery);
            }
        }
        Ok(admitted)
    }
}

/// Whether the message is one that workers send, or none at all, which the manager finds out.
fn is_of_a_task(delivery: &Delivery) -> bool {
    #[derive(Deserialize)]
    struct Said<'a> {
        #[serde(borrow)]
        body: &'a RawValue,
    }
    match serde_json::from_slice::<Said<'_>>(&delivery.body) {
        Ok(Said { body }) => {
            let named: Result<HashMap<String, IgnoredAny>, _> = serde_json::from_str(body.get());
            named.is_ok_and(|named| {
                let ours = ["complete_task", "create_tasks", "heartbeat"];
                named.keys().all(|name| ours.contains(&name.as_str()))
            })
        }
        Err(_) => ToManager::decode(&delivery.body).is_err(),
    }
}

impl Handler for LambdaManager {
    /// # Errors
    ///
    /// [`EventError`](super::EventError); and what the store or the carrier reports, which brings
    /// the whole batch again: what of it was applied is dropped as seen then.
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Failures, lambda_runtime::Error> {
        let failures = match Event::parse(event.payload)? {
            Event::Messages(sent) => {
                let all = sent.iter().map(|(delivery, _)| delivery.clone());
                self.carrier.begin(all.collect());
                self.apply(self.admit(sent).await?).await?
            }
            Event::Direct(delivery) => {
                self.carrier.begin(vec![delivery.clone()]);
                let failures = self.apply(vec![delivery]).await?;
                if failures.ids().next().is_some() {
                    return Err(EventError::GivenBack.into());
                }
                failures
            }
            Event::Tick => {
                let id = MessageId::new(&FunctionRuntime::new());
                let tick = ToManager::new(id, Message::Tick);
                self.manager.handle(vec![tick]).await?;
                Failures::default()
            }
        };
        // The environment freezes now, perhaps for good.
        self.manager.flush().await?;
        Ok(failures)
    }
}
