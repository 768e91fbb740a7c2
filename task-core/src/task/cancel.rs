//! How a running task learns that it should stop.

use std::time::Duration;

use tokio::sync::watch;

use crate::id::CollectionId;

/// The object whose existence means that a collection was cancelled.
///
/// An External worker has no database and its heartbeats go one way, but every worker has the
/// object store; so that is where the manager leaves the word.
pub(crate) fn marker(collection: CollectionId) -> String {
    format!("cancelled/{collection}")
}

/// The sending side, held by who runs the attempt.
#[derive(Debug)]
pub(crate) struct CancelSignal(watch::Sender<bool>);

/// The receiving side, for the task: see [`TaskContext::cancelled`](super::TaskContext::cancelled).
#[derive(Clone, Debug)]
pub struct Cancelled(watch::Receiver<bool>);

impl CancelSignal {
    pub(crate) fn new() -> (Self, Cancelled) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Cancelled(receiver))
    }

    pub(crate) fn cancel(&self) {
        self.0.send_replace(true);
    }
}

impl Cancelled {
    /// Whether to stop.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when the task should stop; never, if it never should.
    pub async fn cancelled(mut self) {
        if self.0.wait_for(|cancelled| *cancelled).await.is_err() {
            // Who ran the attempt has gone without a word, and will drop the task as well.
            std::future::pending::<()>().await;
        }
    }
}

/// How often a worker looks for the word, unless told otherwise.
pub(crate) const DEFAULT_CANCEL_POLL: Duration = Duration::from_secs(5);
