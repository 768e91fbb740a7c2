//! The queues of a deployment on Amazon SQS.
//!
//! [`SqsTransport`] is the carrier. The queues must be there and have dead-letter queues; for
//! labs and tests, [`NewQueues`] makes some.
//!
//! # What differs from the queues in memory
//!
//! All that [`Transport`] promises holds, and the same suite proves it. Beyond that:
//!
//! | | in memory | SQS |
//! |---|---|---|
//! | time | milliseconds | whole seconds; a wait, a delay and a visibility are rounded up |
//! | order | as sent | none |
//! | a message of | 1 MiB | the queue's own `MaximumMessageSize`, less 1 KiB for a [`ParkReason`] |
//! | body | any bytes | JSON; U+FFFE and U+FFFF are carried as `\ufffe` and `\uffff` |
//! | hidden | for ever, if extended | for 12 hours after it was received: then `extend` fails with [`SqsError::TwelveHours`], and the message comes again |
//! | text of a [`ParkReason`] | whole | about 900 bytes |
//! | `park` | at once | the dead letter is sent, then the message removed: a crash between leaves both |
//! | `parked` | all dead letters | the oldest of 10,000; they are hidden from others while it looks, and for two minutes if it is killed |
//! | `redrive` | all at once | one after the other; a failure leaves some sent again, and a crash may send some twice |
//! | [`ParkReason::TooManyReceives`] | the deliveries that there were | the queue's `maxReceiveCount` |
//! | `depth` | exact | an estimate |
//! | an old receipt | stale | stale if this process received the message again; if another did, SQS may still take it |
//!
//! [LocalStack](https://github.com/localstack/localstack) 4.13 in turn differs from AWS: delays
//! and visibilities end up to a second late; an old receipt still changes the visibility of its
//! message; what is visible takes an `extend` without a word; nothing is ever throttled, and there
//! is no cap of 12 hours. Tests on answers that were written by hand cover these.

pub(crate) mod backoff;
mod body;
mod config;
mod dead_letters;
mod error;
mod held;
mod reason;
mod receipt;
mod receive;
mod send;
mod settle;
mod setup;
mod target;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use aws_config::SdkConfig;
pub use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use futures_util::future::try_join_all;
use task_core::Queue;
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::config::SqsConfig;
pub use self::error::SqsError;
use self::held::Held;
pub use self::receipt::receipt;
pub use self::setup::{NewQueues, delete_queues};
use self::target::Target;
use crate::aws::AwsFault;

/// Messages in one request, whatever it asks for.
const BATCH: usize = 10;

/// Batches of one call that are on their way at the same time.
const AT_ONCE: usize = 8;

/// The longest delay that SQS knows. The manager keeps longer ones in its outbox.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// The longest that SQS hides a message, counted from when it was received.
const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// The queues of a deployment on SQS. Clones share them.
///
/// - Limits are those of the queues: the smallest `MaximumMessageSize` of those in use.
/// - Requests take up to 10 messages, and as many bytes as the queue takes; up to 8 of them are on
///   their way for one call. What fails alone in a batch is tried again alone, with a growing,
///   random pause; so is what the client gives up as throttled.
/// - Polls last up to 20 s and are never cut short: a `receive` may be dropped at any time, and
///   what its poll still brings is given back at once. Any number may run at the same time.
/// - Nothing in it, its errors included, holds credentials.
///
/// Must be used inside of a tokio runtime with time and I/O enabled.
///
/// ```no_run
/// use std::time::Duration;
/// use sortie_transports::{aws, sqs::{SqsConfig, SqsError, SqsTransport}};
///
/// # async fn run() -> Result<(), SqsError> {
/// // AWS, or an emulator if `AWS_ENDPOINT_URL` is set.
/// let carrier = SqsTransport::connect(&aws::load().await, &SqsConfig::prefix("sortie")).await?;
/// // … hand it to a manager or a worker, wait until it has drained, then:
/// carrier.close(Duration::from_secs(2)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SqsTransport {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    limits: CarrierLimits,
    targets: Vec<Arc<Target>>,
    held: Held,
    closed: watch::Sender<bool>,
    /// Tasks of this carrier that run.
    tasks: watch::Sender<usize>,
    runtime: Handle,
}

impl SqsTransport {
    /// Finds the queues and asks them for their limits.
    ///
    /// # Errors
    ///
    /// [`SqsError`], which names the queue and the remedy. A queue without a dead-letter queue is
    /// refused: what keeps failing would be delivered for ever.
    pub async fn connect(aws: &SdkConfig, config: &SqsConfig) -> Result<Self, SqsError> {
        Self::with_client(Client::new(aws), config).await
    }

