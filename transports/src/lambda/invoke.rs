//! Messages to functions without a queue between.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
// The crate too, for whoever makes a client of their own.
pub use aws_sdk_lambda::{self, Client};
use futures_util::{StreamExt as _, stream};
use task_core::Queue;
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};

use crate::aws::AwsFault;
use crate::sqs::backoff;

/// A carrier that hands the messages of some queues to functions itself, by asynchronous
/// invocation (`InvocationType=Event`), and leaves all else to the carrier behind it. The fastest
/// way to hundreds of functions at once: nothing polls, and no batch waits to be full.
///
/// It is for who sends, which is the manager. The function is the same as behind a queue
/// ([`LambdaWorker`](super::LambdaWorker) tells the events apart), and answers by the carrier
/// behind.
///
/// # What differs from a queue
///
/// | | SQS | direct |
/// |---|---|---|
/// | a message of | 1 MiB | [`MESSAGE_BYTES`]; larger payloads go to the object store, as with any carrier |
/// | requests | one for 10 messages | one for each, 32 at the same time |
/// | delay | 15 minutes | none: a retry with a pause waits in the outbox until a tick |
/// | a function that fails | again after the visibility | again after one minute, and after two more; then the destination *on failure* has it, or nobody |
/// | too many at once | they wait, up to 14 days | they wait in Lambda, up to 6 hours |
/// | back pressure | the mapping's maximum concurrency | the function's reserved concurrency |
/// | receive, `ack`, `extend` | yes | [`InvokeError::NoQueue`] |
///
/// Nothing is lost that Lambda gives up: the manager dispatches a task again whose lease has
/// ended. Give the function a destination on failure to see what it was. Dead letters that the
/// function itself parks go to the queue that the carrier behind has for them.
///
/// Where AWS is busy (`TooManyRequestsException`), the client tries again by itself, and then this
/// carrier does, up to 6 times with a growing, random pause.
///
/// ```no_run
/// use std::sync::Arc;
/// use sortie_transports::lambda::Invoke;
/// use sortie_transports::sqs::{SqsConfig, SqsError, SqsTransport};
/// use task_core::Queue;
///
/// # async fn run() -> Result<(), SqsError> {
/// let aws = sortie_transports::aws::load().await;
/// let queues = SqsTransport::connect(&aws, &SqsConfig::prefix("sortie")).await?;
/// let carrier = Invoke::new(&aws, Arc::new(queues)).function(Queue::External, "sortie-external");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Invoke {
    client: Client,
    functions: BTreeMap<Queue, String>,
    behind: Arc<dyn Transport>,
    message_bytes: usize,
}

/// Bytes in one asynchronous invocation: what AWS calls 1 MB since October 2025, by its smaller
/// meaning. Until then it was 256 KiB, and some emulators still keep to that:
/// [`Invoke::message_bytes`].
pub const MESSAGE_BYTES: usize = 1_000_000;

/// Invocations on their way at the same time.
const AT_ONCE: usize = 32;

const OPERATION: &str = "Invoke";

/// Why a message was not handed to a function. Inside of [`TransportError::Backend`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// There is nothing to receive from.
    #[error(
        "messages of `{0}` go to a function directly: there is no queue to receive from; poll it where it has one, or name no function for it"
    )]
    NoQueue(Queue),
    /// The body is no JSON, which a function would not take.
    #[error("the message is no JSON")]
    NoJson,
    /// AWS refused or failed.
    #[error("the function `{function}`: {fault}")]
    Aws {
        /// Its name or ARN.
        function: String,
        /// What AWS said.
        fault: AwsFault,
    },
}

