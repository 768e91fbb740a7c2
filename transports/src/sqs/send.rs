//! What goes in: batches of 10 messages, and of bytes.

use std::borrow::Cow;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry as Entry;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use task_core::ports::transport::{CarrierLimits, Outgoing, TransportError};

use super::target::Target;
use super::{AT_ONCE, BATCH, backoff, body, whole_seconds};
use crate::aws::AwsFault;

const OPERATION: &str = "SendMessageBatch";

/// A message that fits, and its place in the caller's list.
struct Fit<'a> {
    place: usize,
    text: Cow<'a, str>,
    delay: i32,
}

/// A message that was not sent.
struct Failed {
    place: usize,
    fault: AwsFault,
    /// Whether SQS said so, rather than nothing at all.
    told: bool,
}

/// Sends all, several batches at a time. The results come in the order of the messages.
pub(super) async fn send(
    client: &Client,
    target: &Target,
    limits: CarrierLimits,
    messages: &[Outgoing],
) -> Result<Vec<Result<(), TransportError>>, TransportError> {
    let mut results = Vec::with_capacity(messages.len());
    let mut batches: Vec<Vec<Fit<'_>>> = Vec::with_capacity(messages.len().div_ceil(BATCH));
    let mut bytes = 0;
    for (place, message) in messages.iter().enumerate() {
        let fit = match fit(place, message, limits) {
            Ok(fit) => fit,
            Err(error) => {
                results.push(Err(error));
                continue;
            }
        };
        results.push(Ok(()));
        bytes += fit.text.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH && bytes <= target.batch_bytes => batch.push(fit),
            _ => {
                bytes = fit.text.len();
                batches.push(vec![fit]);
            }
        }
    }
    let mut untold = 0;
    let batches: Vec<BoxFuture<'_, _>> = batches
        .into_iter()
        .map(|batch| send_batch(client, target, batch).boxed())
        .collect();
    let mut done = stream::iter(batches).buffer_unordered(AT_ONCE);
    while let Some(failed) = done.next().await {
        for Failed { place, fault, told } in failed {
            untold += usize::from(!told);
            if let Some(result) = results.get_mut(place) {
                *result = Err(target.failed(fault).into());
            }
        }
    }
    if untold == messages.len()
        && let Some(Err(error)) = results.pop()
    {
        return Err(error);
    }
    Ok(results)
}

/// Sends one batch, then what failed alone in it again, and only that. Returns what was not sent.
async fn send_batch(client: &Client, target: &Target, mut batch: Vec<Fit<'_>>) -> Vec<Failed> {
    let mut failed = Vec::new();
    for attempt in 1..=backoff::TRIES {
        let entries: Result<Vec<Entry>, BuildError> = batch.iter().enumerate().map(entry).collect();
        let sent = match entries {
            Ok(entries) => {
                let request = client.send_message_batch().queue_url(&target.url);
                let sent = request.set_entries(Some(entries)).send().await;
                sent.map_err(|error| AwsFault::new(OPERATION, &error))
            }
            Err(error) => Err(AwsFault::malformed(OPERATION, &error.to_string())),
        };
        let sent = match sent {
            Ok(sent) => sent,
            // The client has tried it often enough.
            Err(fault) => {
                let told = fault.code().is_some();
                failed.extend(batch.into_iter().map(|Fit { place, .. }| Failed {
                    place,
                    fault: fault.clone(),
                    told,
                }));
                return failed;
            }
        };
        let mut again = Vec::new();
        for (number, fit) in batch.into_iter().enumerate() {
            let id = number.to_string();
            if sent.successful.iter().any(|entry| entry.id == id) {
                continue;
            }
            let refused = sent.failed.iter().find(|entry| entry.id == id);
            let (fault, told) = match refused {
                Some(entry) => (AwsFault::from_entry(OPERATION, entry), true),
                None => (
                    AwsFault::malformed(OPERATION, "the answer has no result for this entry"),
                    false,
                ),
            };
            if fault.is_temporary() && attempt < backoff::TRIES {
                again.push(fit);
            } else {
                let place = fit.place;
                failed.push(Failed { place, fault, told });
            }
        }
        if again.is_empty() {
            break;
        }
        tracing::debug!(queue = %target.queue, messages = again.len(), attempt, "sent again");
        batch = again;
        backoff::pause(attempt).await;
    }
    failed
}

fn fit(place: usize, message: &Outgoing, limits: CarrierLimits) -> Result<Fit<'_>, TransportError> {
    let text = body::text(&message.body)?;
    let (len, limit) = (text.len(), limits.message_bytes);
    if len > limit {
        return Err(TransportError::TooLarge { len, limit });
    }
    let (delay, limit) = (message.delay, limits.max_delay);
    if delay > limit {
        return Err(TransportError::DelayTooLong { delay, limit });
    }
    let delay = whole_seconds(delay);
    Ok(Fit { place, text, delay })
}

fn entry((number, fit): (usize, &Fit<'_>)) -> Result<Entry, BuildError> {
    Entry::builder()
        .id(number.to_string())
        .message_body(&*fit.text)
        // What is 0 here would be the queue's own delay if it were left out.
        .delay_seconds(fit.delay)
        .build()
}
