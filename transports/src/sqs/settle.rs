//! What becomes of what was delivered: removed, or hidden for longer or less.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use task_core::ports::transport::{Receipt, TransportError};
use tokio::time::Instant;

use super::held::Standing;
use super::target::Target;
use super::{
    AT_ONCE, BATCH, LONGEST_VISIBILITY, Shared, SqsError, backoff, receipt, whole_seconds,
};
use crate::aws::AwsFault;

/// Removes messages, several batches at a time. Those that are gone already are removed.
pub(super) async fn ack(
    shared: &Shared,
    target: &Target,
    receipts: &[Receipt],
) -> Result<(), TransportError> {
    let removed = remove(&shared.client, target, &target.url, receipts).await;
    // What was not removed comes again by itself, and is not to be given back either.
    shared.held.forget(receipts);
    Ok(removed?)
}

/// Removes messages from the queue at `url`, which is that of the target or of its dead letters.
pub(super) async fn remove(
    client: &Client,
    target: &Target,
    url: &str,
    receipts: &[Receipt],
) -> Result<(), SqsError> {
    let faults = Act::Remove.on_all(client, url, receipts).await;
    match faults.into_iter().next() {
        Some(fault) => Err(target.failed(fault)),
        None => Ok(()),
    }
}

/// Ends the visibility of messages of the queue at `url`. Returns how many could not be reached.
pub(super) async fn uncover(client: &Client, url: &str, receipts: &[Receipt]) -> usize {
    Act::Uncover.on_all(client, url, receipts).await.len()
}

/// What can be done to a batch of deliveries.
#[derive(Clone, Copy)]
enum Act {
    Remove,
    Uncover,
}

impl Act {
    const fn operation(self) -> &'static str {
        match self {
            Self::Remove => "DeleteMessageBatch",
            Self::Uncover => "ChangeMessageVisibilityBatch",
        }
    }

    /// Does it, several batches at a time. Returns why some failed.
    async fn on_all(self, client: &Client, url: &str, receipts: &[Receipt]) -> Vec<AwsFault> {
        let batches: Vec<BoxFuture<'_, _>> = receipts
            .chunks(BATCH)
            .map(|batch| self.on_batch(client, url, batch).boxed())
            .collect();
        stream::iter(batches)
            .buffer_unordered(AT_ONCE)
            .concat()
            .await
    }

    /// Does it, then again to those that failed alone and may yet succeed. Returns why the rest
    /// failed; what is gone already is none of them.
    async fn on_batch(self, client: &Client, url: &str, receipts: &[Receipt]) -> Vec<AwsFault> {
        // A receipt of another carrier names nothing here.
        let mut batch: Vec<&str> = receipts.iter().filter_map(receipt::handle).collect();
        let mut faults = Vec::new();
        for attempt in 1..=backoff::TRIES {
            if batch.is_empty() {
                break;
            }
            let failed = match self.request(client, url, &batch).await {
                Ok(failed) => failed,
                Err(fault) => {
                    faults.resize(faults.len() + batch.len(), fault);
                    break;
                }
            };
            let mut again = Vec::new();
            for entry in &failed {
                let fault = AwsFault::from_entry(self.operation(), entry);
                let handle = entry.id.parse().ok().and_then(|n: usize| batch.get(n));
                match handle {
                    _ if is_gone(&fault) => {}
                    Some(handle) if fault.is_temporary() && attempt < backoff::TRIES => {
                        again.push(*handle);
                    }
                    _ => faults.push(fault),
                }
            }
            batch = again;
            if !batch.is_empty() {
                backoff::pause(attempt).await;
            }
        }
        faults
    }

    /// One request; returns the entries that failed alone.
    async fn request(
        self,
        client: &Client,
        url: &str,
        handles: &[&str],
    ) -> Result<Vec<BatchResultErrorEntry>, AwsFault> {
        let operation = self.operation();
        let unbuilt = |error: BuildError| AwsFault::malformed(operation, &error.to_string());
        match self {
            Self::Remove => {
                let entry = |(number, handle): (usize, &&str)| {
                    DeleteMessageBatchRequestEntry::builder()
                        .id(number.to_string())
                        .receipt_handle(*handle)
                        .build()
                };
                let entries: Result<_, _> = handles.iter().enumerate().map(entry).collect();
                let request = client.delete_message_batch().queue_url(url);
                let sent = request.set_entries(Some(entries.map_err(unbuilt)?)).send();
                let sent = sent.await.map_err(|e| AwsFault::new(operation, &e))?;
                Ok(sent.failed)
            }
            Self::Uncover => {
                let entry = |(number, handle): (usize, &&str)| {
                    ChangeMessageVisibilityBatchRequestEntry::builder()
                        .id(number.to_string())
                        .receipt_handle(*handle)
                        .visibility_timeout(0)
                        .build()
                };
                let entries: Result<_, _> = handles.iter().enumerate().map(entry).collect();
                let request = client.change_message_visibility_batch().queue_url(url);
                let sent = request.set_entries(Some(entries.map_err(unbuilt)?)).send();
                let sent = sent.await.map_err(|e| AwsFault::new(operation, &e))?;
                Ok(sent.failed)
            }
        }
    }
}

/// Hides a message for another `visibility`, as far as SQS allows.
pub(super) async fn extend(
    shared: &Shared,
    target: &Target,
    receipt: &Receipt,
    visibility: Duration,
) -> Result<(), TransportError> {
    let handle = receipt::handle(receipt).ok_or(TransportError::StaleReceipt)?;
    let asked = whole_seconds(visibility.min(LONGEST_VISIBILITY));
    let seconds = match shared.held.standing(receipt) {
        Standing::Stale => return Err(TransportError::StaleReceipt),
        Standing::Unknown => asked,
        Standing::Newest(received) => {
            // A second for the clocks, which do not tick together.
            let left =
                LONGEST_VISIBILITY.saturating_sub(received.elapsed() + Duration::from_secs(1));
            let left = i32::try_from(left.as_secs()).unwrap_or(i32::MAX);
            if asked > 0 && left == 0 {
                return Err(SqsError::TwelveHours.into());
            }
            if asked > left {
                tracing::warn!(queue = %target.queue, seconds = left, "hidden for less than asked: SQS hides no message beyond 12 hours after it was received");
            }
            asked.min(left)
        }
    };
    let changed = shared
        .client
        .change_message_visibility()
        .queue_url(&target.url)
        .receipt_handle(handle)
        .visibility_timeout(seconds)
        .send()
        .await;
    match changed.map_err(|error| AwsFault::new("ChangeMessageVisibility", &error)) {
        Ok(_) if seconds == 0 => shared.held.forget(std::slice::from_ref(receipt)),
        Ok(_) => {
            let until = Instant::now() + Duration::from_secs(seconds.unsigned_abs().into());
            shared.held.hide(receipt, until);
        }
        // SQS tells the cap and a message that is gone apart by words alone.
        Err(fault) if fault.says("beyond the limit") => return Err(SqsError::TwelveHours.into()),
        Err(fault) if is_gone(&fault) => {
            shared.held.forget(std::slice::from_ref(receipt));
            return Err(TransportError::StaleReceipt);
        }
        Err(fault) => return Err(target.failed(fault).into()),
    }
    Ok(())
}

/// Whether SQS knows no such delivery, or none any more.
fn is_gone(fault: &AwsFault) -> bool {
    fault.has_code(&[
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
        "InvalidParameterValue",
        "InvalidParameterValueException",
    ])
}
