//! What comes out: long polls that nobody cuts short.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as Name};
use task_core::Timestamp;
use task_core::ports::transport::{Delivery, Receipt, TransportError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::target::Target;
use super::{BATCH, LONGEST_VISIBILITY, Shared, receipt, settle, whole_seconds};
use crate::aws::AwsFault;

/// The longest that SQS lets a poll wait.
const LONGEST_POLL: Duration = Duration::from_secs(20);

/// What is left of a wait that is not worth another poll, which lasts a second at least.
const NOT_WORTH_A_POLL: Duration = Duration::from_millis(100);

type Polled = Result<Vec<Delivery>, TransportError>;

/// Polls until there is a message or `wait` is over.
pub(super) async fn receive(
    shared: &Arc<Shared>,
    target: &Arc<Target>,
    max: usize,
    wait: Duration,
    visibility: Duration,
) -> Polled {
    let mut closed = shared.closed.subscribe();
    if *closed.borrow() {
        return Err(TransportError::Closed);
    }
    let max = max.min(BATCH);
    if max == 0 {
        return Ok(Vec::new());
    }
    let start = Instant::now();
    loop {
        let left = wait.saturating_sub(start.elapsed());
        let mut poll = Poll::start(shared, target, max, left.min(LONGEST_POLL), visibility);
        let polled = tokio::select! {
            biased;
            polled = poll.end() => polled,
            _ = closed.wait_for(|closed| *closed) => return Err(TransportError::Closed),
        };
        match polled {
            Ok(deliveries) if deliveries.is_empty() => {}
            polled => return polled,
        }
        let left = wait.saturating_sub(start.elapsed());
        if left <= NOT_WORTH_A_POLL {
            tokio::time::sleep(left).await;
            return Ok(Vec::new());
        }
    }
}

/// A poll that is on its way. It runs in a task of its own and to its end, even if the receiver
/// gives up: SQS may have hidden messages for it already, and to drop the request would hide
/// them from everybody until their visibility ends. What nobody waits for is given back at once.
struct Poll {
    shared: Arc<Shared>,
    target: Arc<Target>,
    polled: oneshot::Receiver<Polled>,
}

impl Poll {
    fn start(
        shared: &Arc<Shared>,
        target: &Arc<Target>,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Self {
        let (done, polled) = oneshot::channel();
        let (own, queue) = (Arc::clone(shared), Arc::clone(target));
        shared.spawn(async move {
            let polled = poll(&own, &queue, max, wait, visibility).await;
            if let Err(Ok(deliveries)) = done.send(polled) {
                give_back(&own, &queue, &deliveries).await;
            }
        });
        Self {
            shared: Arc::clone(shared),
            target: Arc::clone(target),
            polled,
        }
    }

    async fn end(&mut self) -> Polled {
        // The task ends without a word only if the runtime does.
        (&mut self.polled)
            .await
            .unwrap_or(Err(TransportError::Closed))
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.polled.close();
        // It may have ended between the last look and now.
        if let Ok(Ok(deliveries)) = self.polled.try_recv()
            && !deliveries.is_empty()
        {
            let (shared, target) = (Arc::clone(&self.shared), Arc::clone(&self.target));
            self.shared
                .spawn(async move { give_back(&shared, &target, &deliveries).await });
        }
    }
}

async fn poll(
    shared: &Shared,
    target: &Target,
    max: usize,
    wait: Duration,
    visibility: Duration,
) -> Polled {
    let visibility = visibility.min(LONGEST_VISIBILITY);
    let received = shared
        .client
        .receive_message()
        .queue_url(&target.url)
        .max_number_of_messages(max as i32)
        .wait_time_seconds(whole_seconds(wait))
        .visibility_timeout(whole_seconds(visibility))
        .message_system_attribute_names(Name::ApproximateReceiveCount)
        .message_system_attribute_names(Name::SentTimestamp)
        .send()
        .await
        .map_err(|error| target.failed(AwsFault::new("ReceiveMessage", &error)))?;
    let messages = received.messages.unwrap_or_default();
    let received = Instant::now();
    let deliveries: Vec<Delivery> = messages.into_iter().filter_map(delivery).collect();
    for delivery in &deliveries {
        shared
            .held
            .insert(target.queue, &delivery.receipt, received, visibility);
    }
    Ok(deliveries)
}

/// Lets messages come again at once.
pub(super) async fn give_back(shared: &Shared, target: &Target, deliveries: &[Delivery]) {
    let receipts: Vec<Receipt> = deliveries.iter().map(|d| d.receipt.clone()).collect();
    let left = settle::uncover(&shared.client, &target.url, &receipts).await;
    shared.held.forget(&receipts);
    if left > 0 {
        tracing::warn!(queue = %target.queue, messages = left, "not given back; they come again when their visibility ends");
    }
}

/// A message as the port has it. SQS leaves out nothing of what was asked for; a message without
/// a handle could not be settled anyway, and comes again.
fn delivery(message: Message) -> Option<Delivery> {
    let attribute = |name: &Name| message.attributes.as_ref()?.get(name)?.parse::<u64>().ok();
    let count = attribute(&Name::ApproximateReceiveCount).unwrap_or(1);
    let sent_at = attribute(&Name::SentTimestamp).unwrap_or_default();
    Some(Delivery {
        receipt: receipt(
            message.message_id.as_deref().unwrap_or_default(),
            message.receipt_handle.as_deref()?,
        ),
        receive_count: u32::try_from(count).unwrap_or(u32::MAX),
        sent_at: Timestamp::from_millis(sent_at),
        body: message.body?.into(),
    })
}
