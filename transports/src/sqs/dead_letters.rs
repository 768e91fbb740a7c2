//! Messages put aside, and back again.

use std::collections::BTreeMap;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName as Name};
use bytes::Bytes;
use task_core::Timestamp;
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, TransportError,
};

use super::held::Standing;
use super::target::Target;
use super::{BATCH, MAX_DELAY, Shared, SqsError, body, reason, receipt, send, settle};
use crate::aws::AwsFault;

/// Dead letters that are looked at for one list, at most.
const LOOK: usize = 10_000;

/// Seconds for which a look at a dead letter hides it from others: enough for [`LOOK`].
const LOOK_SECONDS: i32 = 120;

/// How far the clock of this machine may be behind that of SQS, or before it.
const SKEW_MS: u64 = 60_000;

/// Sends the message to the dead letters, then removes it.
pub(super) async fn park(
    shared: &Shared,
    target: &Target,
    delivery: &Delivery,
    why: &ParkReason,
) -> Result<(), TransportError> {
    let known = receipt::handle(&delivery.receipt).is_some();
    if !known || shared.held.standing(&delivery.receipt) == Standing::Stale {
        return Err(TransportError::StaleReceipt);
    }
    let url = target.dead_url(&shared.client).await?;
    let value = MessageAttributeValue::builder()
        .data_type("String")
        .string_value(reason::encode(why))
        .build()
        .map_err(|error: BuildError| AwsFault::malformed("SendMessage", &error.to_string()))
        .map_err(|fault| target.failed(fault))?;
    shared
        .client
        .send_message()
        .queue_url(url)
        .message_body(body::text(&delivery.body)?)
        .message_attributes(reason::ATTRIBUTE, value)
        .send()
        .await
        .map_err(|error| target.failed(AwsFault::new("SendMessage", &error)))?;
    settle::ack(shared, target, std::slice::from_ref(&delivery.receipt)).await
}

/// A dead letter, hidden from others for a while.
struct Letter {
    receipt: Receipt,
    id: String,
    body: Bytes,
    sent_at: Timestamp,
    reason: ParkReason,
}

/// Up to `max` dead letters, the oldest first of those that were looked at.
pub(super) async fn parked(
    shared: &Shared,
    target: &Target,
    max: usize,
) -> Result<Vec<Parked>, TransportError> {
    let url = target.dead_url(&shared.client).await?;
    let mut receipts = Vec::new();
    let mut oldest = BTreeMap::new();
    let outcome = loop {
        if max == 0 || receipts.len() >= LOOK {
            break Ok(());
        }
        let letters = match look(shared, target, url).await {
            Ok(letters) if letters.is_empty() => break Ok(()),
            Ok(letters) => letters,
            Err(error) => break Err(error),
        };
        for letter in letters {
            receipts.push(letter.receipt);
            let parked = Parked {
                body: letter.body,
                reason: letter.reason,
            };
            oldest.insert((letter.sent_at, letter.id), parked);
            if oldest.len() > max {
                oldest.pop_last();
            }
        }
    };
    uncover(shared, target, url, &receipts).await;
    outcome?;
    Ok(oldest.into_values().collect())
}

/// Sends dead letters again, then removes them; those that were dead when it began.
pub(super) async fn redrive(shared: &Shared, target: &Target) -> Result<usize, TransportError> {
    let url = target.dead_url(&shared.client).await?;
    let limits = CarrierLimits::new(target.message_bytes + reason::ROOM, BATCH, MAX_DELAY);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    // What is parked while this runs would be sent round and round.
    let newest = Timestamp::from_millis(now.as_millis() as u64 + SKEW_MS);
    let mut kept = Vec::new();
    let mut count = 0;
    let outcome = loop {
        let letters = match look(shared, target, url).await {
            Ok(letters) if letters.is_empty() => break Ok(count),
            Ok(letters) => letters,
            Err(error) => break Err(error.into()),
        };
        let (old, new): (Vec<_>, Vec<_>) = letters
            .into_iter()
            .partition(|letter| letter.sent_at <= newest);
        kept.extend(new.into_iter().map(|letter| letter.receipt));
        let messages: Vec<_> = (old.iter())
            .map(|letter| Outgoing::now(letter.body.clone()))
            .collect();
        let results = match send::send(&shared.client, target, limits, &messages).await {
            Ok(results) => results,
            Err(error) => {
                kept.extend(old.into_iter().map(|letter| letter.receipt));
                break Err(error);
            }
        };
        let mut sent = Vec::with_capacity(old.len());
        let mut failure = None;
        for (letter, result) in old.into_iter().zip(results) {
            match result {
                Ok(()) => sent.push(letter.receipt),
                Err(error) => {
                    kept.push(letter.receipt);
                    failure = Some(error);
                }
            }
        }
        count += sent.len();
        let removed = settle::remove(&shared.client, target, url, &sent).await;
        if let Err(error) = removed {
            break Err(error.into());
        }
        if let Some(error) = failure {
            break Err(error);
        }
    };
    uncover(shared, target, url, &kept).await;
    outcome
}

/// Some dead letters that nobody else looks at.
async fn look(shared: &Shared, target: &Target, url: &str) -> Result<Vec<Letter>, SqsError> {
    let received = shared
        .client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(BATCH as i32)
        // A poll that waits asks all servers of SQS; one that does not asks some.
        .wait_time_seconds(1)
        .visibility_timeout(LOOK_SECONDS)
        .message_attribute_names(reason::ATTRIBUTE)
        .message_system_attribute_names(Name::SentTimestamp)
        .message_system_attribute_names(Name::DeadLetterQueueSourceArn)
        .send()
        .await
        .map_err(|error| target.failed(AwsFault::new("ReceiveMessage", &error)))?;
    let messages = received.messages.unwrap_or_default();
    Ok(messages
        .into_iter()
        .filter_map(|message| letter(target, message))
        .collect())
}

fn letter(target: &Target, message: Message) -> Option<Letter> {
    let attributes = message.attributes.unwrap_or_default();
    let sent_at = attributes.get(&Name::SentTimestamp)?.parse().ok()?;
    // One that was redriven by the hand of an operator still has the reason of the first time.
    let worn_out = attributes.contains_key(&Name::DeadLetterQueueSourceArn);
    let told = message
        .message_attributes
        .as_ref()
        .and_then(|all| all.get(reason::ATTRIBUTE)?.string_value())
        .filter(|_| !worn_out);
    let id = message.message_id.unwrap_or_default();
    Some(Letter {
        receipt: receipt(&id, message.receipt_handle.as_deref()?),
        id,
        body: message.body?.into(),
        sent_at: Timestamp::from_millis(sent_at),
        reason: told.map_or(
            ParkReason::TooManyReceives(target.max_receives),
            reason::decode,
        ),
    })
}

async fn uncover(shared: &Shared, target: &Target, url: &str, receipts: &[Receipt]) {
    let left = settle::uncover(&shared.client, url, receipts).await;
    if left > 0 {
        tracing::warn!(queue = %target.queue, letters = left, "dead letters that were looked at stay hidden for two minutes");
    }
}
