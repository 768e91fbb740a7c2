//! Manager and workers as functions of AWS Lambda that SQS calls.
//!
//! SQS hands a function up to 10,000 messages and asks which of them failed; those come again,
//! the others are removed by Lambda. So the event itself is the queue here: [`EventCarrier`] hands
//! it out, notes what is acknowledged, and leaves all else to the carrier behind it. Manager and
//! worker are the same as elsewhere and know nothing of it.
//!
//! What a function needs of its event source mapping: `ReportBatchItemFailures` among the
//! response types, without which one failure brings the whole batch again. The queue's visibility
//! should be six times the function's time-out, as AWS advises.
//!
//! Set up everything in `main`, before [`serve`]: what happens there happens once, while the
//! environment starts, and not with each event.

mod carrier;
mod event;
mod manager;
mod worker;

use std::future::Future;
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

pub use self::carrier::EventCarrier;
pub use self::event::{EventError, Failures};
pub use self::manager::LambdaManager;
pub use self::worker::LambdaWorker;

/// Something that handles the events of a function.
pub trait Handler: Send + Sync + 'static {
    /// Handles one event. An error makes all of its messages come again.
    fn handle(
        &self,
        event: LambdaEvent<Value>,
    ) -> impl Future<Output = Result<Failures, lambda_runtime::Error>> + Send;
}

/// Handles events, one after the other, until Lambda ends the environment.
///
/// # Errors
///
/// What the runtime of Lambda reports; the environment is started anew then.
pub async fn serve(handler: impl Handler) -> Result<(), lambda_runtime::Error> {
    let handler = Arc::new(handler);
    lambda_runtime::run(service_fn(move |event| {
        let handler = Arc::clone(&handler);
        async move { handler.handle(event).await }
    }))
    .await
}
