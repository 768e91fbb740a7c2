//! Manager and workers as functions of AWS Lambda that SQS calls.
//!
//! SQS hands a function up to 10,000 messages and asks which of them failed; those come again,
//! the others are removed by Lambda. So the event itself is the queue here: [`EventCarrier`] hands
//! it out, notes what is acknowledged, and leaves all else to the carrier behind it. Manager and
//! worker are the same as elsewhere and know nothing of it.
//!
//! A message may also come without a queue, by asynchronous invocation: `invoke` (feature `invoke`)
//! sends such, and the same functions take them.
//!
//! What a function needs of its event source mapping: `ReportBatchItemFailures` among the
//! response types, without which one failure brings the whole batch again. The queue's visibility
//! should be six times the function's time-out, as AWS advises.
//!
//! Set up everything in `main`, before [`serve`]: what happens there happens once, while the
//! environment starts, and not with each event.

mod carrier;
mod clock;
mod event;
#[cfg(feature = "invoke")]
pub mod invoke;
mod manager;
mod worker;

use std::future::Future;
use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

pub use self::carrier::EventCarrier;
pub use self::clock::FunctionRuntime;
pub use self::event::{EventError, Failures};
#[cfg(feature = "invoke")]
pub use self::invoke::Invoke;
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
        async move {
            let handled = handler.handle(event).await;
            // The name of a boxed error says nothing.
            handled.map_err(|error| Diagnostic {
                error_type: "Sortie".to_owned(),
                error_message: error.to_string(),
            })
        }
    }))
    .await
}
