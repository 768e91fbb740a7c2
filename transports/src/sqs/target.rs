//! A queue on SQS, as its own attributes describe it.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use task_core::Queue;
use tokio::sync::OnceCell;

use super::config::is_url;
use super::{SqsError, reason};
use crate::aws::AwsFault;

/// The least that a message may have, so that the engine's envelopes fit.
const LEAST_BYTES: usize = 16 << 10;

/// The most that a batch may have, since 2013. Newer queues take more: as much as in one message.
const BATCH_BYTES: usize = 256 << 10;

/// One queue.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) queue: Queue,
    pub(super) url: String,
    /// Bytes in the body of a message that leave room for the reason of a dead letter.
    pub(super) message_bytes: usize,
    /// Bytes in all bodies of a batch.
    pub(super) batch_bytes: usize,
    /// Deliveries after which SQS makes a message a dead letter.
    pub(super) max_receives: u32,
    /// The dead-letter queue: account and name.
    dead: (String, String),
    dead_url: OnceCell<String>,
}

impl Target {
    /// Asks the queue for its attributes. The rights it takes: `sqs:GetQueueAttributes`, and
    /// `sqs:GetQueueUrl` if `address` is a name.
    pub(super) async fn find(
        client: &Client,
        queue: Queue,
        address: &str,
    ) -> Result<Self, SqsError> {
        if address.ends_with(".fifo") {
            return Err(SqsError::Fifo {
                address: address.to_owned(),
            });
        }
        let missing = |fault: AwsFault| {
            if is_missing(&fault) {
                let address = address.to_owned();
                return SqsError::NoSuchQueue { queue, address };
            }
            SqsError::Aws { queue, fault }
        };
        let url = if is_url(address) {
            address.to_owned()
        } else {
            let found = client.get_queue_url().queue_name(address).send().await;
            let found = found.map_err(|error| missing(AwsFault::new("GetQueueUrl", &error)))?;
            found.queue_url.ok_or_else(|| SqsError::Aws {
                queue,
                fault: AwsFault::malformed("GetQueueUrl", "the answer has no QueueUrl"),
            })?
        };
        let attributes = client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(Name::MaximumMessageSize)
            .attribute_names(Name::RedrivePolicy)
            .send()
            .await
            .map_err(|error| missing(AwsFault::new("GetQueueAttributes", &error)))?
            .attributes
            .unwrap_or_default();
        let own_bytes: usize = number(queue, &attributes, &Name::MaximumMessageSize)?;
        if own_bytes < LEAST_BYTES {
            return Err(SqsError::TooSmall {
                queue,
                bytes: own_bytes,
                least: LEAST_BYTES,
            });
        }
        let (max_receives, dead) = redrive_policy(queue, &attributes)?;
        Ok(Self {
            queue,
            url,
            message_bytes: own_bytes - reason::ROOM,
            batch_bytes: own_bytes.max(BATCH_BYTES),
            max_receives,
            dead,
            dead_url: OnceCell::new(),
        })
    }

    /// The URL of the dead-letter queue. Asked for once, and only by who needs it: most
    /// processes have no rights there.
    pub(super) async fn dead_url(&self, client: &Client) -> Result<&str, SqsError> {
        let queue = self.queue;
        let (account, name) = &self.dead;
        let url = self.dead_url.get_or_try_init(|| async {
            let found = client
                .get_queue_url()
                .queue_name(name)
                .queue_owner_aws_account_id(account)
                .send()
                .await
                .map_err(|error| SqsError::Aws {
                    queue,
                    fault: AwsFault::new("GetQueueUrl", &error),
                })?;
            found.queue_url.ok_or_else(|| SqsError::Aws {
                queue,
                fault: AwsFault::malformed("GetQueueUrl", "the answer has no QueueUrl"),
            })
        });
        url.await.map(String::as_str)
    }

    /// The error of this queue for an operation that failed.
    pub(super) const fn failed(&self, fault: AwsFault) -> SqsError {
        SqsError::Aws {
            queue: self.queue,
            fault,
        }
    }
}

/// Whether there is no such queue. The code depends on the protocol.
pub(super) fn is_missing(fault: &AwsFault) -> bool {
    fault.has_code(&["QueueDoesNotExist", "NonExistentQueue"])
}

/// An attribute that is a number.
pub(super) fn number<T: std::str::FromStr>(
    queue: Queue,
    attributes: &HashMap<Name, String>,
    name: &Name,
) -> Result<T, SqsError> {
    let value = attributes.get(name);
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| SqsError::Attribute {
            queue,
            attribute: attribute_name(name),
            value: value.cloned(),
        })
}

const fn attribute_name(name: &Name) -> &'static str {
    match name {
        Name::MaximumMessageSize => "MaximumMessageSize",
        Name::ApproximateNumberOfMessages => "ApproximateNumberOfMessages",
        Name::ApproximateNumberOfMessagesDelayed => "ApproximateNumberOfMessagesDelayed",
        Name::ApproximateNumberOfMessagesNotVisible => "ApproximateNumberOfMessagesNotVisible",
        Name::RedrivePolicy => "RedrivePolicy",
        _ => "an attribute",
    }
}

type Dead = (String, String);

/// How often a message is delivered, and where it goes then.
fn redrive_policy(
    queue: Queue,
    attributes: &HashMap<Name, String>,
) -> Result<(u32, Dead), SqsError> {
    let policy = attributes
        .get(&Name::RedrivePolicy)
        .filter(|policy| !policy.is_empty())
        .ok_or(SqsError::NoDeadLetters(queue))?;
    let parsed = || {
        let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
        // A number or a text with one, depending on who wrote it.
        let receives = policy.get("maxReceiveCount")?;
        let receives = match receives.as_str() {
            Some(text) => text.parse().ok()?,
            None => u32::try_from(receives.as_u64()?).ok()?,
        };
        // arn:aws:sqs:REGION:ACCOUNT:NAME
        let mut arn = policy.get("deadLetterTargetArn")?.as_str()?.split(':');
        let (account, name) = (arn.nth(4)?.to_owned(), arn.next()?.to_owned());
        Some((receives, (account, name)))
    };
    match parsed() {
        // A message that a worker gives back, as one that leaves must, would be dead at once.
        Some((0 | 1, _)) => Err(SqsError::NoDeadLetters(queue)),
        Some(found) => Ok(found),
        None => Err(SqsError::Attribute {
            queue,
            attribute: "RedrivePolicy",
            value: Some(policy.clone()),
        }),
    }
}
