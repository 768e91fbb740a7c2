//! Completions on their way out, in batches: first the completion, then the acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::ports::runtime::Runtime;
use crate::ports::transport::{Outgoing, Receipt, Transport};
use crate::route::{Queue, WorkerKind};

/// A task that is done: what the manager must hear, and the delivery that it settles.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) message: Option<Outgoing>,
    pub(super) receipt: Receipt,
    pub(super) permit: tokio::sync::OwnedSemaphorePermit,
}

/// Sends completions until every sender has gone.
pub(super) async fn complete(
    transport: Arc<dyn Transport>,
    runtime: Arc<dyn Runtime>,
    kind: WorkerKind,
    mut done: mpsc::UnboundedReceiver<Done>,
) {
    let mut batch = Vec::new();
    while done.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let mut receipts = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        let mut permits = Vec::with_capacity(batch.len());
        for Done {
            message,
            receipt,
            permit,
        } in batch.drain(..)
        {
            match message {
                Some(message) => messages.push((message, receipt)),
                None => receipts.push(receipt),
            }
            permits.push(permit);
        }
        let mut pause = Duration::from_millis(50);
        // A completion that cannot be sent is not acknowledged either: after a few tries the
        // dispatch comes again, and the fence makes the twin harmless.
        for _ in 0..TRIES {
            messages = send(&*transport, messages, &mut receipts).await;
            if messages.is_empty() {
                break;
            }
            runtime.sleep(pause).await;
            pause *= 2;
        }
        if !messages.is_empty() {
            tracing::error!(
                lost = messages.len(),
                "completions not sent; their tasks run again"
            );
        }
        if let Err(error) = transport.ack(kind.queue(), &receipts).await {
            tracing::warn!(%error, "not acknowledged; the dispatches come again and are dropped");
        }
        drop(permits);
    }
}

/// Sends once; what was sent adds its receipt to `sent`, what was not is returned.
async fn send(
    transport: &dyn Transport,
    messages: Vec<(Outgoing, Receipt)>,
    sent: &mut Vec<Receipt>,
) -> Vec<(Outgoing, Receipt)> {
    if messages.is_empty() {
        return messages;
    }
    let bodies = messages
        .iter()
        .map(|(message, _)| message.clone())
        .collect();
    match transport.send(Queue::Manager, bodies).await {
        Ok(results) => {
            let mut left = Vec::new();
            for (message, result) in messages.into_iter().zip(results) {
                match result {
                    Ok(()) => sent.push(message.1),
                    Err(error) => {
                        tracing::warn!(%error, "completion not sent");
                        left.push(message);
                    }
                }
            }
            left
        }
        Err(error) => {
            tracing::warn!(%error, "completions not sent");
            messages
        }
    }
}

const MOST_AT_ONCE: usize = 1000;
const TRIES: u32 = 5;