    /// The same with a client of your own. It should try a request that was throttled again.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn with_client(client: Client, config: &SqsConfig) -> Result<Self, SqsError> {
        let find = config
            .addresses()
            .map(|(queue, address)| Target::find(&client, queue, address));
        let targets = try_join_all(find).await?;
        let message_bytes = targets.iter().map(|target| target.message_bytes).min();
        let message_bytes = message_bytes.ok_or(SqsError::NoQueues)?;
        let shared = Shared {
            client,
            limits: CarrierLimits::new(message_bytes, BATCH, MAX_DELAY),
            targets: targets.into_iter().map(Arc::new).collect(),
            held: Held::default(),
            closed: watch::Sender::new(false),
            tasks: watch::Sender::new(0),
            runtime: Handle::current(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Ends all sending and receiving, also of those who wait: they get
    /// [`TransportError::Closed`]. Then gives back what this process holds, so that others have
    /// it at once, and returns how many messages that were. Call it when the workers have drained:
    /// what one of them still handles would be handled twice.
    ///
    /// A poll on its way is waited for up to `grace`. What one brings that takes longer, up to
    /// 20 s, is given back if the process still runs then; else it stays hidden for the visibility
    /// that was asked for.
    ///
    /// Acknowledging, extending and parking still work.
    pub async fn close(&self, grace: Duration) -> usize {
        self.shared.closed.send_replace(true);
        let mut tasks = self.shared.tasks.subscribe();
        let _ = tokio::time::timeout(grace, tasks.wait_for(|running| *running == 0)).await;
        let mut count = 0;
        for (queue, receipts) in self.shared.held.take(Instant::now()) {
            if let Ok(target) = self.target(queue) {
                let left = settle::uncover(&self.shared.client, &target.url, &receipts).await;
                count += receipts.len() - left.min(receipts.len());
            }
        }
        count
    }

    fn target(&self, queue: Queue) -> Result<&Arc<Target>, SqsError> {
        let mut targets = self.shared.targets.iter();
        targets
            .find(|target| target.queue == queue)
            .ok_or(SqsError::NotConfigured(queue))
    }
}

#[async_trait]
impl Transport for SqsTransport {
    fn limits(&self) -> CarrierLimits {
        self.shared.limits
    }

    /// A batch whose request failed may have been sent all the same: its messages are errors, and
    /// who sends them again may send them twice.
    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        if *self.shared.closed.borrow() {
            return Err(TransportError::Closed);
        }
        let target = self.target(queue)?;
        send::send(&self.shared.client, target, self.shared.limits, &messages).await
    }

    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        let target = self.target(queue)?;
        receive::receive(&self.shared, target, max, wait, visibility).await
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        settle::ack(&self.shared, self.target(queue)?, receipts).await
    }

    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        settle::extend(&self.shared, self.target(queue)?, receipt, visibility).await
    }

    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        dead_letters::park(&self.shared, self.target(queue)?, &delivery, &reason).await
    }

    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError> {
        dead_letters::parked(&self.shared, self.target(queue)?, max).await
    }

    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError> {
        dead_letters::redrive(&self.shared, self.target(queue)?).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, TransportError> {
        let target = self.target(queue)?;
        let counts = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesDelayed,
            Name::ApproximateNumberOfMessagesNotVisible,
        ];
        let attributes = self
            .shared
            .client
            .get_queue_attributes()
            .queue_url(&target.url)
            .set_attribute_names(Some(counts.to_vec()))
            .send()
            .await
            .map_err(|error| target.failed(AwsFault::new("GetQueueAttributes", &error)))?
            .attributes
            .unwrap_or_default();
        let mut depth = 0_u64;
        for name in &counts {
            let count: u64 = target::number(queue, &attributes, name)?;
            depth = depth.saturating_add(count);
        }
        Ok(depth)
    }
}

impl Shared {
    /// Runs a task that [`close`](SqsTransport::close) waits for.
    fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        struct Running(Arc<Shared>);
        impl Drop for Running {
            fn drop(&mut self) {
                self.0.tasks.send_modify(|running| *running -= 1);
            }
        }
        self.tasks.send_modify(|running| *running += 1);
        let running = Running(Arc::clone(self));
        // By the handle, because a poll may be dropped outside of the runtime.
        self.runtime.spawn(async move {
            task.await;
            drop(running);
        });
    }
}

impl fmt::Debug for Shared {
    /// Leaves out the client, which knows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limits", &self.limits)
            .field("targets", &self.targets)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// Whole seconds, as SQS counts; rounded up, so that nothing comes too early.
fn whole_seconds(duration: Duration) -> i32 {
    let up = u64::from(duration.subsec_nanos() > 0);
    i32::try_from(duration.as_secs().saturating_add(up)).unwrap_or(i32::MAX)
}
