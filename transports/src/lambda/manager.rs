//! The manager as a function.

use std::sync::Arc;

use lambda_runtime::LambdaEvent;
use serde_json::Value;
use task_core::Queue;
use task_core::id::MessageId;
use task_core::manager::Manager;
use task_core::message::{Message, ToManager};
use task_core::ports::runtime::TokioRuntime;
use task_core::ports::transport::Transport;

use super::event::Event;
use super::{EventCarrier, Failures, Handler};

/// Applies each event in one transaction; an event of a schedule is a tick.
///
/// The rule of the schedule must be one whose events have the source `aws.events` or
/// `aws.scheduler`, as EventBridge makes them, or `{"source":"sortie"}` for its input.
#[derive(Debug)]
pub struct LambdaManager {
    manager: Manager,
    carrier: EventCarrier,
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
        }
    }
}

impl Handler for LambdaManager {
    /// # Errors
    ///
    /// [`EventError`](super::EventError); and what the store or the carrier reports, which brings
    /// the whole batch again: what of it was applied is dropped as seen then.
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<Failures, lambda_runtime::Error> {
        let failures = match Event::parse(event.payload)? {
            Event::Messages(deliveries) => {
                self.carrier.begin(deliveries.clone());
                let handled = self.manager.handle_deliveries(deliveries).await;
                let failures = self.carrier.end();
                handled?;
                failures
            }
            Event::Tick => {
                let id = MessageId::new(&TokioRuntime::new());
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