impl From<InvokeError> for TransportError {
    fn from(error: InvokeError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl Invoke {
    /// Leaves all to `behind`, until it knows a [`function`](Self::function).
    pub fn new(aws: &SdkConfig, behind: Arc<dyn Transport>) -> Self {
        Self::with_client(Client::new(aws), behind)
    }

    /// The same with a client of your own. It should try a request that was throttled again.
    pub fn with_client(client: Client, behind: Arc<dyn Transport>) -> Self {
        Self {
            client,
            functions: BTreeMap::new(),
            behind,
            message_bytes: MESSAGE_BYTES,
        }
    }

    /// Messages of `queue` go to the function with this name or ARN. It takes the right
    /// `lambda:InvokeFunction` on it.
    #[must_use]
    pub fn function(mut self, queue: Queue, function: impl Into<String>) -> Self {
        self.functions.insert(queue, function.into());
        self
    }

    /// Bytes in one invocation, where it is not [`MESSAGE_BYTES`].
    #[must_use]
    pub const fn message_bytes(mut self, bytes: usize) -> Self {
        self.message_bytes = bytes;
        self
    }

    fn check(&self, message: &Outgoing) -> Result<(), TransportError> {
        let (len, limit) = (message.body.len(), self.message_bytes);
        if len > limit {
            return Err(TransportError::TooLarge { len, limit });
        }
        if !message.delay.is_zero() {
            let (delay, limit) = (message.delay, Duration::ZERO);
            return Err(TransportError::DelayTooLong { delay, limit });
        }
        // Lambda would refuse it, and a number or a text is no message either.
        if message.body.first() != Some(&b'{') {
            return Err(InvokeError::NoJson.into());
        }
        Ok(())
    }

    /// Hands one message over, more than once if AWS is busy.
    async fn invoke(&self, function: &str, message: Outgoing) -> Result<(), TransportError> {
        self.check(&message)?;
        let mut attempt = 1;
        loop {
            let invoked = self
                .client
                .invoke()
                .function_name(function)
                .invocation_type(InvocationType::Event)
                .payload(Blob::new(message.body.to_vec()))
                .send()
                .await;
            let fault = match invoked {
                Ok(_) => return Ok(()),
                Err(error) => AwsFault::new(OPERATION, &error),
            };
            if !fault.is_temporary() || attempt >= backoff::TRIES {
                let function = function.to_owned();
                return Err(InvokeError::Aws { function, fault }.into());
            }
            tracing::debug!(function, %fault, attempt, "handed over again");
            backoff::pause(attempt).await;
            attempt += 1;
        }
    }

    /// The carrier of a queue that has one.
    fn queued(&self, queue: Queue) -> Result<&Arc<dyn Transport>, InvokeError> {
        if self.functions.contains_key(&queue) {
            return Err(InvokeError::NoQueue(queue));
        }
        Ok(&self.behind)
    }
}

#[async_trait]
impl Transport for Invoke {
    /// The smaller ones of both carriers; what is sent directly cannot be held back, so nothing
    /// is.
    fn limits(&self) -> CarrierLimits {
        let limits = self.behind.limits();
        if self.functions.is_empty() {
            return limits;
        }
        CarrierLimits::new(
            limits.message_bytes.min(self.message_bytes),
            limits.receive_batch,
            Duration::ZERO,
        )
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        let Some(function) = self.functions.get(&queue) else {
            return self.behind.send(queue, messages).await;
        };
        let invoked = messages
            .into_iter()
            .map(|message| self.invoke(function, message));
        Ok(stream::iter(invoked).buffered(AT_ONCE).collect().await)
    }

    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        let queued = self.queued(queue)?;
        queued.receive(queue, max, wait, visibility).await
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        self.queued(queue)?.ack(queue, receipts).await
    }

    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        self.queued(queue)?.extend(queue, receipt, visibility).await
    }

    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        self.queued(queue)?.park(queue, delivery, reason).await
    }

    /// The dead letters of the queue behind, which is where a function parks its own.
    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError> {
        self.behind.parked(queue, max).await
    }

    /// Sends the dead letters again by the queue behind.
    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError> {
        self.behind.redrive(queue).await
    }

    /// What waits inside of Lambda, nobody can tell; that of a queue behind.
    async fn depth(&self, queue: Queue) -> Result<u64, TransportError> {
        self.behind.depth(queue).await
    }
}

impl fmt::Debug for Invoke {
    /// Leaves out the client, which knows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invoke")
            .field("functions", &self.functions)
            .field("behind", &self.behind)
            .finish_non_exhaustive()
    }
}
